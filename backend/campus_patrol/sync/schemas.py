"""Wire shapes of sync: the batch's header, what every record shares, and the answer."""

from marshmallow import EXCLUDE, Schema, fields, validate

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
