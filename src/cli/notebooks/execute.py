"""Runs cells one after the other in one kernel; reads a job from standard input and writes a JSON object a line.

Job: {"kernel", "folder", "startup", "timeout", "cells": [source, ...]}. Lines: {"started": seconds}, then for each cell
{"seconds", "outputs", "status"}, and {"dead": why} when the kernel is gone or a cell took too long.
"""
import json
import sys
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError


def say(**line):
    print(json.dumps(line), flush=True)


def main():
    job = json.load(sys.stdin)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in job["cells"]])
    client = NotebookClient(
        notebook,
        kernel_name=job["kernel"],
        startup_timeout=job["startup"],
        timeout=job["timeout"],
        allow_errors=True,
        store_widget_state=False,
        resources={"metadata": {"path": job["folder"]}},
    )
    start = time.monotonic()
    try:
        with client.setup_kernel():
            say(started=time.monotonic() - start)
            for index, cell in enumerate(notebook.cells):
                start = time.monotonic()
                client.execute_cell(cell, index)
                reply = next((o for o in cell.outputs if o["output_type"] == "error"), None)
                say(seconds=time.monotonic() - start, outputs=cell.outputs, status="error" if reply else "ok")
    except CellTimeoutError:
        say(dead=f"took longer than {job['timeout']} s")
    except (DeadKernelError, RuntimeError) as error:
        say(dead=str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)


main()
