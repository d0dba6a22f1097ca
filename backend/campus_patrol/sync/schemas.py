"""Wire shapes of sync: the batch's header, what every record shares, the answer, and the offline pack."""

from marshmallow import EXCLUDE, Schema, fields, validate

from campus_patrol.people.schemas import SchoolSchema
from campus_patrol.wire import Reference, Utc, page_of

_HASH = validate.Regexp(r"[0-9a-f]{64}\Z")
_STREAM = validate.Regexp(r"[0-9a-f]{32}\Z")
# RFC 9562, any version: what matters is that one id is one record.
_UUID = validate.Regexp(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_NUMBER = validate.Range(min=0, max=2**31 - 1)


class Lenient(Schema):
    """A shape that newer phones may have added to: what this version does not know stays in the raw line."""

    class Meta:
        unknown = EXCLUDE


class QuotaSchema(Lenient):
    """The phone's storage, in bytes."""

    usage = fields.Integer(allow_none=True)
    quota = fields.Integer(allow_none=True)


class HeaderSchema(Lenient):
    """The first line of a batch."""

    v = fields.Integer(required=True, strict=True, validate=validate.OneOf((1,)))
    request = fields.String(required=True, validate=validate.Length(min=1, max=64))
    stream = fields.String(required=True, validate=_STREAM)
    first = fields.Integer(
        required=True, strict=True, data_key="from", validate=validate.Range(min=1, max=2**31 - 1)
    )
    count = fields.Integer(required=True, strict=True, validate=validate.Range(min=0, max=5000))
    next = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=2**31 - 1))
    prev = fields.String(required=True, validate=_HASH)
    head = fields.String(required=True, validate=_HASH)
    device_time = fields.AwareDateTime(required=True)
    persisted = fields.Boolean(load_default=None, allow_none=True)
    quota = fields.Nested(QuotaSchema, load_default=None, allow_none=True)
    app = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=40))
    signature = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=200))


class PhotoReference(Lenient):
    """A photo that a record names."""

    sha256 = fields.String(required=True, validate=_HASH)
    size = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=64 * 1024 * 1024))


class RecordSchema(Lenient):
    """What a record of any kind carries."""

    v = fields.Integer(required=True, strict=True)
    kind = fields.String(required=True)
    id = fields.String(required=True, validate=_UUID)
    person = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=36))
    tag = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=80))
    at = fields.AwareDateTime(required=True)
    zone = fields.Integer(required=True, strict=True, validate=validate.Range(min=-14 * 60, max=14 * 60))
    elapsed = fields.Integer(required=True, strict=True, validate=validate.Range(min=0, max=2**53))
    boot = fields.String(required=True, validate=validate.Length(min=1, max=64))
    data = fields.Dict(required=True)
    photos = fields.List(fields.Nested(PhotoReference), load_default=list, validate=validate.Length(max=20))
    ref = fields.String(load_default=None, allow_none=True, validate=_UUID)


class SetAside(Schema):
    """A line that is kept but was not understood."""

    n = fields.Integer(required=True)
    id = fields.String(allow_none=True, required=True)
    code = fields.String(required=True)


class SyncAnswer(Schema):
    """The server's receipt for one batch."""

    stream = fields.String(required=True)
    request = fields.String(required=True)
    ack = fields.Integer(required=True)
    ack_hash = fields.String(required=True)
    durable = fields.Integer(required=True)
    generation = fields.String(required=True)
    quarantined = fields.List(fields.Nested(SetAside), required=True)
    want_photos = fields.List(fields.String(), required=True)
    server_time = fields.String(required=True)
    signature = fields.String(required=True)


class PackQuery(Schema):
    """The cursor of the pack the phone has."""

    after = fields.String(load_default=None, validate=validate.Length(max=64))


class PackPerson(Schema):
    """Somebody who may hold the phone."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True)


class LastLook(Schema):
    """When a place was last looked at, and what was not as it should be."""

    at = Utc(required=True)
    abnormal = fields.List(fields.String(), required=True)
    person_name = fields.String(allow_none=True, required=True)


class PackPlace(Schema):
    """A place as the phone needs it."""

    id = fields.String(required=True)
    building = fields.String(required=True)
    floor = fields.Integer(required=True)
    kind = fields.String(required=True)
    number = fields.String(required=True)
    name = fields.String(required=True)
    type = fields.String(allow_none=True, required=True)
    questions = fields.List(fields.String(), required=True)
    last = fields.Nested(LastLook, allow_none=True, required=True)


class PackTag(Schema):
    """A tag as the phone recognises it without knowing its code: hashes of code and short code."""

    place = fields.String(required=True)
    hash = fields.String(required=True)
    short_hash = fields.String(required=True)
    revoked = fields.Boolean(required=True)


class PackRoute(Schema):
    """A route with its stops in walking order."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    start = fields.String(required=True)
    window = fields.Integer(required=True)
    weekdays = fields.List(fields.Integer(), required=True)
    questions = fields.List(fields.String(), required=True)
    stops = fields.List(fields.String(), required=True)


class PackAnswer(Schema):
    """One answer to a question."""

    value = fields.String(required=True)
    zh = fields.String(required=True)
    en = fields.String(required=True)


class PackQuestion(Schema):
    """One question and its answers; any but the normal one is a finding of this kind."""

    key = fields.String(required=True)
    kind = fields.String(required=True)
    zh = fields.String(required=True)
    en = fields.String(required=True)
    normal = fields.String(required=True)
    values = fields.List(fields.Nested(PackAnswer), required=True)
    category = fields.String(allow_none=True, required=True)


class PackFinding(Schema):
    """An open finding at a place."""

    id = fields.String(required=True)
    place = fields.String(required=True)
    kind = fields.String(required=True)
    found_at = Utc(required=True)
    description = fields.String(required=True)


class PackSchema(Schema):
    """Everything a phone needs to work without a signal; only ``cursor`` and ``unchanged`` when it has it already."""

    cursor = fields.String(required=True)
    unchanged = fields.Boolean()
    made_at = Utc()
    school = fields.Nested(SchoolSchema)
    people = fields.List(fields.Nested(PackPerson))
    buildings = fields.List(fields.Nested(Reference))
    places = fields.List(fields.Nested(PackPlace))
    tags = fields.List(fields.Nested(PackTag))
    routes = fields.List(fields.Nested(PackRoute))
    questions = fields.List(fields.Nested(PackQuestion))
    findings = fields.List(fields.Nested(PackFinding))


class EnrolAnswer(Schema):
    """A phone's identity, its token (this once), the key that signs receipts, and its first pack."""

    device = fields.Nested(Reference, required=True)
    token = fields.String(required=True)
    server_key = fields.String(required=True)
    pack = fields.Nested(PackSchema, required=True)


class QuarantineSchema(Schema):
    """A line put aside, as the desk shows it."""

    id = fields.String(required=True)
    device = fields.Nested(Reference, required=True)
    stream = fields.String(required=True)
    n = fields.Integer(required=True)
    code = fields.String(required=True)
    received_at = Utc(required=True)
    line = fields.String(required=True)


QuarantinePage = page_of(QuarantineSchema)
