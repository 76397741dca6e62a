"""A real browser: chromium without a window, driven over its own protocol with websocket-client."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import websocket
from typing_extensions import Self

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_DEADLINE_SEC = 60
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


class Browser:
    """One page in a new browser without a history. A context manager."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            [CHROMIUM or "chromium", *_OPTIONS, f"--user-data-dir={self._folder.name}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        port = self._port(Path(self._folder.name) / "DevToolsActivePort")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=_DEADLINE_SEC) as response:
            page = next(target for target in json.load(response) if target["type"] == "page")
        url = page["webSocketDebuggerUrl"]
        self._socket = websocket.create_connection(url, timeout=_DEADLINE_SEC, suppress_origin=True)
        self._number = 0
        self.complaints: list[str] = []
        """What the page's console has reported: exceptions, and what a policy has blocked."""
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def _port(self, file: Path) -> str:
        """The port of its protocol, which it writes to a file once it listens."""
        deadline_sec = time.monotonic() + _DEADLINE_SEC
        while not (file.exists() and (lines := file.read_text().splitlines())):
            assert self._process.poll() is None, "the browser has ended"
            assert time.monotonic() < deadline_sec, "the browser did not start"
            time.sleep(0.02)
        return lines[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Calls a method of the browser's protocol, and returns its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("method") in {"Runtime.exceptionThrown", "Log.entryAdded"}:
                self.complaints.append(json.dumps(message["params"]))
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page; of a promise, its result."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_until(self, expression: str) -> Any:
        """The value of an expression as soon as that is true."""
        return self.evaluate(
            f"new Promise((resolve, reject) => {{ const end = Date.now() + {_DEADLINE_SEC * 1000}; (function look() {{ "
            f"const found = {expression}; if (found) resolve(found); "
            "else if (Date.now() > end) reject(new Error('never true')); else setTimeout(look, 20); })(); })"
        )

    def open(self, url: str, *, width: int = 1280, height: int = 900, dark: bool = False, phone: bool = False) -> None:
        """Opens a page in a window of this size."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=url)
        address = json.dumps(url.partition("#")[0])
        self.wait_until(f"document.readyState === 'complete' && location.href.split('#')[0] === {address}")

    def place_of(self, selector: str) -> tuple[float, float, float, float]:
        """Left, top, width and height of an element, which is scrolled into view."""
        left, top, width, height = self.evaluate(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)}); "
            "found.scrollIntoView({ block: 'center' }); const box = found.getBoundingClientRect(); "
            "return [box.left, box.top, box.width, box.height]; })()"
        )
        return left, top, width, height

    def mouse(self, kind: str, x: float, y: float, clicks: int = 1) -> None:
        """Moves the mouse, or presses or releases its button."""
        pressed = {} if kind == "mouseMoved" else {"clickCount": clicks}
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, **pressed)

    def click(self, selector: str, clicks: int = 1) -> None:
        """Clicks into the middle of an element; twice selects a word, three times a paragraph."""
        left, top, width, height = self.place_of(selector)
        for number in range(1, clicks + 1):
            self.mouse("mousePressed", left + width / 2, top + height / 2, number)
            self.mouse("mouseReleased", left + width / 2, top + height / 2, number)

    def save_picture(self, path: Path) -> None:
        """Writes a PNG of what the window shows."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
