"""What must be true of the server's disk by itself, from the protocol's text and not with the server's code."""

import hashlib
from collections import Counter, defaultdict
from typing import Any, Protocol

GENESIS = "0" * 64
_COLUMNS = "school_id, stream, n, id, hash, line, log_number, log_hash"
NEW_ROWS = f"SELECT {_COLUMNS} FROM record WHERE school_id = ? AND log_number > ? ORDER BY log_number"
_ALL_ROWS = f"SELECT {_COLUMNS} FROM record ORDER BY school_id, log_number"


class Store(Protocol):
    """Where the lines are."""

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read what is committed."""


def row(found: tuple[Any, ...]) -> dict[str, Any]:
    """Give a row of the log the names the simulator uses."""
    school, stream, n, record_id, line_hash, line, _, _ = found
    return {
        "school": school,
        "stream": stream,
        "n": n,
        "id": record_id,
        "hash": line_hash,
        "line": bytes(line).decode("utf-8", "replace"),
    }


def look(store: Store) -> dict[str, Any]:
    """Check chains, numbers, ids, the log and the projections; return what is wrong and what is there."""
    rows = store.query(_ALL_ROWS)
    return {
        "wrong": [*_streams(store, rows), *_log(store, rows), *_ids(rows), *_projected(store, rows)],
        "streams": [
            {"school": school, "stream": stream, "next": announced, "head": head}
            for school, stream, announced, head in store.query(
                "SELECT school_id, stream, announced_next, head FROM stream"
            )
        ],
        "quarantine": [
            {
                "school": school,
                "stream": stream,
                "n": n,
                "code": code,
                "line": bytes(line).decode("utf-8", "replace"),
            }
            for school, stream, n, code, line in store.query(
                "SELECT school_id, stream, n, code, line FROM quarantine ORDER BY id"
            )
        ],
        "photos": [
            {"school": school, "sha256": sha256, "size": size}
            for school, sha256, size in store.query("SELECT school_id, sha256, size FROM photo")
        ],
    }


def _streams(store: Store, rows: list[tuple[Any, ...]]) -> list[str]:
    wrong = []
    lines = defaultdict(list)
    for school, stream, n, _, line_hash, line, _, _ in rows:
        lines[school, stream].append((n, line_hash, bytes(line)))
    heads = {
        (school, stream): (head, head_hash)
        for school, stream, head, head_hash in store.query(
            "SELECT school_id, stream, head, head_hash FROM stream"
        )
    }
    for (school, stream), held in lines.items():
        held.sort(key=lambda one: one[0])
        previous = GENESIS
        for expected, (n, line_hash, line) in enumerate(held, 1):
            if n != expected:
                wrong.append(f"stream {stream} has {n} where {expected} should be")
                break
            head = f"campus-patrol-1\0{stream}\0{n}\0{previous}\0".encode()
            previous = hashlib.sha256(head + line).hexdigest()
            if previous != line_hash:
                wrong.append(f"the chain of stream {stream} breaks at {n}")
                break
        else:
            if heads.get((school, stream)) != (len(held), previous):
                wrong.append(f"the head of stream {stream} is not that of its lines")
    return wrong


def _log(store: Store, rows: list[tuple[Any, ...]]) -> list[str]:
    wrong = []
    ends = dict.fromkeys((school for school, *_ in rows), (0, GENESIS))
    for school, stream, n, _, line_hash, _, number, log_hash in rows:
        k, previous = ends[school]
        text = f"{previous}\0{stream}\0{n}\0{line_hash}"
        expected = hashlib.sha256(text.encode()).hexdigest()
        if number != k + 1 or log_hash != expected:
            return [f"the log of school {school} breaks at {k + 1}"]
        ends[school] = (k + 1, expected)
    for school, length, head in store.query("SELECT id, log_length, log_hash FROM school"):
        if ends.get(school, (0, GENESIS)) != (length, head):
            wrong.append(f"the head of the log of school {school} is not that of its lines")
    return wrong


def _ids(rows: list[tuple[Any, ...]]) -> list[str]:
    counted = Counter((school, record_id) for school, _, _, record_id, *_ in rows if record_id)
    return [
        f"record {record_id} counts {times} times" for (_, record_id), times in counted.items() if times > 1
    ]


def _projected(store: Store, rows: list[tuple[Any, ...]]) -> list[str]:
    aside = {(stream, n) for stream, n in store.query("SELECT stream, n FROM quarantine")}
    said = {
        record_id
        for _, stream, n, record_id, _, line, _, _ in rows
        if record_id and b'"kind":"checkpoint"' in bytes(line) and (stream, n) not in aside
    }
    made = Counter(record_id for (record_id,) in store.query("SELECT id FROM checkpoint"))
    twice = [record_id for record_id, times in made.items() if times > 1]
    return [
        *(
            f"checkpoint {record_id} is in the log and nowhere on the desk"
            for record_id in sorted(said - set(made))
        ),
        *(f"checkpoint {record_id} is on the desk {made[record_id]} times" for record_id in twice),
    ]
