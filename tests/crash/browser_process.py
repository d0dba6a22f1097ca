"""A real Chromium that is spoken to through two pipes and can be killed at any moment, with all its processes.

Playwright is too polite for this: it wants to close what it opened, and starting it anew takes longer than a kill.
"""

import contextlib
import fcntl
import itertools
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

from tests.e2e.site import CHROMIUM, FLAGS

# Of the start-up, only what this needs: each start is one of a thousand.
LEAN = [
    "--remote-debugging-pipe",
    "--disable-breakpad",
    "--disable-extensions",
    "--disable-default-apps",
    "--disable-component-extensions-with-background-pages",
    "--disable-features=Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider",
    "--password-store=basic",
    "--mute-audio",
    "--window-size=390,844",
    "--accept-lang=zh-CN",
]


class Died(Exception):
    """The browser is gone."""


class Chromium:
    """One browser on one profile, with one page."""

    def __init__(self, profile: Path, script: str, binding: str) -> None:
        """Start it and hang a script and a way to tell something into each page before its own code runs."""
        out_child, out = _pipe()
        back, back_child = _pipe()

        def wire() -> None:
            os.dup2(out_child, 3)
            os.dup2(back_child, 4)

        self._process = subprocess.Popen(
            [str(CHROMIUM), *FLAGS, *LEAN, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "LANGUAGE": "zh_CN", "TZ": "Asia/Shanghai"},
            # Everything else that is open here closes itself when the child becomes the browser.
            close_fds=False,
            preexec_fn=wire,
            start_new_session=True,
        )
        os.close(out_child)
        os.close(back_child)
        self._out, self._back = out, back
        self._ids = itertools.count(1)
        self._answers: dict[int, Queue[dict[str, Any]]] = {}
        # What the page told, in order; complete once the browser is dead and `killed` has returned.
        self.told: list[str] = []
        self.errors: list[str] = []
        self._dead = False
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()
        self._session: str | None = None
        target = next(one for one in self._call("Target.getTargets")["targetInfos"] if one["type"] == "page")
        self._session = self._call("Target.attachToTarget", targetId=target["targetId"], flatten=True)[
            "sessionId"
        ]
        self._call("Page.enable")
        self._call("Runtime.enable")
        self._call("Runtime.addBinding", name=binding)
        self._call("Page.addScriptToEvaluateOnNewDocument", source=script)

    def open(self, url: str) -> None:
        """Go to an address; returns when the browser has begun to."""
        self._call("Page.navigate", url=url)

    def evaluate(self, expression: str, seconds: float = 30) -> Any:
        """Return what an expression or promise of the page comes to; raises AssertionError when it throws."""
        answer = self._call(
            "Runtime.evaluate",
            seconds=seconds,
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression: str, what: str, seconds: float = 30) -> Any:
        """Wait until an expression is true and return it."""
        deadline = time.monotonic() + seconds
        while True:
            # A page that is just being replaced has no place to evaluate in.
            with contextlib.suppress(AssertionError):
                if found := self.evaluate(expression):
                    return found
            assert time.monotonic() < deadline, f"waited for {what}; the page shows: {self._text()}"
            time.sleep(0.05)

    def kill(self) -> list[str]:
        """Kill every process of it at once, without a word; returns all that the page had told by then."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)
        deadline = time.monotonic() + 30
        while _alive(self._process.pid):
            assert time.monotonic() < deadline, "a process of the browser outlives SIGKILL"
            time.sleep(0.005)
        # What was written into the pipe before the end is still in it.
        self._reader.join(30)
        with contextlib.suppress(OSError):
            os.close(self._out)
        return self.told

    def _text(self) -> str:
        with contextlib.suppress(AssertionError, Died):
            return str(self.evaluate("document.body.innerText"))[:600]
        return "(nothing)"

    def _call(self, method: str, seconds: float = 30, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        asked = {"id": number, "method": method, "params": params}
        if self._session:
            asked["sessionId"] = self._session
        answers: Queue[dict[str, Any]] = Queue()
        self._answers[number] = answers
        try:
            os.write(self._out, json.dumps(asked).encode() + b"\0")
        except OSError as error:
            raise Died(method) from error
        deadline = time.monotonic() + seconds
        while True:
            try:
                answer = answers.get(timeout=0.2)
                break
            except Empty:
                if self._dead:
                    raise Died(method) from None
                assert time.monotonic() < deadline, f"no answer to {method}"
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    def _read(self) -> None:
        rest = b""
        while chunk := os.read(self._back, 1 << 20):
            *whole, rest = (rest + chunk).split(b"\0")
            for text in whole:
                self._hear(json.loads(text))
        self._dead = True
        os.close(self._back)

    def _hear(self, message: dict[str, Any]) -> None:
        if "id" in message:
            if waiting := self._answers.pop(message["id"], None):
                waiting.put(message)
        elif message["method"] == "Runtime.bindingCalled":
            self.told.append(message["params"]["payload"])
        elif message["method"] == "Runtime.exceptionThrown":
            details = message["params"]["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])


def _pipe() -> tuple[int, int]:
    """Make a pipe whose ends have numbers above those that the child gets, so that none is overwritten by another."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in ends]
    for end in ends:
        os.close(end)
    return high[0], high[1]


def _alive(group: int) -> bool:
    """Whether any process of a group still runs; one that only waits to be buried does not."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            # The name in brackets may itself hold anything.
            state, _parent, found = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            if int(found) == group and state not in "ZX":
                return True
    return False
