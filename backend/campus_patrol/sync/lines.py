"""Understand one record line: the schemas decide, and a quick reader that never differs from them does most of it."""

import json
from datetime import date, datetime
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import msgspec
from marshmallow import Schema, ValidationError, fields, missing, validate

# A record is under 1 kB; notes in Chinese may make it a few. Longer is kept, but nobody tries to understand it.
MAX_LINE = 64 * 1024
VERSIONS = (1,)
# 2026-11-22T15:31:11.512Z, as every phone writes an instant.
_INSTANT = 24
_AFTER_VERSION = len('{"v":1,')
_encode = msgspec.json.Encoder().encode


# A line with what was understood of it: the record, or the code of why not.
Judged = tuple[dict[str, Any] | None, str | None]


class _Refused(Exception):
    pass


class Reader:
    """Reads lines against the schemas given.

    ``record`` checks what every kind shares; ``data`` maps each known kind to the schema of its data, or None for a
    kind that is kept now and understood by a later version.

    A phone's own line, written by JSON.stringify, takes the quick way: msgspec reads it into shapes derived from the
    same schemas. Whatever that does not take without doubt goes to the schemas, whose word is the last; so the quick
    way can only be slower to say no, never say something else.
    """

    def __init__(self, *, record: Schema, data: dict[str, Schema | None]) -> None:
        self._record, self._data = record, data
        # By how a line begins. Instants are read as text, so that what was read can be written again and compared.
        self._instants, shared = _as_written(record)
        self._decoders = {
            f'{{"v":{version},"kind":"{kind}",'.encode(): msgspec.json.Decoder(
                TypedDict(  # type: ignore[operator]
                    kind, shared if schema is None else {**shared, "data": _shape(schema)}
                )
            )
            for kind, schema in data.items()
            for version in VERSIONS
        }

    def judge(self, line: bytes) -> Judged:
        """Understand one line, or say with a code why it cannot be: never raises."""
        quick = self._quickly(line)
        if quick is not None:
            return quick, None
        try:
            return self._understand(line), None
        except _Refused as refused:
            return None, refused.args[0]

    def _quickly(self, line: bytes) -> dict[str, Any] | None:
        # Escapes may be NUL or half a surrogate pair, which no database takes as text.
        if len(line) > MAX_LINE or b"\\u" in line:
            return None
        decoder = self._decoders.get(line[: line.find(b",", _AFTER_VERSION) + 1])
        if decoder is None:
            return None
        try:
            record = decoder.decode(line)
            # Written again it is the same only if it has no key twice or beside those known, and no number was bent.
            if _encode(record) != line:
                return None
            for name in self._instants:
                record[name] = _instant(record[name])
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        return record

    def _understand(self, line: bytes) -> dict[str, Any]:
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
        if not isinstance(raw.get("kind"), str) or raw["kind"] not in self._data:
            raise _Refused("kind_unknown")
        # Half a surrogate pair and NUL are legal JSON that no database takes as text.
        escaped = line.lower()
        if b"\\u0000" in escaped or (b"\\ud" in escaped and _has_lone_surrogate(raw)):
            raise _Refused("shape_invalid")
        try:
            loaded = self._record.load(raw)
            schema = self._data[raw["kind"]]
            if schema is not None:
                loaded["data"] = schema.load(loaded["data"])
        except (ValidationError, RecursionError, OverflowError):
            raise _Refused("shape_invalid") from None
        return loaded


