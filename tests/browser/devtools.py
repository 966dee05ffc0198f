"""A headless Chromium, driven by the DevTools protocol over a pipe: no port, no driver, no package.

https://chromedevtools.github.io/devtools-protocol/: messages are JSON, each ended by a NUL; the
browser reads them from descriptor 3 and answers on 4.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_PATIENCE: Final = 60.0  # seconds for one answer
# The descriptors get their numbers in the new process.
_START: Final = (
    "import os, sys; r, w = int(sys.argv[1]), int(sys.argv[2])\n"
    "os.dup2(r, 103); os.dup2(w, 104); os.dup2(103, 3); os.dup2(104, 4)\n"
    "os.execv(sys.argv[3], sys.argv[3:])"
)


class Browser:
    """One page in a browser of its own. What it loads, logs and throws is kept."""

    def __init__(self, executable: str, profile: Path) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._numbers = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._events: list[dict[str, Any]] = []
        self._asked: dict[str, str] = {}
        self._rest = b""
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        flags = [
            "--headless=new",
            "--no-sandbox",  # root has no other way; the pages are our own
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-dev-shm-usage",
            "--disable-extensions",
            "--disable-sync",
            "--hide-scrollbars",
            "--no-first-run",
            "--no-pings",
            "--force-device-scale-factor=1",
            f"--user-data-dir={profile}",
            "--remote-debugging-pipe",
            "about:blank",
        ]
        start = [sys.executable, "-c", _START, str(theirs_in), str(theirs_out), executable, *flags]
        self._process = subprocess.Popen(
            start,
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(profile), "XDG_CONFIG_HOME": str(profile)},
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._session = ""
        targets = self.ask("Target.getTargets")["targetInfos"]
        page = next(item for item in targets if item["type"] == "page")
        attached = self.ask("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM", "Accessibility"):
            self.ask(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
        os.close(self._in)
        os.close(self._out)

    # --- the protocol ---

    def ask(self, method: str, **parameters: object) -> dict[str, Any]:
        """The answer's result. Raises RuntimeError with what the browser says is wrong."""
        number = next(self._numbers)
        message: dict[str, object] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        answer = self._wait(number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _wait(self, number: int) -> dict[str, Any]:
        end = time.monotonic() + _PATIENCE
        while number not in self._answers:
            self._receive(end)
        return self._answers.pop(number)

    def _receive(self, end: float) -> None:
        ready, _, _ = select.select([self._in], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            raise TimeoutError("the browser does not answer")
        piece = os.read(self._in, 1 << 20)
        if not piece:
            raise RuntimeError("the browser has ended")
        *whole, self._rest = (self._rest + piece).split(b"\0")
        for raw in whole:
            message = json.loads(raw)
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                self._heard(message)

    def _heard(self, event: dict[str, Any]) -> None:
        method, said = event["method"], event["params"]
        if method == "Network.requestWillBeSent":
            self._asked[said["requestId"]] = said["request"]["url"]
            self.requests.append(said["request"]["url"])
        elif method == "Network.loadingFailed" and said.get("blockedReason") == "csp":
            self.requests.remove(self._asked[said["requestId"]])  # it never left the browser
        elif method == "Log.entryAdded":
            self.complaints.append(said["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints += [str(item.get("value")) for item in said["args"]]
        elif method == "Runtime.exceptionThrown":
            details = said["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        else:
            self._events.append(event)

    # --- what tests do ---

    def open(self, page: Path) -> None:
        """Loads the file, until all of it is there and its script has run."""
        self.requests.clear()
        self.complaints.clear()
        self._events.clear()
        self.ask("Page.navigate", url=page.as_uri())
        end = time.monotonic() + _PATIENCE
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._receive(end)

    def value(self, expression: str) -> Any:
        """What an expression (or promise) of the page's own language gives, as JSON."""
        answer = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def until(self, expression: str) -> None:
        """Waits until the expression is true. Raises TimeoutError."""
        end = time.monotonic() + _PATIENCE
        while not self.value(expression):
            if time.monotonic() > end:
                raise TimeoutError(expression)
            time.sleep(0.02)

    def press(self, *keys: str) -> None:
        """Keys by their names (`Tab`, `Enter`, `ArrowDown`), or one character each."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, " ": 32}
        for key in keys:
            text = "\r" if key == "Enter" else key if len(key) == 1 else ""
            both = {"key": key, "windowsVirtualKeyCode": codes.get(key, 0)}
            self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **both)
            self.ask("Input.dispatchKeyEvent", type="keyUp", **both)

    def prefer(self, scheme: str, media: str = "") -> None:
        """`scheme`: light or dark. `media`: print, or "" for the screen."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", media=media, features=features)

    def size(self, width: int, height: int) -> None:
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def picture(self, target: Path, *, whole: bool = False) -> None:
        """A PNG of what is seen, or of the whole page."""
        taken = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        target.write_bytes(base64.b64decode(taken["data"]))
