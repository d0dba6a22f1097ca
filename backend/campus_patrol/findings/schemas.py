"""Wire shapes of findings."""

from marshmallow import Schema, fields, validate

from campus_patrol.findings.rules import KINDS, STATUSES
from campus_patrol.patrols.rules import GRADES
from campus_patrol.patrols.schemas import NamedPhoto, PlaceReference
from campus_patrol.wire import PageArguments, Reference, Utc, page_of


class FindingSchema(Schema):
    """Something found wrong; ``checkpoint`` is the record that reported it, ``question`` what was asked there."""

    id = fields.String(required=True)
    number = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    question = fields.String(required=True)
    category = fields.String(allow_none=True, required=True)
    grade = fields.String(required=True, validate=validate.OneOf(GRADES))
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    handled = fields.Boolean(required=True)
    description = fields.String(required=True)
    found_at = Utc(required=True)
    night = fields.Date(required=True)
    place = fields.Nested(PlaceReference, allow_none=True, required=True)
    person = fields.Nested(Reference, allow_none=True, required=True)
    photos = fields.List(fields.Nested(NamedPhoto), required=True)
    checkpoint = fields.String(required=True)
    voided_at = Utc(allow_none=True, required=True)


class FindingQuery(PageArguments):
    """Which findings, in which order."""

    status = fields.String(validate=validate.OneOf(STATUSES))
    kind = fields.String(validate=validate.OneOf(KINDS))
    grade = fields.String(validate=validate.OneOf(GRADES))
    building = fields.String(validate=validate.Length(max=36))
    place = fields.String(validate=validate.Length(max=36))
    night = fields.Date()
    search = fields.String(validate=validate.Length(max=100))
    sort = fields.String(
        load_default="-found_at", validate=validate.OneOf(("found_at", "-found_at", "number", "-number"))
    )


FindingPage = page_of(FindingSchema)
