"""Opens a chapter in JupyterLab with Chromium, as a reader would, runs all its cells and takes a picture.

lab.py DELTAW CHAPTER PICTURE

DELTAW is the program, CHAPTER the beginning of a chapter's name, PICTURE the PNG to write. Works on a copy under
target/lab. Fails when a cell shows an error, when one was not run, or when no figure is there. DELTAW_JUPYTER names the
Python that has JupyterLab and the kernel; CHROMIUM the browser, without it `chromium` on the PATH.
"""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "lab"
TOKEN = "picture"
# The first start may compile the prelude.
PATIENCE = 1800

# All cells are in the page, not only those on the screen; no news, whose question would cover the picture.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none", "autoStartDefaultKernel": True},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
}
KERNEL = """() => {
    const kernel = window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel;
    return kernel ? `${kernel.connectionStatus} ${kernel.status}` : 'none';
}"""
CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets.filter(cell => cell.model.type === 'code').map(cell => ({
    ran: cell.model.executionCount !== null && cell.model.executionState === 'idle',
    errors: cell.model.outputs.toJSON().filter(output => output.output_type === 'error' || output.name === 'stderr')
        .map(output => (output.traceback || [output.text]).join('')),
    figures: [...cell.node.querySelectorAll('.jp-OutputArea-output figure img')].filter(image => image.naturalWidth > 0).length,
}))"""


def prepare():
    shutil.rmtree(WORK, ignore_errors=True)
    chapters = WORK / "notebooks"
    chapters.mkdir(parents=True)
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        shutil.copy(notebook, chapters)
    config = (ROOT / "notebooks" / "evcxr.toml").read_text()
    config = config.replace("../target/notebooks", str(ROOT / "target" / "notebooks"))
    config = config.replace('path = "prelude"', f'path = "{ROOT / "notebooks" / "prelude"}"')
    (chapters / "evcxr.toml").write_text(config)
    for name, values in SETTINGS.items():
        path = WORK / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    return chapters


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start_lab(deltaw, chapters, port):
    environment = dict(
        os.environ,
        JUPYTER_TOKEN=TOKEN,
        JUPYTERLAB_SETTINGS_DIR=str(WORK / "settings"),
        JUPYTERLAB_WORKSPACES_DIR=str(WORK / "workspaces"),
    )
    command = [deltaw, "notebooks", "open", "--no-browser", "--port", str(port), "--dir", str(chapters)]
    # The page then says which cells ran; a folded cell shows no number.
    command += ["--", "--LabApp.expose_app_in_browser=True"]
    command += ["--allow-root"] if os.getuid() == 0 else []
    log = open(WORK / "lab.log", "w")
    return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def wait_for_server(lab, port):
    for _ in range(240):
        if lab.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token={TOKEN}", timeout=2)
            return
        except OSError:
            time.sleep(0.5)
    sys.exit("JupyterLab did not start:\n" + (WORK / "lab.log").read_text()[-2000:])


def answer_kernel_question(page):
    """Says yes where JupyterLab asks for the kernel; it asks when it does not find the one that the notebook names at once."""
    dialog = page.locator(".jp-Dialog", has_text="Select Kernel")
    if dialog.count():
        dialog.locator("select").select_option(label="Rust")
        dialog.locator(".jp-mod-accept").click()


def open_chapter(page, name, port):
    page.goto(f"http://127.0.0.1:{port}/lab/tree/{name}?token={TOKEN}&reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=120_000)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        answer_kernel_question(page)
        if page.evaluate(KERNEL) == "connected idle":
            return
        time.sleep(0.5)
    sys.exit("the kernel did not come up")


def run_all(page):
    page.locator(".lm-MenuBar-item", has_text="Run").click()
    page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').click()
    end, cells = time.monotonic() + PATIENCE, []
    while time.monotonic() < end:
        time.sleep(1)
        cells = page.evaluate(CELLS)
        if all(cell["ran"] for cell in cells) or any(cell["errors"] for cell in cells):
            return cells
    sys.exit(f"not all cells ran in {PATIENCE} s")


def picture(page, path):
    """The screen with the chapter's first figure in its middle, in at most 256 colours."""
    page.locator(".jp-OutputArea-output figure img").first.evaluate("image => image.scrollIntoView({block: 'center'})")
    # The menu's last item may still be fading.
    page.wait_for_timeout(1000)
    page.screenshot(path=path)
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)


def main():
    deltaw, wanted, path = sys.argv[1:]
    chapters = prepare()
    name = next(notebook.name for notebook in sorted(chapters.glob("*.ipynb")) if notebook.name.startswith(wanted))
    port = free_port()
    lab = start_lab(deltaw, chapters, port)
    try:
        wait_for_server(lab, port)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
                args=["--no-sandbox"] if os.getuid() == 0 else [],
            )
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            start = time.monotonic()
            open_chapter(page, name, port)
            up = time.monotonic()
            cells = run_all(page)
            ran = time.monotonic()
            picture(page, path)
            browser.close()
    finally:
        # JupyterLab ends its kernels before itself.
        lab.terminate()
        lab.wait()
    faults = [error for cell in cells for error in cell["errors"]]
    figures = sum(cell["figures"] for cell in cells)
    print(f"{name}: {len(cells)} cells, {figures} figures; open after {up - start:.1f} s, all ran in {ran - up:.1f} s; {path}")
    if faults or not figures:
        sys.exit("\n".join(faults) or "no figure is shown")


main()
