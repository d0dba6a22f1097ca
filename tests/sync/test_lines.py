"""The quick reader of lines and the schemas never disagree, so that speed cannot change what a record means."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import Schema, fields, validate

from campus_patrol.sync.batches import _QUICK_HEADER, _READER, _read_header
from campus_patrol.sync.lines import Reader
from campus_patrol.sync.rules import signed_parts
from tests.phone import Phone

PHONE = Phone(None, "", {}, {}, "0190c2a0-0000-7000-8000-000000000001")  # type: ignore[arg-type]
PLACE = "0190c2a0-0000-7000-8000-000000000002"
GOOD = [
    PHONE.checkpoint(tag="HTTPS://X.CN/ABCDEFGHJK"),
    PHONE.checkpoint(
        place=PLACE,
        readings={
            "ac": {"value": "on", "handled": True, "note": "遥控器坏了 🔧", "photos": ["a" * 64]},
            "hazard": {"value": "found", "grade": "major", "category": "fire", "handled": None},
        },
        photos=[{"sha256": "a" * 64, "size": 123_456}],
    ),
    PHONE.record(
        "checkpoint",
        tag="ABCDEFGHJK",
        data={
            "place": PLACE,
            "method": "camera",
            "route": None,
            "round": None,
            "took_ms": 900,
            "read_ms": 210,
            "readings": {},
        },
    ),
    PHONE.record("round_start", data={"route": PLACE, "night": "2026-11-22"}),
    PHONE.record("round_end", data={"round": PLACE, "reason": None}),
    PHONE.record("sign_in", data={"verified": True}),
    PHONE.record("boot", data={"reason": "lost", "app": "1", "before": {"stream": "a" * 32, "next": 7}}),
    PHONE.record("void", ref=PLACE),
    PHONE.record("tag_placed", tag="ABCDEFGHJK", data={"place": PLACE, "method": "camera"}),
    PHONE.record(
        "finding", data={"place": None, "kind": "leak", "category": None, "grade": None, "note": "漏"}
    ),
    PHONE.record("sos", data={"anything": [1, 2.5, {"deep": None}]}),
]


def text(value: Any) -> bytes:
    """A line as JSON.stringify writes it on a phone."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("record", GOOD, ids=lambda record: record["kind"])
def test_what_a_phone_writes_takes_the_quick_way_with_the_same_result(record: dict[str, Any]) -> None:
    quick = _READER._quickly(text(record))
    assert quick is not None
    assert quick == _READER._understand(text(record))


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=50),
    st.sampled_from(
        [
            "",
            "x" * 41,
            "x" * 2001,
            "2026-11-22T15:31:11.512Z",
            "2026-11-22T15:31:11.5129999Z",
            "2026-11-22T15:31:60Z",
            "2026-11-22 15:31",
            "20261122T153111Z",
            "0001-01-01T00:00:00+14:00",
            "2026-02-30",
            "20261122",
            "2026-W47-7",
            "0" * 64,
            "0" * 64 + "\n",
            PLACE,
            PLACE.upper(),
            " camera",
            5.0,
            1e300,
            2**31,
            2**53 + 1,
        ]
    ),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)


@st.composite
def spoilt(draw: st.DrawFn, good: list[dict[str, Any]]) -> bytes:
    """Something good with something changed, dropped, added or doubled anywhere in it; or spacing of its own."""
    record = json.loads(json.dumps(draw(st.sampled_from(good))))
    for _ in range(draw(st.integers(0, 3))):
        inside: Any = record
        while True:
            keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(inside[key], dict | list) and inside[key] and draw(st.booleans()):
                inside = inside[key]
                continue
            if isinstance(inside, dict) and draw(st.integers(0, 4)) == 0:
                del inside[key]
            else:
                inside[key] = draw(ODD)
            break
        if isinstance(inside, dict) and draw(st.integers(0, 4)) == 0:
            inside[draw(st.text(max_size=8))] = draw(ODD)
    line = text(record)
    if draw(st.integers(0, 6)) == 0:
        line = line.replace(b":", b": ", 1)
    if draw(st.integers(0, 6)) == 0:
        line = line.replace(b'"zone":', b'"zone":0,"zone":', 1).replace(b'"next":', b'"next":1,"next":', 1)
    return line


@settings(max_examples=1500, deadline=None)
@given(spoilt(GOOD))
def test_the_quick_way_never_says_anything_else_than_the_schemas(line: bytes) -> None:
    quick = _READER._quickly(line)
    if quick is not None:
        assert quick == _READER._understand(line)


HEADER = json.loads(PHONE.body(first=1, last=0).partition(b"\n")[0])
HEADERS = [HEADER, HEADER | {"quota": {"usage": 1, "quota": 2**40}, "persisted": None, "signature": "x" * 88}]


@pytest.mark.parametrize("header", HEADERS, ids=["plain", "signed"])
def test_the_header_a_phone_writes_takes_the_quick_way(header: dict[str, Any]) -> None:
    assert _QUICK_HEADER.read(text(header)) == _read_header(text(header))


@settings(max_examples=1000, deadline=None)
@given(spoilt(HEADERS))
def test_the_quick_way_never_reads_a_header_otherwise_than_its_schema(line: bytes) -> None:
    quick = _QUICK_HEADER.read(line)
    if quick is not None:
        said, meant = _read_header(line)
        assert quick[1] == meant
        assert signed_parts(quick[0]) == signed_parts(said)


@pytest.mark.parametrize(
    "line",
    [
        text({**GOOD[0], "zone": 480}).replace(b'"zone":480', b'"zone":60,"zone":480'),
        text(GOOD[0]).replace(b":", b": "),
        text({**GOOD[0], "boot": "\0"}),
        text({**GOOD[0], "boot": "\ud800"}),
        text({**GOOD[0], "elapsed": 5.0}),
        text({**GOOD[0], "elapsed": True}),
        text({**GOOD[0], "v": True}),
        text({**GOOD[0], "v": 2}),
        text({**GOOD[0], "at": "2026-11-22T15:31:11.51234567Z"}),
        text({key: value for key, value in GOOD[0].items() if key != "ref"}),
        text(GOOD[0])[:-1],
        b"[]",
        b"1",
        b"",
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_whatever_is_in_doubt_is_left_to_the_schemas(line: bytes) -> None:
    assert _READER._quickly(line) is None
    assert _READER.judge(line)


def test_a_field_without_a_quick_counterpart_is_refused_at_the_start() -> None:
    class Odd(Schema):
        amount = fields.Decimal()

    class Doubled(Schema):
        name = fields.String(validate=[validate.Length(max=3), validate.OneOf(("a",))])

    for schema in (Odd(), Doubled()):
        with pytest.raises((TypeError, ValueError)):
            Reader(record=schema, data={"sos": None})


def test_an_instant_is_read_to_the_millisecond_with_its_zone() -> None:
    read = _READER.judge(text({**GOOD[0], "at": "2026-11-22T23:31:11.512+08:00"}))[0]
    assert read is not None
    assert read["at"] == datetime(2026, 11, 22, 15, 31, 11, 512_000, tzinfo=UTC)
