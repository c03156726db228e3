# JupyterLab with the Rust kernel and the chapters, compiled and ready.
#
#   docker build -t deltaw . && docker run --rm -p 8888:8888 deltaw
#
# For JupyterHub (DockerSpawner, KubeSpawner) use the image as it is: it starts `jupyterhub-singleuser` when told to.
FROM rust:1-bookworm

RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv mold \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 learner

USER learner
WORKDIR /home/learner
ENV CARGO_HOME=/home/learner/.cargo \
    PATH=/home/learner/jupyter/bin:/home/learner/.cargo/bin:/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    DELTAW_JUPYTER=/home/learner/jupyter/bin/python
RUN python3 -m venv jupyter \
 && jupyter/bin/pip install --no-cache-dir "jupyterlab>=4.2,<5" "jupyterhub>=5,<6" "nbclient>=0.10,<1" "nbformat>=5.10,<6" \
 && cargo install evcxr_jupyter --version 0.22.0 --locked \
 && JUPYTER_PATH=/home/learner/jupyter/share/jupyter evcxr_jupyter --install

COPY --chown=learner:learner . deltaw
WORKDIR /home/learner/deltaw
RUN cargo install --path . --locked && deltaw notebooks setup --yes

EXPOSE 8888
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser", "--ServerApp.root_dir=/home/learner/deltaw/notebooks"]
