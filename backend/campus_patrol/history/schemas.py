"""Wire shapes of what was done."""

from marshmallow import Schema, fields

from campus_patrol.wire import Reference, Utc, page_of


class HeadSchema(Schema):
    """How far the school's log has grown; the desk asks every few seconds and reloads when it moved."""

    k = fields.Integer(required=True)


class EventSchema(Schema):
    """One thing somebody did."""

    id = fields.String(required=True)
    at = Utc(required=True)
    person = fields.Nested(Reference, allow_none=True, required=True)
    action = fields.String(required=True)
    subject = fields.String(allow_none=True, required=True)
    detail = fields.Dict(keys=fields.String(), required=True)


EventPage = page_of(EventSchema)
