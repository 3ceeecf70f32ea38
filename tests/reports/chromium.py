"""A headless chromium spoken to over its debugging socket: opens a file and tells what a person would see."""

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any
from urllib.request import urlopen

import pytest
from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE_S, LOOK_AGAIN_S = 60.0, 0.05


def found() -> str | None:
    """Where chromium is on this machine, if anywhere."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Tab:
    """One page, opened at a width; what it asked of the network is in `requests`."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._asked = 0
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def open(self, path: Path, width: int, height: int = 900, scripts: bool = True) -> None:
        """Load a file as on a screen so wide, and wait until it is drawn."""
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700}
        self.ask("Emulation.setDeviceMetricsOverride", **screen)
        self.ask("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.requests.clear()
        self.ask("Page.navigate", url=path.as_uri())
        ready = "document.readyState === 'complete'"
        drawn = "[...document.querySelectorAll('.chart')].every(each => each.querySelector('svg'))"
        self.until(f"{ready} && {drawn}" if scripts else ready)

    def until(self, condition: str) -> None:
        """Wait for a condition in the page."""
        between = Event()
        for _ in range(round(PATIENCE_S / LOOK_AGAIN_S)):
            if self.value(condition):
                return
            between.wait(LOOK_AGAIN_S)
        raise TimeoutError(condition)

    def value(self, expression: str) -> Any:
        """What an expression is in the page."""
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def screenshot(self) -> bytes:
        """The whole page as a PNG."""
        shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the browser, and note what it tells meanwhile."""
        self._asked += 1
        self._socket.send(json.dumps({"id": self._asked, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._socket.recv(PATIENCE_S))
            if told.get("id") == self._asked:
                assert "error" not in told, told
                return dict(told["result"])
            self._note(told)

    def _note(self, told: dict[str, Any]) -> None:
        if told["method"] == "Network.requestWillBeSent":
            self.requests.append(told["params"]["request"]["url"])
        elif told["method"] == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(told["params"]["exceptionDetails"]))
        elif told["method"] == "Log.entryAdded":
            self.complaints.append(told["params"]["entry"]["text"])


@contextmanager
def tab(program: str, folder: Path) -> Iterator[Tab]:
    """Start chromium with a profile of its own in `folder`, on a free port of this machine; stop it at the end."""
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars")
    quiet = ("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage")
    words = [program, *options, *quiet, "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
        try:
            port = _port(folder / "DevToolsActivePort", browser)
            with urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
                pages = [each for each in json.load(answer) if each["type"] == "page"]
            with connect(pages[0]["webSocketDebuggerUrl"], max_size=None, proxy=None) as socket:
                yield Tab(socket)
        finally:
            browser.terminate()


def _port(told: Path, browser: "subprocess.Popen[bytes]") -> int:
    between = Event()
    for _ in range(round(PATIENCE_S / LOOK_AGAIN_S)):
        if browser.poll() is not None:  # such as the stub of a distribution that has it elsewhere
            pytest.skip("chromium does not start on this machine")
        lines = told.read_text().split() if told.is_file() else []
        if lines:
            return int(lines[0])
        between.wait(LOOK_AGAIN_S)
    raise TimeoutError("chromium did not say where it listens")
