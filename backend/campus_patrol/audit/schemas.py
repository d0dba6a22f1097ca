"""Wire shapes of what may be lost."""

from marshmallow import Schema, fields

from campus_patrol.wire import Reference, Utc, page_of


class LossSchema(Schema):
    """Records that a phone announced and never sent, by their numbers in its stream."""

    stream = fields.String(required=True)
    device = fields.Nested(Reference, required=True)
    person = fields.Nested(
        Reference, allow_none=True, required=True, metadata={"description": "who held the phone last"}
    )
    first = fields.Integer(required=True, data_key="from")
    last = fields.Integer(required=True, data_key="to")
    since = Utc(required=True)


LossPage = page_of(LossSchema)
