"""Batches that wait for each other share one commit, and none of them is worse off for it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select, update
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from campus_patrol import clock
from campus_patrol.database import db, use_school
from campus_patrol.people.models import Device
from campus_patrol.sync import service
from campus_patrol.sync.models import Record, Stream
from tests.phone import Phone


def stored(app: Flask, school_id: str) -> dict[str, int]:
    with app.app_context():
        use_school(school_id)
        rows = select(Record.stream, func.count()).group_by(Record.stream)
        return dict(db.session.execute(rows).all())


class Queue:
    """Holds the turn until as many wait as were sent, so that they are taken together."""

    def __init__(self, app: Flask, *school_ids: str) -> None:
        self.intake, self.school_ids = app.extensions["intake"], school_ids
        self.answers: dict[int, TestResponse] = {}
        self.threads: list[threading.Thread] = []

    def send(self, bodies: list[tuple[Phone, bytes]]) -> None:
        def one(number: int, phone: Phone, body: bytes) -> None:
            # A client of its own: two threads must not share one.
            own = Phone(phone.client.application.test_client(), phone.token, {}, {}, phone.person)
            self.answers[number] = own.send(body)

        for number, (phone, body) in enumerate(bodies, len(self.threads)):
            self.threads.append(threading.Thread(target=one, args=(number, phone, body)))
            self.threads[-1].start()
            # One after the other, so that they stand in the queue in this order.
            self.wait_for(lambda number=number: self.waiting() == number + 1)

    def waiting(self) -> int:
        return sum(len(self.intake._waiting[school_id]) for school_id in self.school_ids)

    @staticmethod
    def wait_for(true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not true():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    @contextmanager
    def held(self) -> Iterator[None]:
        turns = [self.intake._turns[school_id] for school_id in self.school_ids]
        for turn in turns:
            turn.acquire()
        try:
            yield
        finally:
            for turn in turns:
                turn.release()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()

    @property
    def statuses(self) -> list[int]:
        return [self.answers[number].status_code for number in sorted(self.answers)]


@contextmanager
def commits(app: Flask) -> Iterator[list[int]]:
    """Count the transactions that wrote a record."""
    wrote, made = threading.local(), []

    def on_execute(_c: Any, _cur: Any, statement: str, *_: Any) -> None:
        wrote.record = getattr(wrote, "record", False) or statement.startswith("INSERT INTO record ")

    def on_commit(_: Any) -> None:
        if getattr(wrote, "record", False):
            made.append(1)
        wrote.record = False

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", on_execute)
    event.listen(engine, "commit", on_commit)
    try:
        yield made
    finally:
        event.remove(engine, "before_cursor_execute", on_execute)
        event.remove(engine, "commit", on_commit)


@pytest.fixture
def phones(new_phone: Callable[..., Phone], school) -> list[Phone]:
    made = [new_phone() for _ in range(5)]
    for phone in made:
        phone.write(phone.checkpoint(tag=school.codes["A101"]))
        phone.write(phone.checkpoint(tag=school.codes["A102"]))
    return made


def test_batches_that_wait_are_stored_by_one_commit_and_each_hears_of_its_own(app, school, phones) -> None:
    queue = Queue(app, school.id)
    with commits(app) as made, queue.held():
        queue.send([(phone, phone.body()) for phone in phones])
    assert queue.statuses == [200] * 5
    assert len(made) == 1
    for number, phone in enumerate(phones):
        said = queue.answers[number].json
        assert (said["stream"], said["ack"], said["ack_hash"]) == (phone.stream, 2, phone.hashes[2])
    assert stored(app, school.id) == {phone.stream: 2 for phone in phones}


def test_a_stream_that_sends_and_one_that_tells_of_its_loss_share_a_commit_and_neither_undoes_the_other(
    app, school, phones
) -> None:
    old, new = phones[:2]
    old.sync()
    old.write(old.checkpoint(tag=school.codes["A101"]))
    before = {"stream": old.stream, "next": 9}
    new.write(new.record("boot", data={"reason": "lost", "app": "1", "before": before}))
    queue = Queue(app, school.id)
    with commits(app) as made, queue.held():
        queue.send([(old, old.body()), (new, new.body())])
    assert (queue.statuses, len(made)) == ([200, 200], 1)
    with app.app_context():
        use_school(school.id)
        row = db.session.get_one(Stream, (school.id, old.stream))
        assert (row.head, row.head_hash, row.announced_next, row.ended) == (3, old.hashes[3], 9, "lost")


def test_nobody_is_answered_before_the_commit_they_share(app, school, phones) -> None:
    queue, commit = Queue(app, school.id), threading.Event()
    with app.app_context():
        engine = db.engine
    hold = lambda _: commit.wait(10)  # noqa: E731
    event.listen(engine, "commit", hold)
    try:
        with queue.held():
            queue.send([(phone, phone.body()) for phone in phones])
            threading.Timer(0.5, lambda: (answered.append(len(queue.answers)), commit.set())).start()
            answered: list[int] = []
    finally:
        event.remove(engine, "commit", hold)
    assert answered == [0]
    assert queue.statuses == [200] * 5


def test_when_their_commit_fails_none_is_acknowledged_and_all_come_again(app, school, phones) -> None:
    queue = Queue(app, school.id)
    with app.app_context():
        engine = db.engine

    def full(_: Any) -> None:
        raise OperationalError("COMMIT", {}, OSError(28, "No space left on device"))

    event.listen(engine, "commit", full)
    try:
        with queue.held():
            queue.send([(phone, phone.body()) for phone in phones])
    finally:
        event.remove(engine, "commit", full)
    assert queue.statuses == [503] * 5
    assert stored(app, school.id) == {}
    for phone in phones:
        assert phone.sync()["ack"] == 2
    assert stored(app, school.id) == {phone.stream: 2 for phone in phones}


def test_one_that_cannot_be_stored_does_not_take_the_others_with_it(app, school, phones, monkeypatch) -> None:
    admit = service._admit

    def trip(visit: Any, now: Any) -> None:
        if visit.stream.stream == phones[2].stream:
            raise RuntimeError("a bug that only this batch meets")
        admit(visit, now)

    monkeypatch.setattr(service, "_admit", trip)
    queue = Queue(app, school.id)
    with queue.held():
        queue.send([(phone, phone.body()) for phone in phones])
    assert queue.statuses == [200, 200, 500, 200, 200]
    assert stored(app, school.id) == {phone.stream: 2 for phone in phones if phone is not phones[2]}
    monkeypatch.undo()
    assert phones[2].sync()["ack"] == 2


def test_a_phone_revoked_while_it_waits_writes_nothing(app, school, phones) -> None:
    queue = Queue(app, school.id)
    with queue.held():
        queue.send([(phone, phone.body()) for phone in phones])
        with app.app_context():
            use_school(school.id)
            gone = update(Device).where(Device.id == phones[1].device["id"])
            db.session.execute(gone.values(revoked_at=clock.now()))
            db.session.commit()
    assert queue.statuses == [200, 401, 200, 200, 200]
    assert queue.answers[1].json["code"] == "device_revoked"
    assert phones[1].stream not in stored(app, school.id)


def test_two_batches_of_one_stream_that_wait_are_stored_one_after_the_other(app, school, phones) -> None:
    phone, queue = phones[0], Queue(app, school.id)
    with commits(app) as made, queue.held():
        queue.send([(phone, phone.body(last=1)), (phone, phone.body()), (phone, phone.body())])
    assert queue.statuses == [200] * 3
    assert [queue.answers[number].json["ack"] for number in range(3)] == [1, 2, 2]
    assert len(made) == 2
    assert stored(app, school.id) == {phone.stream: 2}


def test_a_gap_a_fork_and_a_good_batch_that_wait_together_get_each_its_own_answer(
    app, school, phones
) -> None:
    gap, fork, good = phones[:3]
    fork.sync()
    fork.lines.clear()
    del fork.hashes[1:]
    fork.acked = 0
    fork.write(fork.checkpoint(tag=school.codes["A102"]))
    queue = Queue(app, school.id)
    with queue.held():
        queue.send([(gap, gap.body(first=2)), (fork, fork.body()), (good, good.body())])
    assert queue.statuses == [409, 409, 200]
    assert [queue.answers[number].json["code"] for number in range(2)] == ["gap", "fork"]
    assert stored(app, school.id) == {fork.stream: 2, good.stream: 2}


def test_a_line_that_two_waiting_phones_both_have_is_one_record(app, school, phones) -> None:
    first, second = phones[:2]
    copied = second.write(first.lines[0])
    queue = Queue(app, school.id)
    with queue.held():
        queue.send([(first, first.body()), (second, second.body())])
    assert queue.statuses == [200, 200]
    assert stored(app, school.id) == {first.stream: 2, second.stream: 3}
    with app.app_context():
        use_school(school.id)
        named = select(Record.stream, Record.id.is_not(None)).where(Record.line == copied)
        assert dict(db.session.execute(named).all()) == {first.stream: True, second.stream: False}


def test_two_schools_that_wait_never_share_a_transaction(app, school, other_school, new_phone) -> None:
    mine, theirs = new_phone(), new_phone(other_school)
    for phone in (mine, theirs):
        phone.write(phone.checkpoint(tag=school.codes["A101"]))
    queue = Queue(app, school.id, other_school.id)
    with commits(app) as made, queue.held():
        queue.send([(mine, mine.body()), (theirs, theirs.body())])
    assert queue.statuses == [200, 200]
    assert len(made) == 2
    assert stored(app, school.id) == {mine.stream: 1}
    assert stored(app, other_school.id) == {theirs.stream: 1}


def test_a_new_stream_that_tells_of_two_others_nobody_knew_is_heard(app, school, new_phone) -> None:
    phone, before = new_phone(), {"stream": "a" * 32, "next": 9}
    phone.write(phone.record("boot", data={"reason": "lost", "app": "1", "before": before}))
    phone.write(phone.record("boot", data={"reason": "lost", "app": "1", "before": {**before, "next": 12}}))
    assert phone.sync()["ack"] == 2
    with app.app_context():
        use_school(school.id)
        lost = db.session.scalars(select(Stream).where(Stream.stream == "a" * 32)).one()
        assert (lost.announced_next, lost.ended) == (12, "lost")
