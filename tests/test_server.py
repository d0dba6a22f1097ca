"""The server as a process: what it says, who reaches it, how it stops, and what it does not let one client do."""

import http.client
import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from campus_patrol import certificate
from tests.program import Served, environment, free_port, run, serving

pytestmark = pytest.mark.e2e

WRONG = json.dumps({"account": "admin", "password": "not the password"}).encode()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a school."""
    folder = tmp_path_factory.mktemp("served") / "data"
    done = run("init", "--data", folder, "--school", "明德实验学校", "--admin", "admin")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def plain(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server on http, for this machine only."""
    with serving(
        "serve", "--data", data, port=free_port(), output=tmp_path_factory.mktemp("out") / "out"
    ) as served:
        yield served


@pytest.fixture(scope="module")
def secure(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server on https with a local authority."""
    output = tmp_path_factory.mktemp("out") / "out"
    with serving("serve", "--data", data, "--tls", "local", port=free_port(), output=output) as served:
        yield served


def get(
    port: int, path: str, *, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def half_sent(port: int) -> socket.socket:
    """Send a sign-in up to the middle of its body."""
    wire = socket.create_connection(("127.0.0.1", port), timeout=20)
    head = (
        f"POST /api/v1/session HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(WRONG)}\r\nConnection: close\r\n\r\n"
    )
    wire.sendall(head.encode() + WRONG[:10])
    time.sleep(0.3)
    return wire


def received(wire: socket.socket) -> bytes:
    """Read until the other side closes."""
    parts = []
    while part := wire.recv(65536):
        parts.append(part)
    wire.close()
    return b"".join(parts)


def test_it_answers_and_prints_where(plain: Served) -> None:
    response, body = get(plain.port, "/api/v1/health")
    assert response.status == 200
    assert json.loads(body)["status"] == "ok"
    assert f"http://localhost:{plain.port}/desk" in plain.output.read_text()


def test_without_tls_only_this_machine_reaches_it(plain: Served) -> None:
    addresses = certificate.lan_addresses()
    for address in (a for a in addresses if ":" not in a):
        with pytest.raises(OSError, match=r"refused|timed out"):
            socket.create_connection((address, plain.port), timeout=2).close()


def test_a_slow_upload_does_not_hold_up_those_who_write(plain: Served, data: Path) -> None:
    wire = half_sent(plain.port)
    begun = time.monotonic()
    assert run("person", "add", "王师傅", "--role", "guard", "--data", data).returncode == 0
    assert time.monotonic() - begun < 5
    wire.sendall(WRONG[10:])
    assert received(wire).startswith(b"HTTP/1.1 401")


def test_stopping_answers_what_was_begun(data: Path, tmp_path: Path) -> None:
    with serving("serve", "--data", data, port=free_port(), output=tmp_path / "out") as served:
        wire = half_sent(served.port)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        wire.sendall(WRONG[10:])
        assert received(wire).startswith(b"HTTP/1.1 401")
        assert served.process.wait(20) == 0


def test_stopping_without_work_takes_no_time(data: Path, tmp_path: Path) -> None:
    with serving("serve", "--data", data, port=free_port(), output=tmp_path / "out") as served:
        get(served.port, "/api/v1/health")
        assert served.stop() < 3
        assert served.process.returncode == 0
        assert "Traceback" not in served.output.read_text()


def test_a_killed_server_leaves_its_port(data: Path, tmp_path: Path) -> None:
    port = free_port()
    with serving("serve", "--data", data, port=port, output=tmp_path / "one") as served:
        served.stop(signal.SIGKILL)
        time.sleep(2)
    with serving("serve", "--data", data, port=port, output=tmp_path / "two"):
        assert get(port, "/api/v1/health")[0].status == 200


def test_a_taken_port_is_named_in_one_sentence(plain: Served, data: Path) -> None:
    done = run("serve", "--data", data, "--port", plain.port)
    assert done.returncode == 2
    assert done.stderr == (
        f"campus-patrol: Port {plain.port} is taken by another program; choose another with --port.\n"
    )


def test_an_address_of_another_machine_is_refused(data: Path) -> None:
    done = run("serve", "--data", data, "--host", "203.0.113.7", "--port", free_port())
    assert done.returncode == 2
    assert "is not an address of this machine" in done.stderr


def test_tls_is_trusted_by_the_authority_and_by_nobody_else(secure: Served, data: Path) -> None:
    ours = ssl.create_default_context(cafile=data / "tls" / "authority.pem")
    connection = http.client.HTTPSConnection("localhost", secure.port, context=ours, timeout=10)
    connection.request("GET", "/api/v1/health")
    assert connection.getresponse().status == 200
    connection.close()
    strangers = http.client.HTTPSConnection(
        "localhost", secure.port, context=ssl.create_default_context(), timeout=10
    )
    with pytest.raises(ssl.SSLCertVerificationError):
        strangers.request("GET", "/api/v1/health")


@pytest.mark.parametrize(("option", "accepted"), [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
def test_tls_is_1_2_or_newer(secure: Served, option: str, accepted: bool) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLS") if option == "TLSv1_1" else nullcontext():
        context.minimum_version = context.maximum_version = ssl.TLSVersion[option]
    if not accepted:
        context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", secure.port), timeout=10) as wire:
        if accepted:
            with context.wrap_socket(wire) as tls:
                assert tls.version() == option.replace("_", ".")
        else:
            with pytest.raises(OSError, match=r"(?i)alert|protocol|handshake|reset|eof"):
                context.wrap_socket(wire)


def test_the_trust_page_hands_out_the_authority_and_its_fingerprint(secure: Served, data: Path) -> None:
    response, body = get(secure.port + 1, "/campus-patrol-ca.crt")
    assert response.status == 200
    assert response.headers["Content-Type"] == "application/x-x509-ca-cert"
    handed = x509.load_der_x509_certificate(body)
    assert handed == x509.load_pem_x509_certificate((data / "tls" / "authority.pem").read_bytes())
    fingerprint = handed.fingerprint(hashes.SHA256()).hex(":").upper()
    _, page = get(secure.port + 1, "/")
    assert fingerprint in page.decode()
    assert fingerprint in secure.output.read_text()
    assert b"PRIVATE" not in body + page


@pytest.mark.parametrize(
    ("path", "accept", "words"),
    [
        ("/", "zh-CN,zh;q=0.9", "手机浏览器不会开放摄像头"),
        ("/", "en-US,en;q=0.9", "gives a page no camera and no offline use"),
        ("/", "fr", "手机浏览器不会开放摄像头"),
        ("/?lang=en", "zh-CN", "Certificate Trust Settings"),
        ("/?lang=zh-CN", "en", "证书信任设置"),
    ],
)
def test_the_trust_page_speaks_both_languages(secure: Served, path: str, accept: str, words: str) -> None:
    response, body = get(secure.port + 1, path, **{"Accept-Language": accept})
    assert response.status == 200
    assert words in body.decode()
    for phone in ("Android", "HarmonyOS", "iPhone"):
        assert phone in body.decode()


def test_the_trust_page_leads_back_to_the_host_the_phone_used(secure: Served) -> None:
    _, body = get(secure.port + 1, "/", Host=f"localhost:{secure.port + 1}")
    assert f'href="https://localhost:{secure.port}/"' in body.decode()


@pytest.mark.parametrize("host", ["evil.example.com", '"><script>alert(1)</script>', "[::1", ""])
def test_the_trust_page_never_repeats_a_host_it_was_told(secure: Served, host: str) -> None:
    response, body = get(secure.port + 1, "/", Host=host)
    assert response.status == 200
    assert b"evil" not in body
    assert b"<script" not in body


def test_the_trust_page_has_nothing_else_and_no_scripts(secure: Served) -> None:
    response, _ = get(secure.port + 1, "/../../server-key.pem")
    assert response.status == 404
    for method, status in (("HEAD", 200), ("POST", 501)):
        assert get(secure.port + 1, "/", method=method)[0].status == status
    policy = get(secure.port + 1, "/")[0].headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "script" not in policy


def test_it_says_plainly_what_phones_lack_without_https(secure: Served, data: Path, tmp_path: Path) -> None:
    assert "Without trusted HTTPS a phone has no camera" in " ".join(secure.output.read_text().split())
    with serving(
        "serve", "--data", data, "--host", "0.0.0.0", port=free_port(), output=tmp_path / "o"
    ) as served:
        assert "Without trusted HTTPS a phone has no camera" in served.output.read_text()


def test_a_given_certificate_is_checked_before_anything_is_served(data: Path, tmp_path: Path) -> None:
    tls = data / "tls"
    wrong = run("serve", "--data", data, "--tls", f"{tls / 'server.pem'},{tls / 'authority-key.pem'}")
    assert wrong.returncode == 2
    assert "does not belong to the first certificate" in wrong.stderr
    absent = run("serve", "--data", data, "--tls", "cert.pem")
    assert absent.returncode == 2
    assert "CERT,KEY" in absent.stderr
    good = f"{tls / 'server.pem'},{tls / 'server-key.pem'}"
    with serving(
        "serve",
        "--data",
        data,
        "--tls",
        good,
        "--public-url",
        "https://x.example.cn",
        port=free_port(),
        output=tmp_path / "o",
    ) as served:
        assert "does not name x.example.cn" in served.output.read_text()


RENEWING = """
from pathlib import Path
import sys
from campus_patrol import certificate, server
from campus_patrol.settings import Settings
if __name__ == "__main__":
    server.LOOK_AT_CERTIFICATE_SECONDS = 1
    data, port = Path(sys.argv[1]), int(sys.argv[2])
    tls = certificate.read_given(data / "tls" / "server.pem", data / "tls" / "server-key.pem")
    listener = server.Listener("127.0.0.1", port, tls)
    server.serve(Settings.load(data=data), [listener], ready=lambda: print("ready", flush=True))
"""


def test_a_renewed_certificate_is_served_without_a_restart(data: Path, tmp_path: Path) -> None:
    folder, port = tmp_path / "data", free_port()
    shutil.copytree(data, folder)
    certificate.make_local(folder / "tls", certificate.machine_names())
    before = (folder / "tls" / "server.pem").read_text()
    (tmp_path / "renewing.py").write_text(RENEWING)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "renewing.py"), str(folder), str(port)],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "ready\n"
        assert (
            served_certificate(port)
            == before.partition("-----BEGIN CERTIFICATE-----\n")[2].partition("-----END")[0]
        )
        certificate.make_local(folder / "tls", (*certificate.machine_names(), "10.1.2.3"))
        newer = (folder / "tls" / "server.pem").read_text().partition("-----BEGIN CERTIFICATE-----\n")[2]
        deadline = time.monotonic() + 30
        while served_certificate(port) != newer.partition("-----END")[0]:
            assert time.monotonic() < deadline, "the old certificate is still served"
            time.sleep(0.5)
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()
    assert process.returncode == 0


def served_certificate(port: int) -> str:
    """Return the body of the certificate that is served now, in PEM's base64."""
    pem = ssl.get_server_certificate(("127.0.0.1", port), timeout=10)
    return pem.partition("-----BEGIN CERTIFICATE-----\n")[2].partition("-----END")[0]
