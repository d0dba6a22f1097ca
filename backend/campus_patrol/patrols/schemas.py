"""Wire shapes of patrols: what a phone's records carry, and what the desk reads of a night."""

from marshmallow import EXCLUDE, Schema, fields, validate

from campus_patrol.patrols.rules import CATEGORIES, GRADES, METHODS
from campus_patrol.photos.schemas import FATES
from campus_patrol.wire import PageArguments, Reference, Utc, page_of

SHA256 = validate.Regexp(r"\A[0-9a-f]{64}\Z", error="Not a SHA-256 in lower hex.")
_ID = validate.Length(max=36)


def _flag() -> fields.Boolean:
    return fields.Boolean(truthy={True}, falsy={False}, allow_none=True)


class RecordData(Schema):
    """What a record's data may hold; what a newer phone adds is left to the raw line."""

    class Meta:
        unknown = EXCLUDE


class ReadingData(RecordData):
    """One answer; the rest comes only with an answer that is not normal."""

    value = fields.String(required=True, validate=validate.Length(min=1, max=40))
    handled = _flag()
    note = fields.String(allow_none=True, validate=validate.Length(max=2000))
    category = fields.String(allow_none=True, validate=validate.OneOf(CATEGORIES))
    grade = fields.String(allow_none=True, validate=validate.OneOf(GRADES))
    photos = fields.List(fields.String(validate=SHA256), allow_none=True, validate=validate.Length(max=8))


class CheckpointData(RecordData):
    """Data of a ``checkpoint`` record."""

    place = fields.String(load_default=None, validate=_ID)
    method = fields.String(required=True, validate=validate.OneOf(METHODS))
    route = fields.String(load_default=None, validate=_ID)
    round = fields.String(load_default=None, validate=_ID)
    took_ms = fields.Integer(
        load_default=None, strict=True, validate=validate.Range(min=0, max=2_000_000_000)
    )
    # Without a default: what older phones write is as right without it, and must not be slower to understand.
    read_ms = fields.Integer(allow_none=True, strict=True, validate=validate.Range(min=0, max=2_000_000_000))
    # What the guard read beside the tag when his phone asked for it; null when he found nothing to read.
    figure = fields.String(allow_none=True, validate=validate.Length(max=8))
    readings = fields.Dict(
        keys=fields.String(validate=validate.Length(min=1, max=40)),
        values=fields.Nested(ReadingData),
        load_default=dict,
        validate=validate.Length(max=40),
    )


class RoundStartData(RecordData):
    """Data of a ``round_start`` record; a voluntary round has no route."""

    route = fields.String(load_default=None, validate=_ID)
    night = fields.Date(load_default=None)


class RoundEndData(RecordData):
    """Data of a ``round_end`` record: the record that started the round, and why it ended before its time."""

    round = fields.String(required=True, validate=_ID)
    reason = fields.String(load_default=None, validate=validate.Length(max=200))


class SignInData(RecordData):
    """Data of a ``sign_in`` record: whether the PIN was checked, here or on the phone."""

    verified = fields.Boolean(required=True, truthy={True}, falsy={False})


class BeforeData(RecordData):
    """The stream that a new one follows, and the number it would have used next."""

    stream = fields.String(required=True, validate=validate.Regexp(r"[0-9a-f]{32}\Z"))
    next = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=2**31 - 1))


class BootData(RecordData):
    """Data of a ``boot`` record, the first of a stream."""

    reason = fields.String(required=True, validate=validate.Length(max=20))
    app = fields.String(load_default=None, validate=validate.Length(max=40))
    before = fields.Nested(BeforeData, load_default=None, allow_none=True)


class TagPlacedData(RecordData):
    """Data of a ``tag_placed`` record: on which place the tag of the record hangs, and how it was read."""

    place = fields.String(required=True, validate=_ID)
    method = fields.String(required=True, validate=validate.OneOf(METHODS))


class VoidData(RecordData):
    """Data of a ``void`` record: nothing, its ``ref`` says it all."""


