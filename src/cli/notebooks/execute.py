"""Runs cells one after the other in one kernel, named as the argument; reads a job from standard input and writes a JSON object a line.

First {"ready": true}, when Jupyter and the kernel's entry are there. Then the job, one line: {"folder", "startup", "timeout",
"cells": [source, ...]}. Then {"started": seconds}, for each cell {"seconds", "outputs"}, and {"dead": why} when the kernel is gone or
something took too long. When standard input ends, whoever gives the job is gone: the kernel and what it started are ended too.
"""
import json
import os
import signal
import sys
import threading
import time

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError


def say(**line):
    print(json.dumps(line), flush=True)


def end_with_the_giver(client):
    while os.read(0, 4096):
        pass
    group = getattr(getattr(client.km, "provisioner", None), "pgid", None)
    if group:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass
        client.km.cleanup_connection_file()
    os._exit(1)


def main():
    kernel = sys.argv[1]
    KernelSpecManager().get_kernel_spec(kernel)
    say(ready=True)
    line = sys.stdin.readline()
    if not line:
        return
    job = json.loads(line)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in job["cells"]])
    client = NotebookClient(
        notebook,
        kernel_name=kernel,
        startup_timeout=job["startup"],
        timeout=job["timeout"],
        allow_errors=True,
        store_widget_state=False,
        resources={"metadata": {"path": job["folder"]}},
    )
    # Ctrl-C ends the giver as well, and then the end of standard input does what is to be done here.
    signal.signal(signal.SIGINT, lambda *_: None)
    threading.Thread(target=end_with_the_giver, args=[client], daemon=True).start()
    start = time.monotonic()
    try:
        with client.setup_kernel():
            say(started=time.monotonic() - start)
            for index, cell in enumerate(notebook.cells):
                start = time.monotonic()
                client.execute_cell(cell, index)
                say(seconds=time.monotonic() - start, outputs=cell.outputs)
    except CellTimeoutError:
        say(dead=f"took longer than {job['timeout']} s; --timeout SECONDS gives it longer")
    except DeadKernelError:
        say(dead="the kernel died")
    except RuntimeError as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        say(dead=f"{first}; --startup SECONDS gives the kernel longer" if "didn't respond" in first else first)


main()
