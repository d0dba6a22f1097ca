"""The road between a browser and the server, on this machine alone: cut, slow, lying or broken at any byte."""

import contextlib
import http.client
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Literal

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Fault:
    """One thing that happens to one request.

    ``away``: no server. ``late``: passes after some seconds. ``cut_request``: the server gets this share of the body
    and then nothing. ``cut_answer``: the browser gets this share of the answer. ``reset``: the server answers, the
    browser's connection is reset. ``slow_close``: the answer comes in drops and the connection stays open for some
    seconds. ``twice``: the server gets the request two times. ``instead``: the browser gets another answer;
    ``reached`` says whether the server got the request all the same.
    """

    kind: Literal["away", "late", "cut_request", "cut_answer", "reset", "slow_close", "twice", "instead"]
    share: float = 0.0
    seconds: float = 0.0
    reached: bool = False
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html"),)
    body: bytes = b""


AWAY = Fault("away")


@dataclass
class Road:
    """What has happened on the road, and what happens to the next requests."""

    upstream: int
    requests: list[str] = field(default_factory=list)
    # Called with the answer to a sync after the server gave it; returns what the browser gets instead.
    spoil: Callable[[int, bytes], tuple[int, bytes] | None] | None = None
    spoiled: int = 0
    # Called with method and path of each call to the API; returns what goes wrong with it, if anything.
    fault: Callable[[str, str], Fault | None] | None = None
    faults: list[str] = field(default_factory=list)
    # Called with the path and contents of each file that is no call to the API; returns what the browser gets.
    dress: Callable[[str, bytes], bytes] | None = None

    def cut(self) -> None:
        """No signal for the API; the pages' files still come, as they do out of the phone's own cache."""
        self.fault = lambda _method, _path: AWAY

    def mend(self) -> None:
        """Everything gets through again."""
        self.fault = None


@dataclass
class _Answer:
    status: int
    headers: list[tuple[str, str]]
    content: bytes


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    road: Road

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.road.requests.append(f"{self.command} {self.path}")
        judge = self.road.fault if self.path.startswith("/api/") else None
        fault = judge(self.command, self.path) if judge else None
        if fault is None:
            return self._give(self._ask(body))
        self.road.faults.append(f"{fault.kind} {self.command} {self.path}")
        return self._suffer(fault, body)

    def _suffer(self, fault: Fault, body: bytes) -> None:
        if fault.kind == "away":
            self.close_connection = True
        elif fault.kind == "late":
            time.sleep(fault.seconds)
            self._give(self._ask(body))
        elif fault.kind == "cut_request":
            self._ask_half(body, round(len(body) * fault.share))
            self.close_connection = True
        elif fault.kind == "cut_answer":
            self._give(self._ask(body), share=fault.share)
        elif fault.kind == "reset":
            self._ask(body)
            # A socket that lingers for no time says goodbye with a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        elif fault.kind == "slow_close":
            self._give(self._ask(body), pause=fault.seconds)
        elif fault.kind == "twice":
            self._ask(body)
            self._give(self._ask(body))
        elif fault.kind == "instead":
            if fault.reached:
                self._ask(body)
            self._give(_Answer(fault.status, list(fault.headers), fault.body))

    def _passed_on(self) -> dict[str, str]:
        return {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}

    def _ask(self, body: bytes) -> _Answer | None:
        upstream = http.client.HTTPConnection("127.0.0.1", self.road.upstream, timeout=30)
        try:
            headers = self._passed_on()
            if self.road.dress:
                # Nothing packed, and nothing that the browser believes to have already.
                headers = {name: value for name, value in headers.items() if not name.startswith("If-")}
                headers["Accept-Encoding"] = "identity"
            upstream.request(self.command, self.path, body or None, headers)
            answer = upstream.getresponse()
            made = _Answer(answer.status, answer.getheaders(), answer.read())
        except OSError:
            return None
        finally:
            upstream.close()
        if self.road.dress and not self.path.startswith("/api/"):
            made.content = self.road.dress(self.path, made.content)
        if self.path == "/api/v1/sync" and self.road.spoil:
            other = self.road.spoil(made.status, made.content)
            if other is not None:
                self.road.spoiled += 1
                return _Answer(other[0], [("Content-Type", "text/html")], other[1])
        return made

    def _ask_half(self, body: bytes, length: int) -> None:
        """Send the head and the first bytes of the body, then hang up."""
        headers = {**self._passed_on(), "Content-Length": str(len(body)), "Connection": "close"}
        head = f"{self.command} {self.path} HTTP/1.1\r\n" + "".join(
            f"{k}: {v}\r\n" for k, v in headers.items()
        )
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.road.upstream), timeout=30) as upstream,
        ):
            upstream.sendall(head.encode("latin-1") + b"\r\n" + body[:length])

    def _give(self, answer: _Answer | None, share: float = 1.0, pause: float = 0.0) -> None:
        if answer is None:
            # No server: the connection breaks, as it does where there is no signal.
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        # These two have no body, and a length would be a lie that browsers wait for.
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        sent = answer.content[: round(len(answer.content) * share)]
        if pause:
            drops = [sent[i : i + 40] for i in range(0, len(sent), 40)]
            for drop in drops:
                self.wfile.write(drop)
                self.wfile.flush()
                time.sleep(min(0.01, pause / max(1, len(drops))))
            time.sleep(pause)
        else:
            self.wfile.write(sent)
        if share < 1 or pause:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _forward  # noqa: N815

    def handle(self) -> None:
        """Serve until either side hangs up; browsers that are killed do so in the middle of anything."""
        with contextlib.suppress(ConnectionError, TimeoutError):
            super().handle()

    def finish(self) -> None:
        """Close, also what was closed already."""
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_: object) -> None:
        """Say nothing: the tests look at the road instead."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A browser opens many connections at once, and each kill begins anew.
    request_queue_size = 128


def open_road(port: int, upstream: int) -> tuple[Road, ThreadingHTTPServer]:
    """Forward everything that comes to a port; the server behind it need not run."""
    road = Road(upstream)
    server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"road": road}))
    Thread(target=server.serve_forever, daemon=True).start()
    return road, server
