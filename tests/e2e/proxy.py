"""The road between a browser and the server, which can be cut or can spoil answers, on this machine alone."""

import http.client
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass
class Road:
    """What has happened on the road, and what happens to the next sync."""

    upstream: int
    requests: list[str] = field(default_factory=list)
    # Called with the answer to a sync after the server gave it; returns what the browser gets instead.
    spoil: Callable[[int, bytes], tuple[int, bytes] | None] | None = None
    spoiled: int = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    road: Road

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.road.requests.append(f"{self.command} {self.path}")
        upstream = http.client.HTTPConnection("127.0.0.1", self.road.upstream, timeout=30)
        try:
            upstream.request(
                self.command,
                self.path,
                body or None,
                {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP},
            )
            answer = upstream.getresponse()
            status, content, headers = answer.status, answer.read(), answer.getheaders()
        except OSError:
            # No server: the connection breaks, as it does where there is no signal.
            self.close_connection = True
            return
        finally:
            upstream.close()
        if self.path == "/api/v1/sync" and self.road.spoil:
            other = self.road.spoil(status, content)
            if other is not None:
                self.road.spoiled += 1
                status, content = other
                headers = [("Content-Type", "text/html")]
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _forward  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing: the tests look at the road instead."""


def open_road(port: int, upstream: int) -> tuple[Road, ThreadingHTTPServer]:
    """Forward everything that comes to a port; the server behind it need not run."""
    road = Road(upstream)
    server = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"road": road}))
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    return road, server