class CorrectionData(RecordData):
    """Data of a ``correction`` record: of the photos of its ``ref``, by hash, why they will not come."""

    photos = fields.Dict(
        keys=fields.String(validate=SHA256),
        values=fields.String(validate=validate.Length(max=20)),
        load_default=dict,
        validate=validate.Length(max=20),
    )


class FindingData(RecordData):
    """Data of a ``finding`` record: something wrong that was seen outside a checkpoint."""

    place = fields.String(load_default=None, validate=_ID)
    kind = fields.String(required=True, validate=validate.OneOf(("ac", "light", "leak", "hazard")))
    category = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(CATEGORIES))
    grade = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(GRADES))
    note = fields.String(load_default=None, validate=validate.Length(max=2000))


class PlaceReference(Schema):
    """A place named in passing, with where it is."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    number = fields.String(required=True)
    building = fields.Nested(Reference, required=True)
    floor = fields.Integer(required=True)
    kind = fields.String(required=True)


class NamedPhoto(Schema):
    """A photo that a record names; stored says whether its bytes have come, missing why they never will."""

    sha256 = fields.String(required=True)
    stored = fields.Boolean(required=True)
    missing = fields.String(required=True, allow_none=True, validate=validate.OneOf(FATES))


class DoubtSchema(Schema):
    """A reason why a checkpoint deserves a look."""

    id = fields.String(required=True)
    kind = fields.String(required=True)
    params = fields.Dict(keys=fields.String(), required=True)
    cleared_at = Utc(allow_none=True, required=True)
    cleared_by = fields.Nested(Reference, allow_none=True, required=True)
    clear_note = fields.String(allow_none=True, required=True)


class ReadingSchema(Schema):
    """One answer, as observed."""

    value = fields.String(required=True)
    handled = fields.Boolean(allow_none=True)
    note = fields.String(allow_none=True)
    category = fields.String(allow_none=True)
    grade = fields.String(allow_none=True)
    photos = fields.List(fields.String(), allow_none=True)


class CheckpointSchema(Schema):
    """The fact that somebody stood at a place at a time; ``at`` is the phone's time, ``corrected_at`` the server's."""

    id = fields.String(required=True)
    at = Utc(required=True)
    corrected_at = Utc(required=True)
    received_at = Utc(required=True)
    place = fields.Nested(PlaceReference, allow_none=True, required=True)
    person = fields.Nested(Reference, allow_none=True, required=True)
    device = fields.Nested(Reference, required=True)
    tag = fields.String(allow_none=True, required=True)
    method = fields.String(required=True)
    readings = fields.Dict(keys=fields.String(), values=fields.Nested(ReadingSchema), required=True)
    note = fields.String(allow_none=True, required=True)
    doubts = fields.List(fields.Nested(DoubtSchema), required=True)
    photos = fields.List(fields.Nested(NamedPhoto), required=True)
    round = fields.String(allow_none=True, required=True)
    took_ms = fields.Integer(allow_none=True, required=True)
    voided_at = Utc(allow_none=True, required=True)


class CheckpointQuery(PageArguments):
    """Which checkpoints, in which order; ``at`` is by corrected time."""

    night = fields.Date()
    building = fields.String(validate=_ID)
    person = fields.String(validate=_ID)
    place = fields.String(validate=_ID)
    only = fields.String(validate=validate.OneOf(("ac", "light", "leak", "hazard", "doubt", "abnormal")))
    search = fields.String(validate=validate.Length(max=100))
    sort = fields.String(load_default="-at", validate=validate.OneOf(("at", "-at")))


class RouteSchema(Schema):
    """A route and its schedule; weekdays count from Monday = 1."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    start = fields.String(required=True)
    window = fields.Integer(required=True)
    weekdays = fields.List(fields.Integer(), required=True)
    questions = fields.List(fields.String(), required=True)
    stops = fields.Integer(required=True)
    active = fields.Boolean(required=True)


class ClearArguments(Schema):
    """Why a doubt is settled, if there is something to say."""

    note = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=2000))


CheckpointPage = page_of(CheckpointSchema)
RoutePage = page_of(RouteSchema)
