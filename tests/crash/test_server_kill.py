"""Failures 29 and 39: an acknowledgement before the commit, seen by killing the real server while phones send."""

import random
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.crash.result import Result
from tests.crash.server_kill import kill_server
from tests.crash.server_rig import rig

# One commit in three is forgotten, and its phones are told that all is well.
FORGETFUL = """
import itertools
from types import SimpleNamespace

from campus_patrol.database import db
from campus_patrol.sync import intake

turn = itertools.count()


def commit():
    db.session.rollback() if next(turn) % 3 == 2 else db.session.commit()


intake.db = SimpleNamespace(session=SimpleNamespace(commit=commit, rollback=db.session.rollback))
"""


def quiet(_done: int) -> None:
    """No bar in a test."""


def killed(count: int, *, postgres: bool) -> None:
    result = kill_server(count, postgres, random.SystemRandom().randrange(1 << 32), quiet)
    print(result)
    assert result.good, result
    assert result.kills == count
    assert result.told > 5 * count
    assert result.photos > 0


@pytest.mark.e2e
def test_a_server_killed_at_any_moment_has_every_acknowledged_record_once() -> None:
    killed(10, postgres=False)


@pytest.mark.postgres
def test_a_server_or_a_postgresql_killed_at_any_moment_has_every_acknowledged_record_once() -> None:
    killed(10, postgres=True)


@pytest.mark.e2e
def test_a_server_that_acknowledges_what_it_did_not_commit_is_caught_by_the_kills(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(FORGETFUL)
    result = kill_server(5, False, 4, quiet, plant=tmp_path)
    print(result)
    assert result.lost


@pytest.mark.e2e
def test_one_record_taken_out_and_one_put_in_twice_are_noticed() -> None:
    with rig(1, postgres=False) as made:
        made.server.start()
        [phone] = made.phones
        for _ in range(3):
            phone.write(phone.checkpoint())
        phone.sync()
        made.stop()
        sound = Result("sound", 0)
        made.judge(sound, complete=True)
        made.verify(sound, [])
        assert sound.good, sound
        engine = create_engine(made.settings.database)
        with engine.begin() as connection:
            for statement in (
                "CREATE TABLE bare AS SELECT * FROM record",
                "DROP TABLE record",
                "ALTER TABLE bare RENAME TO record",
                "DELETE FROM record WHERE n = 2",
                "INSERT INTO record SELECT * FROM record WHERE n = 3",
                "UPDATE record SET n = 4 WHERE rowid = (SELECT max(rowid) FROM record)",
            ):
                connection.execute(text(statement))
        engine.dispose()
        spoilt = Result("spoilt", 0)
        made.judge(spoilt, complete=True)
        made.verify(spoilt, [])
        assert len(spoilt.lost) == 1
        assert len(spoilt.doubled) == 1
        assert any("log_gap" in sentence for sentence in spoilt.wrong)
