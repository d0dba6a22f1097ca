"""Pure parts of the sync protocol: the chain's hash, and judging one line."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, ValidationError

GENESIS = "0" * 64
# A record is under 1 kB; notes in Chinese may make it a few. Longer is kept, but nobody tries to understand it.
MAX_LINE = 64 * 1024
VERSIONS = (1,)


def chain_hash(stream: str, n: int, previous: str, line: bytes) -> str:
    """Return h[n] = SHA-256("campus-patrol-1" 0 stream 0 n 0 h[n-1] 0 line), in lower hex."""
    return hashlib.sha256(f"campus-patrol-1\0{stream}\0{n}\0{previous}\0".encode() + line).hexdigest()


def log_hash(previous: str, stream: str, n: int, line_hash: str) -> str:
    """Return L[k] = SHA-256(L[k-1] ‖ stream ‖ n ‖ h[n]): the school's log over all streams, in the order of arrival."""
    return hashlib.sha256(f"{previous}\0{stream}\0{n}\0{line_hash}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Judged:
    """A line with what was understood of it: the record, or the code of why not."""

    record: dict[str, Any] | None
    refusal: str | None


class _Refused(Exception):
    pass


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two values for one key: which one counts would depend on who reads it.
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def judge(line: bytes, *, record: Schema, data: dict[str, Schema | None]) -> Judged:
    """Understand one line, or say with a code why it cannot be: never raises.

    ``record`` checks what every kind shares; ``data`` maps each known kind to the schema of its data, or None for a
    kind that is kept now and understood by a later version.
    """
    try:
        return Judged(_understand(line, record, data), None)
    except _Refused as refused:
        return Judged(None, refused.args[0])


def _understand(line: bytes, record: Schema, data: dict[str, Schema | None]) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise _Refused("line_too_long")
    try:
        raw = json.loads(line.decode("utf-8"), object_pairs_hook=_pairs, parse_constant=_constant)
    except (ValueError, RecursionError):
        raise _Refused("not_json") from None
    if not isinstance(raw, dict):
        raise _Refused("not_object")
    if raw.get("v") not in VERSIONS or isinstance(raw.get("v"), bool):
        raise _Refused("version_unknown")
    if not isinstance(raw.get("kind"), str) or raw["kind"] not in data:
        raise _Refused("kind_unknown")
    # Half a surrogate pair and NUL are legal JSON that no database takes as text.
    escaped = line.lower()
    if b"\\u0000" in escaped or (b"\\ud" in escaped and _has_lone_surrogate(raw)):
        raise _Refused("shape_invalid")
    try:
        loaded = record.load(raw)
        schema = data[raw["kind"]]
        if schema is not None:
            loaded["data"] = schema.load(loaded["data"])
    except (ValidationError, RecursionError, OverflowError):
        raise _Refused("shape_invalid") from None
    return loaded


def _has_lone_surrogate(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (UnicodeEncodeError, RecursionError):
        return True
    return False
