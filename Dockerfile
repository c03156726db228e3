# JupyterLab with the Rust kernel and the chapters, compiled and ready.
#
#   docker build -t deltaw . && docker run --init --rm -p 8888:8888 deltaw
#
# For JupyterHub (DockerSpawner, KubeSpawner) use the image as it is: it starts `jupyterhub-singleuser` when told to. The hub must be of
# the same major version. `.ci/image` follows these steps without Docker and runs the opening chapter at their end.
FROM rust:1.95-bookworm

RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv mold \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 learner \
 && rustup component add rust-src

USER learner
WORKDIR /home/learner
ENV CARGO_HOME=/home/learner/.cargo \
    PATH=/home/learner/jupyter/bin:/home/learner/.cargo/bin:/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    DELTAW_JUPYTER=/home/learner/jupyter/bin/python \
    RUST_SRC_PATH=/home/learner/deltaw/target/notebooks/library
RUN python3 -m venv jupyter \
 && jupyter/bin/pip install --no-cache-dir jupyterlab==4.6.6 jupyterhub==5.5.4 nbclient==0.11.0 nbformat==5.11.1 \
 && cargo install evcxr_jupyter --version 0.22.0 --locked \
 && JUPYTER_PATH=/home/learner/jupyter/share/jupyter evcxr_jupyter --install

COPY --chown=learner:learner . deltaw
WORKDIR /home/learner/deltaw
# The build folder of the program itself is not needed again; that of the notebooks, target/notebooks, is what makes a first cell quick.
RUN cargo install --path . --locked --target-dir /tmp/build \
 && rm -rf /tmp/build \
 && mkdir -p /home/learner/jupyter/etc/jupyter/jupyter_server_config.d \
 && cp binder/slow_start.json /home/learner/jupyter/etc/jupyter/jupyter_server_config.d/ \
 && deltaw notebooks setup --yes

WORKDIR /home/learner/deltaw/notebooks
EXPOSE 8888
CMD ["deltaw", "notebooks", "open", "--no-browser", "--port=8888", "--", "--ip=0.0.0.0"]
