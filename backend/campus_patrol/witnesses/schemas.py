"""Wire shapes of comparing a phone's signed head with the log."""

from marshmallow import Schema, fields, validate

from campus_patrol.wire import Reference, Utc, page_of

VERDICTS = ("none", "unknown", "fits", "before_restore", "head_contradicts", "head_beyond")


class HeldHead(Schema):
    """The newest signed head that a phone has kept, as one line of text; nothing when it has none."""

    held = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.And(validate.Length(max=500), validate.Regexp(r"[ -~]*\Z")),
    )


class HeadAnswer(Schema):
    """What the log says to the phone's head, which is said again, and the newest head for it to keep."""

    held = fields.String(required=True, allow_none=True)
    verdict = fields.String(required=True, validate=validate.OneOf(VERDICTS))
    newest = fields.String(required=True)


class ContradictionSchema(Schema):
    """A signed head on a phone that the log contradicts."""

    id = fields.String(required=True)
    device = fields.Nested(Reference, required=True)
    day = fields.Date(required=True)
    log_number = fields.Integer(required=True)
    code = fields.String(required=True)
    noted_at = Utc(required=True)


ContradictionPage = page_of(ContradictionSchema)
