"""Read what a phone sent, before the database is touched: the header, the chain of the lines, and what each says."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from marshmallow import ValidationError

from campus_patrol.patrols import schemas as patrol_shapes
from campus_patrol.problems import Problem
from campus_patrol.sync import rules
from campus_patrol.sync.lines import QuickHeader, Reader
from campus_patrol.sync.schemas import HeaderSchema, RecordSchema

# One instance each, reused for every line: building a schema costs more than loading a record with it.
_HEADER = HeaderSchema()
_QUICK_HEADER = QuickHeader(_HEADER)
_READER = Reader(
    record=RecordSchema(),
    # None: kept in the log now, understood by the version that brings the domain.
    data={
        "checkpoint": patrol_shapes.CheckpointData(),
        "round_start": patrol_shapes.RoundStartData(),
        "round_end": patrol_shapes.RoundEndData(),
        "sign_in": patrol_shapes.SignInData(),
        "boot": patrol_shapes.BootData(),
        "void": patrol_shapes.VoidData(),
        "finding": patrol_shapes.FindingData(),
        "sign_out": None,
        "repair_step": None,
        "spot_check_answer": None,
        "handover": None,
        "notice_read": None,
        "correction": patrol_shapes.CorrectionData(),
        "tag_placed": patrol_shapes.TagPlacedData(),
        "sos": None,
    },
)


class Line(msgspec.Struct, gc=False):
    """One line in its place in the chain, and what was understood of it: the record, or the code of why not."""

    n: int
    hash: str
    raw: bytes
    record: dict[str, Any] | None
    refusal: str | None
    # None also when another record turned out to have it.
    id: str | None


@dataclass(slots=True)
class Batch:
    """One sync request: its checked header and its lines."""

    header: dict[str, Any]
    lines: list[Line]
    signed: tuple[object, ...] = ()  # what the header's signature is made over, as it was sent


def read_batch(body: bytes) -> Batch:
    """Split a body into header and lines, and read them.

    Raises sync_header_invalid, or sync_cut_off when the last line is not complete or lines are missing: half of a
    batch is never stored as if it were whole.
    """
    first, newline, rest = body.partition(b"\n")
    sent, header = _QUICK_HEADER.read(first) or _read_header(first)
    lines = rest.split(b"\n")
    if not newline or lines.pop() != b"" or len(lines) != header["count"]:
        raise Problem("sync_cut_off")
    return Batch(header, read_lines(header, lines), rules.signed_parts(sent))


def _read_header(line: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        sent = json.loads(line.decode("utf-8"))
        return sent, _HEADER.load(sent)
    except ValidationError as error:
        raise Problem("sync_header_invalid", errors=error.messages) from None
    except (ValueError, RecursionError):
        raise Problem("sync_header_invalid") from None


def read_lines(header: dict[str, Any], lines: Sequence[bytes]) -> list[Line]:
    """Chain the lines of a batch from what its header says is before them, and judge each by itself.

    All of it, also what may be known already: judging here costs only the one who sent it, while the school's log has
    one writer at a time.
    """
    stream, previous, read = header["stream"], header["prev"], []
    for n, raw in enumerate(lines, header["first"]):
        previous = rules.chain_hash(stream, n, previous, raw)
        record, refusal = _READER.judge(raw)
        read.append(Line(n, previous, raw, record, refusal, record["id"] if record else None))
    return read
