"""The way into the app, as a WSGI server goes it: one request, or two that are inside at once."""

import base64
import contextvars
import io
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from flask import Flask

from campus_patrol import clock

DEAD = {"crashed": True, "status": 0, "retry": None, "text": ""}
_ENVIRON = {
    "SCRIPT_NAME": "",
    "SERVER_NAME": "patrol.test",
    "SERVER_PORT": "443",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "127.0.0.1",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "https",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": False,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}


class _Body:
    """A request's body on its way: ``reading`` is called when the server asks for it."""

    def __init__(self, content: bytes, reading: Callable[[], None] | None) -> None:
        self.content = io.BytesIO(content)
        self.reading = reading

    def read(self, size: int = -1) -> bytes:
        if self.reading is not None:
            self.reading()
        return self.content.read(size)


def answer(
    app: Flask,
    method: str,
    path: str,
    headers: dict[str, str],
    body: str | None,
    reading: Callable[[], None] | None,
) -> dict[str, Any]:
    """Let the app answer; ``body`` is base64, ``reading`` is called when the app asks for it."""
    content = base64.b64decode(body) if body is not None else b""
    where, _, query = path.partition("?")
    environ: dict[str, Any] = {
        **_ENVIRON,
        "REQUEST_METHOD": method,
        "PATH_INFO": where,
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.input": _Body(content, reading),
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    told: list[Any] = []
    said = app.wsgi_app(environ, lambda status, sent, *_: told.extend((status, sent)))
    try:
        text = b"".join(said).decode()
    finally:
        said.close()
    retry = next((value for name, value in told[1] if name == "Retry-After"), None)
    return {"crashed": False, "status": int(told[0][:3]), "retry": retry, "text": text}


class Other:
    """A second request inside the server at once with the first."""

    def __init__(self, worker: Any, asked: dict[str, Any], queued: bool) -> None:
        self.worker, self.asked, self.queued = worker, asked, queued
        self.said: dict[str, Any] | None = None
        self.thread: threading.Thread | None = None

    def come_whole(self) -> None:
        """Be answered while the first one's body is on its way."""
        if self.said is None:
            self.said = dict(DEAD)
            # Flask would take it for a part of the first one's work if it found that one's context.
            self.said = contextvars.Context().run(self._be_answered)

    def _be_answered(self) -> dict[str, Any]:
        with clock.standing_at(self.worker.at):
            return self.worker.ask(**self.asked)

    def join_the_queue(self) -> None:
        """Stand behind the first one, which is about to take all that wait into its transaction."""
        if self.thread is not None:
            return
        waiting = self.worker.app.extensions["intake"]._waiting
        before = sum(map(len, waiting.values()))
        self.thread = threading.Thread(target=self.come_whole)
        self.thread.start()
        while self.thread.is_alive() and sum(map(len, waiting.values())) == before:
            time.sleep(0.0002)

    def finish(self) -> None:
        """Wait for its answer; when the first was sent away early, this one comes now."""
        self.leave()
        self.come_whole()

    def leave(self) -> None:
        """Wait until it is out of the server."""
        if self.thread is not None:
            self.thread.join()