class QuickHeader:
    """Reads the first line of a batch as its schema would, or leaves it to the schema."""

    def __init__(self, schema: Schema) -> None:
        self._instants, members = _as_written(schema)
        self._renamed = [
            (field.data_key, name) for name, field in schema.load_fields.items() if field.data_key
        ]
        self._decoder = msgspec.json.Decoder(TypedDict("header", members))  # type: ignore[operator]

    def read(self, line: bytes) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return the header as it was sent and as it is understood; None when the schema must be asked."""
        try:
            sent = self._decoder.decode(line)
            if _encode(sent) != line:
                return None
            header = sent | {name: _instant(sent[name]) for name in self._instants}
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        for key, name in self._renamed:
            header[name] = header.pop(key)
        return sent, header


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two values for one key: which one counts would depend on who reads it.
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _has_lone_surrogate(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (UnicodeEncodeError, RecursionError):
        return True
    return False


def _shape(schema: Schema) -> Any:
    """Return the typed dictionary that takes less than a schema or the same, and then with the same result.

    Raises TypeError for a field that has no such counterpart.
    """
    return TypedDict(type(schema).__name__, _members(schema))  # type: ignore[operator]


def _as_written(schema: Schema) -> tuple[list[str], dict[str, Any]]:
    """Return a schema's members with its instants as text, and the names of those."""
    instants = [name for name, field in schema.load_fields.items() if _is_instant(field)]
    return instants, _members(schema) | dict.fromkeys(instants, str)


def _instant(text: str) -> datetime:
    if len(text) != _INSTANT or text[-1] != "Z":
        raise ValueError("not as a phone writes it")
    return datetime.fromisoformat(text)


def _members(schema: Schema) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, field in schema.load_fields.items():
        kind = _type(name, field)
        kind = kind | None if field.allow_none else kind
        # A default is not filled in here: without the key the line goes to the schema.
        always = field.required or field.load_default is not missing
        members[field.data_key or name] = kind if always else NotRequired[kind]
    return members


def _type(name: str, field: fields.Field[Any]) -> Any:
    plain = type(field)
    if plain is fields.String:
        return _string(field)
    if plain is fields.Integer:
        # Where the schema takes 3.0 or "3" too, the shape leaves those to it.
        return _limited(int, field, {"min": "ge", "max": "le"})
    if plain is fields.Boolean:
        return bool
    if plain is fields.Date:
        return date
    if _is_instant(field):
        return Annotated[datetime, msgspec.Meta(tz=True)]
    if plain is fields.Nested:
        return _shape(field.schema)  # type: ignore[attr-defined]
    if plain is fields.List:
        return _limited(list[_type(name, field.inner)], field, _LENGTHS)  # type: ignore[attr-defined, misc]
    if plain is fields.Dict and field.key_field and field.value_field:  # type: ignore[attr-defined]
        keys, values = _type(name, field.key_field), _type(name, field.value_field)  # type: ignore[attr-defined]
        return _limited(dict[keys, values], field, _LENGTHS)  # type: ignore[valid-type]
    if plain is fields.Dict and not field.validators:
        return dict[str, Any]
    raise TypeError(f"{name}: no quick shape for {plain.__name__}")


def _is_instant(field: fields.Field[Any]) -> bool:
    return type(field) is fields.AwareDateTime and field.default_timezone is None and field.required


_LENGTHS = {"min": "min_length", "max": "max_length"}


def _string(field: fields.Field[Any]) -> Any:
    if len(field.validators) == 1 and isinstance(field.validators[0], validate.Regexp):
        # msgspec searches where marshmallow matches from the start.
        return Annotated[str, msgspec.Meta(pattern=rf"\A(?:{field.validators[0].regex.pattern})")]
    return _limited(str, field, _LENGTHS)


def _limited(kind: Any, field: fields.Field[Any], words: dict[str, str]) -> Any:
    """Put a field's one Range or Length into msgspec's words."""
    if not field.validators:
        return kind
    (limit,) = field.validators
    if isinstance(limit, validate.OneOf):
        return Literal[tuple(limit.choices)]
    if not isinstance(limit, validate.Range | validate.Length) or getattr(limit, "equal", None) is not None:
        raise TypeError(f"no quick shape for {limit!r}")
    bounds = {words[end]: getattr(limit, end) for end in words if getattr(limit, end) is not None}
    return Annotated[kind, msgspec.Meta(**bounds)]
