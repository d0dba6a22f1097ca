"""Failure 36: a body that was cut off on its way is never stored, in part or as if it were whole."""

import hashlib
import socket
from collections.abc import Iterator

import pytest

from tests.crash.result import Result
from tests.crash.server_rig import Rig, rig
from tests.photos.test_photos import photo

pytestmark = pytest.mark.e2e

PARTS = 64


@pytest.fixture(scope="module")
def made() -> Iterator[Rig]:
    """A served school with one phone."""
    with rig(1, postgres=False) as made:
        made.server.start()
        yield made


def talk(made: Rig, request: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Say the head and what there is of the body, then nothing more; return the server's answer, if it has one."""
    head = [f"{request} HTTP/1.1", "Host: localhost", "Connection: close"]
    head += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection(("127.0.0.1", made.server.port), timeout=20) as wire:
        wire.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        wire.shutdown(socket.SHUT_WR)
        said = []
        try:
            while part := wire.recv(65536):
                said.append(part)
        except ConnectionResetError:
            pass
    return b"".join(said)


def cut_at(body: bytes, part: int, how: str) -> tuple[bytes, dict[str, str]]:
    """Return what is sent of a body, with the length it should have, the length it has, or chunks without an end."""
    left = body[: len(body) * part // PARTS]
    if how == "length as meant":
        return left, {"Content-Length": str(len(body))}
    if how == "length as cut":
        return left, {"Content-Length": str(len(left))}
    return f"{len(body):x}\r\n".encode() + left, {"Transfer-Encoding": "chunked"}


HOW = ["length as meant", "length as cut", "chunks"]


@pytest.mark.parametrize("how", HOW)
def test_records_cut_off_at_any_64th_leave_nothing_behind(made: Rig, how: str) -> None:
    [phone] = made.phones
    for _ in range(6):
        phone.write(phone.checkpoint())
    body = phone.body()
    for part in range(PARTS):
        left, length = cut_at(body, part, how)
        headers = phone.headers(**{"Content-Type": "application/x-ndjson"}, **length)
        said = talk(made, "POST /api/v1/sync", left, headers)
        assert not said.startswith(b"HTTP/1.1 2"), (part, said)
        [(held,)] = made.rows("SELECT count(*) FROM record")
        assert held == phone.acked
    assert phone.sync()["ack"] == len(phone.lines)
    result = Result("cut", 0)
    made.judge(result, complete=True)
    made.verify(result, [])
    assert result.good, result


@pytest.mark.parametrize("how", HOW)
def test_a_photo_cut_off_at_any_64th_leaves_no_file_and_no_row(made: Rig, how: str) -> None:
    [phone] = made.phones
    content = photo(size=(64 + HOW.index(how), 64))
    sha256 = hashlib.sha256(content).hexdigest()
    for part in range(PARTS):
        left, length = cut_at(content, part, how)
        headers = phone.headers(**{"Content-Type": "image/jpeg"}, **length)
        said = talk(made, f"PUT /api/v1/photos/{sha256}", left, headers)
        assert not said.startswith(b"HTTP/1.1 2"), (part, said)
        assert made.rows(f"SELECT 1 FROM photo WHERE sha256 = '{sha256}'") == []
        assert list(made.settings.photos.rglob(f"*{sha256}*")) == []
    assert phone.put_photo(content).status_code == 201
