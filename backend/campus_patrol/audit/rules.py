"""Pure parts of the audit: walking a school's log from its stored bytes, and reading and judging signed heads."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from campus_patrol.sync.rules import GENESIS, chain_hash, log_hash

HEAD = "campus-patrol-head"
RECEIPT = "campus-patrol-ack"
# log_number, stream, n, hash, line, log_hash, id
Row = tuple[Any, Any, Any, Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and where: ``code`` says what, ``other`` is the value it was compared with."""

    code: str
    log_number: Any = None
    stream: Any = None
    n: Any = None
    other: Any = None


@dataclass(slots=True)
class Walked:
    """What a walk through a log found: its end, each stream's end, the marked places, and the first fault."""

    length: int = 0
    hash: str = GENESIS
    streams: dict[Any, tuple[int, str]] = field(default_factory=dict)
    log_marks: dict[int, str] = field(default_factory=dict)
    stream_marks: dict[tuple[str, int], str] = field(default_factory=dict)
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A signed head as it is stored or was printed."""

    school: str
    generation: str
    day: str
    log_number: int
    log_hash: str
    signature: str

    def parts(self) -> tuple[object, ...]:
        """Return what the signature is made over."""
        return (HEAD, self.school, self.generation, self.day, self.log_number, self.log_hash)

    def text(self) -> str:
        """Write the head as one line, to be printed and kept away from this machine."""
        return " ".join(str(part) for part in (*self.parts(), self.signature))

    @classmethod
    def parse(cls, text: str) -> "SignedHead":
        """Read a printed head. Raises ValueError for anything else."""
        mark, school, generation, day, number, hashed, signature = text.split()
        if mark != HEAD:
            raise ValueError("not a head")
        return cls(school, generation, day, int(number), hashed, signature)


class _Named(msgspec.Struct):
    id: str


class _Held(msgspec.Struct):
    person: str | None = None


_name_of = msgspec.json.Decoder(_Named).decode
_held_by = msgspec.json.Decoder(_Held).decode


def walk(
    rows: Iterable[Row], *, log_marks: Collection[int] = (), stream_marks: Collection[tuple[str, int]] = ()
) -> Walked:
    """Recompute every stream's chain and the log's chain over rows in log order, and stop at the first bad row.

    The hashes at ``log_marks`` and ``stream_marks`` are kept, to compare heads and receipts with.
    """
    walked = Walked()
    if 0 in log_marks:
        walked.log_marks[0] = GENESIS
    streams, length, log = walked.streams, 0, GENESIS
    for number, stream, n, stored, line, log_stored, name in rows:
        before, previous = streams.get(stream, (0, GENESIS))
        fault = None
        if number != length + 1:
            later = isinstance(number, int) and number > length
            fault = Fault("log_gap" if later else "log_twice", number, stream, n, length + 1)
        elif n != before + 1:
            fault = Fault("stream_gap", number, stream, n, before + 1)
        elif type(line) is not bytes:
            fault = Fault("line_changed", number, stream, n)
        else:
            log = log_hash(log, stream, n, stored)
            if chain_hash(stream, n, previous, line) != stored:
                # The log's chain was made over the stored hash: if that still fits, it is the line that was changed.
                fault = Fault("line_changed" if log == log_stored else "hash_changed", number, stream, n)
            elif log != log_stored:
                fault = Fault("log_hash_changed", number, stream, n)
            elif name is not None and named(line) != name:
                fault = Fault("id_changed", number, stream, n, name)
        if fault is not None:
            walked.fault = fault
            break
        length = number
        streams[stream] = (n, stored)
        if length in log_marks:
            walked.log_marks[length] = log
        if stream_marks and (stream, n) in stream_marks:
            walked.stream_marks[stream, n] = stored
    walked.length, walked.hash = length, log
    return walked


def named(line: bytes) -> str | None:
    """Return the id a line carries, or None when it carries none that can be read."""
    try:
        return _name_of(line).id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def person_of(line: bytes) -> str | None:
    """Return the person a line names, or None when it names none that can be read."""
    try:
        return _held_by(line).person
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def judge_head(head: SignedHead, walked: Walked, *, restored: Iterable[SignedHead]) -> Fault | None:
    """Say what contradicts a head; ``restored`` are the first heads of later generations.

    Returns a fault of code ``before_restore`` when a later restore went back behind the head: that explains it, and is
    for a person to know.
    """
    if walked.log_marks.get(head.log_number) == head.log_hash:
        return None
    if not isinstance(head.log_number, int):
        return Fault("head_contradicts", head.log_number, other=walked.length)
    for later in restored:
        if later.log_number < head.log_number and later.day >= head.day:
            return Fault("before_restore", head.log_number, other=later.log_number)
    code = "head_beyond" if head.log_number > walked.length else "head_contradicts"
    return Fault(code, head.log_number, other=walked.length)
