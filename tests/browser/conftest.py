"""A reader's JupyterLab, started by the command a reader types, and a Chromium that works in it.

Nothing is downloaded: where Chromium or its driver are missing, these tests are skipped and say so.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import (
    NoAlertPresentException,
    SessionNotCreatedException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tutorial_lib.cli import environment
from tutorial_lib.kit.settings import ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--headless=new", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
         "--no-default-browser-check", "--no-proxy-server", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--window-size=1280,900")
CONTROL = Keys.COMMAND if sys.platform == "darwin" else Keys.CONTROL
RUN_ALL_SECONDS = 240  # a chapter takes 45 to 60 CPU seconds; the cores may be shared


# ---------------------------------------------------------------- JupyterLab


class ReadersLab:
    """`python -m tutorial_lib lab`, as a process of its own with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.book, self.process, self.url = folder, folder / "workbook", None, ""

    def environment(self) -> dict[str, str]:
        """A first start: nothing of this machine's JupyterLab is known to it."""
        ours = {"HOME": "home", "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data",
                "JUPYTER_RUNTIME_DIR": "runtime", "IPYTHONDIR": "ipython"}
        for name in ours.values():
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        foreign = re.compile(r"(JUPYTER|XDG_|MPLBACKEND|TUTORIAL_|PYTEST)")
        kept = {k: v for k, v in os.environ.items() if not foreign.match(k)}
        return kept | {k: str(self.folder / v) for k, v in ours.items()} | {
            "TUTORIAL_HOME": str(self.book), "TUTORIAL_MODE": "learn", "PYTHONUNBUFFERED": "1"}

    def start(self, seconds: float = 90) -> ReadersLab:
        """Start on a free port and wait until it serves."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.log = self.folder / f"lab-{port}.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tutorial_lib", "lab", "--no-browser", "--port", str(port)], cwd=ROOT,
                env=self.environment(), stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        end = time.monotonic() + seconds
        while not (self.url and self.get("/api/status")):
            if self.process.poll() is not None or time.monotonic() > end:
                said = self.said()
                self.stop()
                pytest.fail(f"JupyterLab did not start:\n{said[-3000:]}")
            found = re.findall(rf"http://127\.0\.0\.1:{port}/\S+token=\w+", self.said())
            self.url = found[-1] if found else ""
            time.sleep(0.2)
        return self

    def said(self) -> str:
        """What the command printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def get(self, path: str, method: str = "GET"):
        """The server's JSON answer, or None while there is none."""
        base, token = re.match(r"(http://[^/]+)/\S*token=(\w+)", self.url).groups()
        request = urllib.request.Request(base + path, method=method, headers={"Authorization": f"token {token}"})
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as reply:
                return json.loads(reply.read() or "{}")
        except (OSError, ValueError):
            return None

    def end_kernels(self) -> None:
        """Stop every kernel, as a night does."""
        for session in self.get("/api/sessions") or []:
            self.get(f"/api/sessions/{session['id']}", "DELETE")

    def stop(self) -> None:
        """End the kernels and the whole process group."""
        if self.url and self.process.poll() is None:
            self.end_kernels()
        for how, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
            end = time.monotonic() + seconds
            try:
                os.killpg(self.process.pid, how)
                while time.monotonic() < end:
                    self.process.poll()
                    os.killpg(self.process.pid, 0)
                    time.sleep(0.1)
            except ProcessLookupError:
                return


@pytest.fixture(scope="session")
def programs():
    """The paths of browser and driver; skips where a reader has none, or where `lab` would install an environment."""
    if os.name == "nt":
        pytest.skip("the browser tests need process groups as Linux and macOS have them")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if not browser or not driver:
        lacking = " and ".join(what for what, path in (("Chromium", browser), ("chromedriver", driver)) if not path)
        pytest.skip(f"no {lacking} on PATH: the chapters were not tried in a browser")
    if not environment.in_own_environment():
        pytest.skip("this Python is no virtual environment: `lab` would set one up first")
    return browser, driver


@pytest.fixture(scope="module")
def lab(programs, tmp_path_factory):
    """A running JupyterLab with a reader's fresh workbook."""
    running = ReadersLab(tmp_path_factory.mktemp("reader"))
    yield running.start()
    running.stop()


# ---------------------------------------------------------------- the browser


