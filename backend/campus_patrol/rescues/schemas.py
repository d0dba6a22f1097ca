"""Wire shapes of handing over the records of a phone that is not let in."""

from marshmallow import Schema, fields, validate

from campus_patrol.sync.schemas import Lenient
from campus_patrol.wire import Reference, Utc, page_of


class ClaimSchema(Lenient):
    """What the header of a rescue says beyond that of a sync."""

    code = fields.String(required=True, validate=validate.Length(min=1, max=80))
    name = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=60))


class RescueAnswer(Schema):
    """What the server keeps of one batch: all of it, when ``head`` is the phone's own hash of its last line."""

    stream = fields.String(required=True)
    request = fields.String(required=True)
    first = fields.Integer(required=True, data_key="from")
    count = fields.Integer(required=True)
    head = fields.String(required=True)
    aside = fields.Integer(
        required=True, metadata={"description": "lines that wait for a decision; the log had the others"}
    )


class RescueCodeSchema(Schema):
    """A rescue code that waits for its phone."""

    id = fields.String(required=True)
    expires_at = Utc(required=True)
    used_at = Utc(allow_none=True, required=True)
    device = fields.Nested(Reference, allow_none=True, required=True)


class NewRescueCode(Schema):
    """A code just made, shown once: as text, as the address a phone opens, and as the rows of its QR symbol."""

    id = fields.String(required=True)
    code = fields.String(required=True)
    url = fields.String(required=True)
    matrix = fields.List(fields.String(), required=True)
    expires_at = Utc(required=True)


class RescueSchema(Schema):
    """Records of one phone that wait for a decision."""

    stream = fields.String(required=True)
    device = fields.Nested(Reference, required=True)
    person = fields.Nested(
        Reference, allow_none=True, required=True, metadata={"description": "who made the last of them"}
    )
    count = fields.Integer(required=True)
    first_at = fields.String(
        allow_none=True, required=True, metadata={"description": "the phone's time of the first record"}
    )
    last_at = fields.String(allow_none=True, required=True)
    received_at = Utc(required=True)


class AcceptedRescue(Schema):
    """What became of accepted records: lines in the log, and lines that were put aside for what they say."""

    records = fields.Integer(required=True)
    aside = fields.Integer(required=True)


RescuePage = page_of(RescueSchema)
