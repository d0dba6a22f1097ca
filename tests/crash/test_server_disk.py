"""Failure 47: a server whose disk is full says so, acknowledges nothing, shows what it has, and recovers by itself."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PASSWORD
from tests.crash.result import Result
from tests.crash.server_rig import Rig, Wire, rig
from tests.photos.test_photos import photo

pytestmark = pytest.mark.e2e

MEGABYTE = 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MB; to mount one takes root, and a container may refuse it even to root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"NOT PROVED HERE, no small disk can be mounted: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def made(small_disk: Path) -> Iterator[Rig]:
    """A served school whose data lie on that disk."""
    with rig(3, postgres=False, data=small_disk / "data") as made:
        made.server.start()
        yield made


def fill(folder: Path) -> Path:
    """Write until nothing fits any more; return the file that takes the room."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (MEGABYTE, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    return filler


def cookie_of_the_desk(made: Rig) -> dict[str, str]:
    """Sign in at the desk while there is room for it."""
    wire = Wire(made.server.port)
    body = json.dumps({"account": made.school.accounts["admin"], "password": PASSWORD}).encode()
    headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
    answer = wire.post("/api/v1/session", data=body, headers=headers)
    wire.close()
    assert answer.status_code == 200, answer.data
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


def test_a_full_disk_is_never_acknowledged_and_all_arrives_once_there_is_room(
    made: Rig, small_disk: Path
) -> None:
    for phone in made.phones:
        phone.write(phone.checkpoint())
        phone.sync()
    cookie = cookie_of_the_desk(made)
    filler = fill(small_disk)
    refused = 0
    for _ in range(30):
        for phone in made.phones:
            phone.write(phone.checkpoint())
            answer = phone.send(phone.body())
            # What still fits into the room that SQLite's log has taken already may be kept, and said to be.
            if answer.status_code == 200:
                assert answer.json["ack"] == len(phone.lines)
                phone.acked = answer.json["ack"]
                continue
            refused += 1
            assert (answer.status_code, answer.json["code"]) == (503, "storage_failed")
            assert int(answer.headers["Retry-After"]) >= 1
    assert refused > 30
    picture = photo()
    assert made.phones[0].put_photo(picture).status_code == 503
    assert [path for path in made.settings.photos.rglob("*") if path.is_file()] == []
    # The desk reads on, and what it shows is what was acknowledged.
    wire = Wire(made.server.port)
    for path in ("/api/v1/places", "/api/v1/nights", "/api/v1/quarantine"):
        answer = wire.get(path, headers=cookie)
        assert answer.status_code == 200, (path, answer.data)
    wire.close()
    held = Result("full", 0)
    made.judge(held)
    assert held.good, held
    filler.unlink()
    assert made.phones[0].put_photo(picture).status_code == 201
    for phone in made.phones:
        phone.sync()
        assert phone.acked == len(phone.lines)
    made.judge(held, complete=True)
    made.stop()
    made.verify(held, [])
    assert held.good, held
