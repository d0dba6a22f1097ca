"""A school as it really is set up: by the command line, served by the real program, over a road that can be cut."""

import contextlib
import http.client
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.proxy import Road, open_road
from tests.program import ROOT, free_port, run, serving

PASSWORD = "a-long-enough-password"
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class SetUp:
    """A data folder as the command line made it, to be copied for each test."""

    folder: Path
    port: int
    guard: str
    guard_pin: str
    sheet: Path


@dataclass
class Site:
    """One school on one server, reached over a road that can be cut."""

    folder: Path
    port: int
    road: Road
    origin: str
    guard: str
    guard_pin: str
    sheet: Path
    codes: dict[str, str] = field(default_factory=dict)  # number -> code
    _running: contextlib.ExitStack | None = None

    def start(self) -> None:
        """Start the server, for good until it is stopped."""
        self._running = contextlib.ExitStack()
        self._running.enter_context(
            serving(
                "serve",
                "--data",
                self.folder,
                "--public-url",
                self.origin,
                port=self.road.upstream,
                output=self.folder / "server.log",
            )
        )

    def stop(self) -> None:
        """Stop the server; phones have no signal from here on."""
        if self._running:
            self._running.close()
            self._running = None


def set_up_school(folder: Path) -> SetUp:
    """Type what a school types once: the school, its rooms, a guard, a printed sheet."""
    password, sheet, data, port = folder / "password", folder / "tags.pdf", folder / "data", free_port()
    password.write_text(PASSWORD)

    def cli(*arguments: object) -> str:
        done = run(*arguments, "--data", data)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    cli("init", "--school", "明德实验学校", "--admin", "admin", "--password-file", password)
    cli("import", ROOT / "backend/campus_patrol/demo/campus.xlsx")
    pin = re.search(r"\b(\d{6})\b", cli("person", "add", "王建国", "--role", "guard"))
    assert pin
    cli("tags", "sheet", sheet, "--building", "明德楼", "--public-url", f"http://localhost:{port}")
    return SetUp(data, port, "王建国", pin.group(1), sheet)


@contextlib.contextmanager
def open_site(set_up: SetUp, folder: Path) -> Iterator[Site]:
    """Serve a copy of that school, made in this folder."""
    upstream = free_port()
    shutil.copytree(set_up.folder, folder)
    road, server = open_road(set_up.port, upstream)
    origin = f"http://localhost:{set_up.port}"
    made = Site(folder, set_up.port, road, origin, set_up.guard, set_up.guard_pin, set_up.sheet)
    made.start()
    try:
        yield made
    finally:
        made.stop()
        server.shutdown()
        server.server_close()


class Office:
    """The administrator, who asks the API without a browser."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._cookie = ""
        self.ask("POST", "session", {"account": "admin", "password": PASSWORD})

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the answer's JSON; fails on anything but success."""
        # Past the road, which a test may have cut.
        connection = http.client.HTTPConnection("127.0.0.1", self._site.road.upstream, timeout=30)
        with contextlib.closing(connection):
            connection.request(
                method,
                f"/api/v1/{path}",
                None if body is None else json.dumps(body),
                {
                    "Content-Type": "application/json",
                    "Sec-Fetch-Site": "same-origin",
                    "Cookie": self._cookie,
                },
            )
            answer = connection.getresponse()
            content = answer.read()
        assert answer.status in (200, 201, 204), (answer.status, content)
        if cookie := answer.getheader("Set-Cookie"):
            self._cookie = cookie.partition(";")[0]
        return json.loads(content) if content else None

    def enrolment_code(self) -> str:
        """Make a one-time code for a phone."""
        return self.ask("POST", "enrolments", {})["code"]
