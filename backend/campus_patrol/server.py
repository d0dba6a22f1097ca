"""Serving: granian with 64 threads, TLS 1.2 or newer, and a page that shows phones how to trust a local certificate."""

import errno
import gc
import http.client
import multiprocessing
import os
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from granian import Granian
from granian.constants import Interfaces, SSLProtocols
from granian.log import LogLevels

from campus_patrol import certificate, trust_page
from campus_patrol.certificate import Certificate
from campus_patrol.settings import Settings

if TYPE_CHECKING:
    from flask import Flask

THREADS = 64
# Long enough for a batch of records and a photo on a bad line to be answered, so that no phone sends them twice.
STOP_SECONDS = 15
LOOK_AT_CERTIFICATE_SECONDS = 3600


class PortError(OSError):
    """The address cannot be listened at; the message is one sentence for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Listener:
    """One address to serve at; trust_port is where the plain HTTP page for phones is, None for none."""

    host: str
    port: int
    certificate: Certificate | None = None
    trust_port: int | None = None

    @property
    def everywhere(self) -> bool:
        """Whether other machines can reach it on every address of this one."""
        return self.host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound

    def addresses(self) -> list[str]:
        """List the addresses people can type, this machine's own first."""
        if self.everywhere:
            reachable = [a for a in certificate.lan_addresses() if self.host == "::" or ":" not in a]
            hosts = ["localhost", *reachable]
        else:
            # Browsers give a page on localhost what they otherwise give on https only.
            hosts = ["localhost" if self.host in ("127.0.0.1", "::1") else self.host]
        if self.certificate is not None:
            named = [host for host in hosts if certificate.covers(self.certificate.names, host)]
            hosts = named or [name for name in self.certificate.names if not name.startswith("*")]
        return [trust_page.address(host, self.port, secure=self.certificate is not None) for host in hosts]


def check_port(host: str, port: int) -> None:
    """Make sure that nobody else listens there: granian shares a port silently, and phones would reach either.

    Raises PortError.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if sys.platform != "win32":
            # Connections of the server before this one that are still fading do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortError(
                    f"Port {port} is taken by another program; choose another with --port."
                ) from None
            if error.errno == errno.EACCES:
                raise PortError(
                    f"Port {port} needs administrator rights; choose one above 1023 with --port."
                ) from None
            raise PortError(f"{host} is not an address of this machine; leave --host out.") from None


def serve(settings: Settings, listeners: Sequence[Listener], *, ready: Callable[[], None]) -> None:
    """Serve at every listener until SIGINT or SIGTERM, answering what was begun; call `ready` once all answer.

    The database must be at this version's tables already. Raises PortError; SystemExit(1) when a worker dies.
    """
    for listener in listeners:
        check_port(listener.host, listener.port)
        if listener.trust_port is not None:
            check_port(listener.host, listener.trust_port)
    # Photos and the database's side files are nobody else's business on this machine.
    os.umask(0o077)
    # A fork copies locks that other threads hold, and the copy waits for them for ever.
    multiprocessing.set_start_method("spawn", force=True)
    first, *others = listeners
    children = [
        multiprocessing.Process(target=_serve_beside, args=(settings, other, os.getpid())) for other in others
    ]
    for child in children:
        child.start()
    try:
        _serve_one(
            settings, first, lambda: threading.Thread(target=_announce, args=(listeners, ready)).start()
        )
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.join(STOP_SECONDS + 5)


def _serve_beside(settings: Settings, listener: Listener, parent: int) -> None:
    _leave_with(parent, lambda: os.kill(os.getpid(), signal.SIGTERM))
    _serve_one(settings, listener, lambda: None)


def _serve_one(settings: Settings, listener: Listener, started: Callable[[], None]) -> None:
    tls = listener.certificate
    server = Granian(
        "campus_patrol",
        address=listener.host,
        port=listener.port,
        interface=Interfaces.WSGI,
        blocking_threads=THREADS,
        workers_kill_timeout=STOP_SECONDS,
        websockets=False,
        log_level=LogLevels.error,
        ssl_cert=tls.cert if tls else None,
        ssl_key=tls.key if tls else None,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    server.on_startup(started)
    if tls is not None:
        server.on_startup(lambda: _run_aside(partial(_watch_certificate, server, tls)))
        if listener.trust_port is not None:
            phones = trust_page.make_server(
                listener.host, listener.trust_port, secure_port=listener.port, trusted=tls
            )
            server.on_startup(lambda: _run_aside(phones.serve_forever))
    server.serve(target_loader=partial(_load, settings, os.getpid()), wrap_loader=False)


def _load(settings: Settings, parent: int) -> "Flask":
    """Make the application, inside the worker process."""
    _leave_with(parent, lambda: os._exit(1))
    from campus_patrol.app import create_app

    app = create_app(settings)
    # What was made until here stays: the collector need not look through it again and again while a batch of records
    # makes thousands of objects that die by themselves.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    return app


def _announce(listeners: Sequence[Listener], ready: Callable[[], None]) -> None:
    """Wait until every listener answers; a worker that dies meanwhile ends the whole process anyway."""
    for listener in listeners:
        while not _answers(listener):
            time.sleep(0.05)
    ready()


def _answers(listener: Listener) -> bool:
    """Ask for a page as a browser does: connections are taken before there is anybody to answer them."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listener.host, listener.host)  # noqa: S104 - not bound
    if listener.certificate is None:
        connection = http.client.HTTPConnection(host, listener.port, timeout=5)
    else:
        # Whether phones trust the certificate is another question; this asks only whether somebody is there.
        unchecked = ssl.create_default_context()
        unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, listener.port, timeout=5, context=unchecked)
    try:
        connection.request("GET", "/api/v1/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _watch_certificate(server: Granian, tls: Certificate) -> None:
    """Serve a renewed certificate without a restart: workers that read it take over from those that did not."""
    while True:
        time.sleep(LOOK_AT_CERTIFICATE_SECONDS)
        renew = partial(certificate.make_local, tls.cert.parent, tls.names)
        if newer := certificate.keep_fresh(tls, renew):
            tls = newer
            server.signal_handler_reload()


def _leave_with(parent: int, leave: Callable[[], object]) -> None:
    """End this process when its parent was killed without a chance to say so; else it would keep the port."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        leave()

    _run_aside(watch)


def _run_aside(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()
