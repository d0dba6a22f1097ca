"""Let batches that wait for each other share one transaction.

A commit that survives a power cut costs milliseconds, and only one writer can be in the school's log at a time. So the
batches that came while one was being written are taken together by whoever is next: one transaction, one commit, and
each of them is answered after it. Alone, a batch waits for nobody.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import OperationalError

from campus_patrol.database import db
from campus_patrol.problems import Problem
from campus_patrol.sync.service import Delivery

# Together about as much as one full batch of a phone: with more, all would be read first and written then, by turns,
# where one could be read while another is written.
MOST_DELIVERIES = 64
MOST_LINES = 600

Outcome = dict[str, Any] | Problem | Exception


@dataclass(slots=True, eq=False)
class _Ticket:
    delivery: Delivery
    outcome: Outcome | None = None


class Intake:
    """The queue of one process; ``receive`` stores the deliveries of one school in the session's transaction."""

    def __init__(self, receive: Callable[..., Sequence[dict[str, Any] | Problem]]) -> None:
        self._receive = receive
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[_Ticket]] = defaultdict(deque)
        self._turns: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def bring(self, school_id: str, delivery: Delivery) -> dict[str, Any] | Problem:
        """Have a delivery stored, together with those that wait; returns once it is committed.

        The caller's session must work for the school and must not be in a transaction. Raises what went wrong.
        """
        ticket = _Ticket(delivery)
        with self._lock:
            self._waiting[school_id].append(ticket)
            turn = self._turns[school_id]
        with turn:
            while ticket.outcome is None:
                self._serve(self._next(school_id))
        if isinstance(ticket.outcome, Exception) and not isinstance(ticket.outcome, Problem):
            raise ticket.outcome
        return ticket.outcome

    def _next(self, school_id: str) -> list[_Ticket]:
        """Take what waits, first come first served; two batches of one stream go one after the other."""
        taken: list[_Ticket] = []
        streams, lines = set(), 0
        with self._lock:
            waiting = self._waiting[school_id]
            while waiting and len(taken) < MOST_DELIVERIES:
                batch = waiting[0].delivery.batch
                lines += len(batch.lines)
                if taken and (batch.header["stream"] in streams or lines > MOST_LINES):
                    break
                streams.add(batch.header["stream"])
                taken.append(waiting.popleft())
        return taken

    def _serve(self, tickets: Sequence[_Ticket]) -> None:
        try:
            self._store(tickets)
        finally:
            # Even a thread that is being torn down leaves nobody waiting for an answer that cannot come.
            for ticket in tickets:
                ticket.outcome = ticket.outcome or Problem("internal")

    def _store(self, tickets: Sequence[_Ticket], *, careful: bool = False) -> None:
        try:
            # Nothing here asks for what it has just changed, so one flush at the end is enough.
            with db.session.no_autoflush:
                outcomes = self._receive(deliveries=[ticket.delivery for ticket in tickets], careful=careful)
            db.session.commit()
        except Exception as error:
            db.session.rollback()
            # A database that is busy or full is so for all of them. Anything else is the doing of one, and the others
            # must not suffer for it.
            if careful or isinstance(error, OperationalError):
                for ticket in tickets:
                    ticket.outcome = error
                return
            for ticket in tickets:
                self._store([ticket], careful=True)
            return
        for ticket, outcome in zip(tickets, outcomes, strict=True):
            ticket.outcome = outcome
