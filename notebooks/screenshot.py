"""Opens a chapter in JupyterLab with a headless Chromium, runs all its cells and takes a picture of its figure.

    pip install playwright            # drives the system's Chromium; nothing is downloaded
    python notebooks/screenshot.py 00_opening docs/notebooks.png

Run it with the Python that has JupyterLab and knows the Rust kernel. Fails if a cell was not run or no figure is shown.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from playwright.sync_api import sync_playwright

HERE = pathlib.Path(__file__).parent.resolve()
TOKEN = "chapters"
WAIT = 600_000


def lab(folder):
    """A JupyterLab on `folder`, and its address."""
    settings = tempfile.mkdtemp()
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--port=0", "--allow-root", f"--IdentityProvider.token={TOKEN}",
         f"--ServerApp.root_dir={folder}", "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"],
        stderr=subprocess.PIPE, text=True, cwd=folder, start_new_session=True,
        env=dict(os.environ, JUPYTERLAB_SETTINGS_DIR=settings, JUPYTERLAB_WORKSPACES_DIR=settings),
    )
    for line in server.stderr:
        found = re.search(r"http://(localhost|127\.0\.0\.1):(\d+)", line)
        if found:
            return server, f"http://127.0.0.1:{found[2]}"
    raise SystemExit("JupyterLab did not start")


def main():
    chapter, picture = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("no Chromium on the PATH: apt install chromium")
    cells = json.loads((HERE / f"{chapter}.ipynb").read_text())["cells"]
    code = sum(cell["cell_type"] == "code" for cell in cells)
    server, address = lab(HERE)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            page.goto(f"{address}/lab/tree/{chapter}.ipynb?reset&token={TOKEN}", timeout=WAIT)
            page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=WAIT)
            # The kernel is up when its indicator says so.
            page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=WAIT)
            page.get_by_role("menuitem", name="Edit", exact=True).click()
            page.get_by_text("Clear Outputs of All Cells", exact=True).click()
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_text("Run All Cells", exact=True).click()
            page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="busy"]', timeout=WAIT)
            page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=WAIT)
            page.locator(".jp-Notebook .jp-OutputArea-output figure img").first.wait_for(timeout=WAIT)
            page.locator(".jp-Notebook .jp-OutputArea-output figure img").first.scroll_into_view_if_needed()
            page.wait_for_timeout(1000)
            run = page.evaluate(
                "() => [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')].map(e => e.textContent)")
            figures = page.locator(".jp-Notebook .jp-OutputArea-output figure img").count()
            wide = page.evaluate(
                "() => document.querySelector('.jp-Notebook .jp-OutputArea-output figure img').naturalWidth")
            page.screenshot(path=picture)
            browser.close()
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
    # JupyterLab draws only the cells near the window; those it drew must have a number.
    unrun = [prompt for prompt in run if not re.search(r"\[\d+\]", prompt)]
    print(f"{chapter}: {code} code cells, {len(run)} drawn, {len(unrun)} of them not run, {figures} figures in view")
    if unrun or figures == 0 or wide == 0:
        raise SystemExit(1)


main()
