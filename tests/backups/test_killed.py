"""The real commands on a real school: the drill of a restore, and what a killed backup or restore leaves behind."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from campus_patrol.backups.rules import is_backup
from campus_patrol.folders import working_folder
from tests.crash.result import Result
from tests.crash.server_rig import Rig, rig
from tests.phone import Phone
from tests.program import COMMAND, environment


@pytest.fixture
def made() -> Iterator[Rig]:
    """A school with some records, its server stopped."""
    with rig(1, postgres=False) as made:
        made.server.start()
        write(made.phones[0], 50)
        made.stop()
        yield made


def write(phone: Phone, count: int) -> None:
    for _ in range(count):
        phone.write(phone.checkpoint())
    phone.sync()


def refill(phone: Phone) -> None:
    """Do as a phone does when the server's numbers went back: send again from where it says."""
    phone.write(phone.checkpoint())
    answer = phone.send(phone.body())
    if answer.status_code == 409 and answer.json["code"] == "gap":
        phone.acked = answer.json["need"] - 1
        phone.sync()
        return
    assert answer.status_code == 200, answer.json
    phone.acked = answer.json["ack"]


@pytest.mark.parametrize(
    "postgres",
    [
        pytest.param(False, marks=pytest.mark.e2e, id="sqlite"),
        pytest.param(True, marks=pytest.mark.postgres, id="postgresql"),
    ],
)
def test_after_a_restore_the_phones_bring_the_200_records_since_the_backup_again(
    tmp_path: Path, postgres: bool
) -> None:
    with rig(4, postgres=postgres) as made:
        made.server.start()
        for phone in made.phones:
            write(phone, 25)
        scratch = ["--scratch-url", made.scratch_url] if made.scratch_url else []
        backed_up = made.command("backup", tmp_path, "--off-machine", *scratch)
        assert backed_up.returncode == 0, backed_up.stderr
        for phone in made.phones:
            write(phone, 50)
        assert made.rows("SELECT count(*) FROM record") == [(300,)]
        made.stop()
        restored = made.command("restore", next(tmp_path.iterdir()), "--replace")
        assert restored.returncode == 0, restored.stderr
        assert made.rows("SELECT count(*) FROM record") == [(100,)]
        made.server.start()
        receipts = []
        for phone in made.phones:
            refill(phone)
            receipts.append(phone.send(phone.body()).json)
        assert made.rows("SELECT count(*) FROM record") == [(304,)]
        assert [receipt["durable"] for receipt in receipts] == [25] * 4
        result = Result("drill", 0)
        made.judge(result, complete=True)
        made.verify(result, receipts)
        assert result.good, result
        verified = made.command("verify")
        assert (verified.returncode, "304 records" in verified.stdout) == (0, True), verified.stdout


def kill_when(made: Rig, sign: Callable[[], bool], *arguments: object) -> None:
    """Start a command and kill it at this sign, without a chance to clean up."""
    name, *more = arguments
    process = subprocess.Popen(
        [*COMMAND, name, "--data", str(made.settings.data), *map(str, more)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not sign():
        assert process.poll() is None, "it was over before it could be killed"
        assert time.monotonic() < deadline
    process.kill()
    process.wait(30)


def hidden(folder: Path) -> list[Path]:
    return list(folder.glob(".*"))


def an_hour_later(*folders: Path) -> None:
    for path in (path for folder in folders for path in hidden(folder)):
        os.utime(path, (time.time() - 3600,) * 2)


@pytest.mark.e2e
@pytest.mark.parametrize("where", ["target", "data"])
def test_a_killed_backup_is_none_and_the_next_one_clears_its_remains_away(
    made: Rig, tmp_path: Path, where: str
) -> None:
    watched = {"target": tmp_path, "data": made.settings.data}[where]
    kill_when(made, lambda: bool(hidden(watched)), "backup", tmp_path)
    assert not any(is_backup(path.name) for path in tmp_path.iterdir())
    assert hidden(watched)
    an_hour_later(tmp_path, made.settings.data)
    done = made.command("backup", tmp_path)
    assert done.returncode == 0, done.stderr
    assert hidden(tmp_path) + hidden(made.settings.data) == []
    assert [is_backup(path.name) for path in tmp_path.iterdir()] == [True]


@pytest.mark.e2e
def test_a_killed_restore_leaves_the_data_in_use_and_the_next_one_clears_its_remains_away(
    made: Rig, tmp_path: Path
) -> None:
    assert made.command("backup", tmp_path).returncode == 0
    [source] = tmp_path.iterdir()
    kill_when(made, lambda: bool(hidden(made.settings.data)), "restore", source, "--replace")
    assert made.command("verify").returncode == 0
    made.server.start()
    write(made.phones[0], 1)
    made.stop()
    an_hour_later(made.settings.data)
    done = made.command("restore", source, "--replace")
    assert done.returncode == 0, done.stderr
    assert hidden(made.settings.data) == []
    assert made.rows("SELECT count(*) FROM record") == [(50,)]


@pytest.mark.e2e
def test_remains_that_somebody_is_still_at_work_in_are_left_alone(made: Rig, tmp_path: Path) -> None:
    with working_folder(tmp_path, ".campus-patrol-") as working:
        an_hour_later(tmp_path)
        assert made.command("backup", tmp_path).returncode == 0
        assert working.is_dir()
    assert not working.exists()