class Page:
    """What a reader does in JupyterLab: open, look, click, type, run."""

    def __init__(self, driver, lab: ReadersLab) -> None:
        self.driver, self.lab = driver, lab

    def wait(self, condition, what: str, seconds: float = 30):
        """The first true value of `condition()`; a failure names what was waited for."""
        try:
            return WebDriverWait(self.driver, seconds, 0.1, (StaleElementReferenceException,)).until(
                lambda _: condition())
        except TimeoutException:
            pytest.fail(f"after {seconds:.0f} s still waiting for {what}")

    def js(self, code: str, *args):
        """The value of a piece of JavaScript."""
        return self.driver.execute_script(code, *args)

    def all(self, css: str, inside=None):
        """Elements by CSS, in `inside` or in the notebook that is open."""
        return (inside or self.panel()).find_elements(By.CSS_SELECTOR, css)

    def panel(self):
        """The notebook that is open."""
        return self.wait(lambda: next((p for p in self.driver.find_elements(By.CSS_SELECTOR, ".jp-NotebookPanel")
                                       if p.is_displayed()), None), "a notebook to open")

    def open(self, url: str) -> None:
        """Open a notebook by its address and wait until its kernel is idle and all its cells are there."""
        self.driver.get("about:blank")
        with contextlib.suppress(NoAlertPresentException):
            self.driver.switch_to.alert.accept()  # "leave without saving?"
        self.driver.get(url)
        path = re.search(r"/lab/tree/([^?]+)", url).group(1)
        cells = len(json.loads((self.lab.book / path).read_text(encoding="utf-8"))["cells"])
        self.wait(lambda: len(self.all(".jp-Notebook .jp-Cell")) >= cells, f"{cells} cells of {path}", 120)
        self.wait(lambda: self.status() == "idle", "an idle kernel", 60)

    def open_chapter(self, number: str) -> Path:
        """Open the reader's copy of a chapter; returns its file."""
        file = next(self.lab.book.rglob(f"{number}_*.ipynb"))
        relative = file.relative_to(self.lab.book).as_posix()
        self.open(self.lab.url.replace("/lab/tree/00_start_here.ipynb", f"/lab/tree/{relative}"))
        return file

    def status(self) -> str:
        """The kernel's state as the toolbar shows it."""
        found = self.all(".jp-Notebook-ExecutionIndicator")
        return found[0].get_attribute("data-status") if found else ""

    def prompts(self) -> list[str]:
        """The prompts of all code cells: [ ], [*] or a number."""
        return self.js("return [...arguments[0].querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
                       ".map(e => e.textContent.trim())", self.panel())

    def errors(self) -> list[str]:
        """The text of all error outputs."""
        return [e.get_attribute("textContent") for e in self.all("[data-mime-type='application/vnd.jupyter.error']")]

    def menu(self, bar: str, item: str) -> None:
        """Choose from the menu bar."""
        next(e for e in self.driver.find_elements(By.CSS_SELECTOR, ".lm-MenuBar-item") if e.text == bar).click()
        self.wait(lambda: next((e for e in self.driver.find_elements(By.CSS_SELECTOR, ".lm-Menu-item")
                                if e.text.startswith(item)), None), f"{bar} > {item}").click()

    def run_all(self) -> float:
        """Run All Cells, wait for the end (an error ends it too); returns the seconds."""
        began = time.monotonic()
        self.menu("Run", "Run All Cells")

        def ended():
            open_cells = [p for p in self.prompts() if not re.fullmatch(r"\[\d+\]:", p)]
            return self.status() == "idle" and "[*]:" not in open_cells and (not open_cells or self.errors())

        self.wait(ended, "the end of Run All", RUN_ALL_SECONDS)
        return time.monotonic() - began

    def cell(self, text: str):
        """The first code cell whose source contains `text`, scrolled to."""
        found = self.js(
            "return [...arguments[0].querySelectorAll('.jp-CodeCell')].find(c => [...c.querySelectorAll('.cm-line')]"
            ".map(l => l.textContent).join('\\n').includes(arguments[1]))", self.panel(), text)
        assert found, f"no cell with {text!r}"
        return self.see(found)

    def see(self, element):
        """Scroll to an element until it stands still (cells above may still be laid out)."""
        places = []

        def still():
            places.append(self.js("arguments[0].scrollIntoView({block: 'center'});"
                                  "return Math.round(arguments[0].getBoundingClientRect().top)", element))
            return len(places) > 2 and places[-1] == places[-2] == places[-3]

        self.wait(still, "the page to stand still")
        return element

    def source(self, cell) -> str:
        """What stands in a cell's editor."""
        return "\n".join(self.js("return [...arguments[0].querySelectorAll('.cm-line')].map(l => l.textContent)", cell))

    def type_into(self, cell, *lines: str) -> None:
        """Replace a cell's text by typing; the editor indents after a colon by itself."""
        editor = self.all(".cm-content", cell)[0]
        editor.click()
        editor.send_keys(CONTROL, "a")
        editor.send_keys(Keys.DELETE)
        for i, line in enumerate(lines):
            editor.send_keys(*([Keys.ENTER] if i else []), line.lstrip())
        self.wait(lambda: self.source(cell) == "\n".join(lines), "what was typed to stand in the cell")

    def run(self, cell) -> None:
        """Run one cell with Ctrl+Enter and wait for its end."""
        def prompt():
            return self.all(".jp-InputPrompt", cell)[0].get_attribute("textContent").strip()

        before = prompt()
        self.see(cell)
        editor = self.all(".cm-content", cell)[0]
        editor.click()
        editor.send_keys(Keys.CONTROL, Keys.ENTER)
        self.wait(lambda: prompt() != before and re.fullmatch(r"\[\d+\]:", prompt()) and self.status() == "idle",
                  "the cell to run", 60)

    def output(self, cell) -> str:
        """The text of a cell's output, folded parts included."""
        return " ".join(self.js("return arguments[0].querySelector('.jp-OutputArea').textContent", cell).split())

    def focused(self):
        """The element that has the keyboard."""
        return self.driver.switch_to.active_element

    def tab_to(self, wanted, start=None, most: int = 12):
        """Press Tab until `wanted(element)` holds, at first out of the cell `start`, left with Escape."""
        if start is not None:
            self.all(".cm-content", start)[0].click()
            self.focused().send_keys(Keys.ESCAPE)
        for _ in range(most):
            self.focused().send_keys(Keys.TAB)
            if wanted(self.focused()):
                return self.focused()
        pytest.fail(f"{most} presses of Tab did not reach the control")

    def picture(self, box) -> str:
        """A hash of the bytes of the image in `box`."""
        data = self.driver.execute_async_script(
            "const [image, done] = arguments;"
            "fetch(image.src).then(r => r.arrayBuffer()).then(b => done(Array.from(new Uint8Array(b))))"
            ".catch(e => done(null))", self.all("img", box)[0])
        return hashlib.sha256(bytes(data)).hexdigest() if data else ""

    def save(self) -> None:
        """Save the notebook with the keyboard and wait until the tab says so."""
        tab = "#jp-main-dock-panel .lm-TabBar-tab.jp-mod-current"
        self.focused().send_keys(CONTROL, "s")
        self.wait(lambda: "jp-mod-dirty" not in self.driver.find_element(By.CSS_SELECTOR, tab).get_attribute("class"),
                  "the notebook to be saved")


@pytest.fixture(scope="module")
def chromium(programs, tmp_path_factory):
    """A Chromium under its driver, with a profile of its own."""
    browser, driver_path = programs
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    for flag in (*FLAGS, *(["--no-sandbox"] if root else []),
                 f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        try:
            driver = webdriver.Chrome(options=options, service=Service(executable_path=driver_path))
        except SessionNotCreatedException as error:
            pytest.skip(f"Chromium does not start under its driver: {str(error.msg).splitlines()[0]}")
        driver.set_script_timeout(30)
        yield driver
        driver.quit()


@pytest.fixture(scope="module")
def page(lab, chromium):
    """A browser beside the running JupyterLab."""
    return Page(chromium, lab)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test leaves a picture of the page and says where it lies."""
    report = yield
    there = getattr(item, "funcargs", {}).get("page")
    if report.failed and isinstance(there, Page):
        file = there.lab.folder / f"{item.name}-{report.when}.png"
        try:
            there.driver.save_screenshot(str(file))
            report.sections.append(("screenshot", str(file)))
        except Exception as error:  # a picture is a courtesy; the failure itself must come through
            report.sections.append(("screenshot", f"none: {error}"))
    return report
