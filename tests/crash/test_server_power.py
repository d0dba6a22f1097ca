"""Failures 2 and 39 on the server: what SQLite was told to keep is there after the power was cut."""

import random

import pytest

from campus_patrol.database import db
from tests.crash.server_power import FULL, NORMAL, cut_power


def quiet(_done: int) -> None:
    """No bar in a test."""


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_every_connection_of_the_server_waits_for_the_disk_at_each_commit(app) -> None:
    with app.app_context():
        # Two at once, so that the second is not the first one again.
        for connection in [db.engine.raw_connection() for _ in range(2)]:
            cursor = connection.cursor()
            assert cursor.execute("PRAGMA synchronous").fetchone() == (FULL,)
            assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            cursor.close()


@pytest.mark.e2e
def test_a_power_cut_takes_no_record_that_was_acknowledged() -> None:
    result = cut_power(200, random.SystemRandom().randrange(1 << 32), quiet)
    print(result)
    assert result.good, result
    assert result.kills == 200
    assert result.told > 200


@pytest.mark.e2e
def test_the_same_cuts_do_take_records_from_a_database_that_does_not_wait_for_the_disk() -> None:
    result = cut_power(20, 1, quiet, synchronous=NORMAL, batches=40)
    print(result)
    assert result.lost
