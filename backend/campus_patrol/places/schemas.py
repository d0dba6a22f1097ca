"""Wire shapes of buildings and places."""

from typing import Any

from marshmallow import Schema, fields, validate

from campus_patrol.wire import PageArguments, Reference, Utc, page_of

KINDS = ["room", "tap", "facility"]


def _text(maximum: int, *, minimum: int = 0, **options: Any) -> fields.String:
    # No control characters; and a name of nothing but spaces would be a row nobody can point at.
    rules = [validate.Length(max=maximum), validate.Regexp(r"[^\x00-\x1f\x7f]*\Z")]
    if minimum:
        rules.append(validate.Regexp(r"\s*\S"))
    return fields.String(validate=validate.And(*rules), **options)


class BuildingSchema(Schema):
    """A building, the floors that have places, and how many."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    floors = fields.List(fields.Integer(), required=True)
    places = fields.Integer(required=True)


class TagInPlace(Schema):
    """The live tag of a place."""

    id = fields.String(required=True)
    short = fields.String(required=True)
    printed_at = Utc(required=True, allow_none=True)


class PlaceSchema(Schema):
    """A place with its live tag and when somebody last stood there."""

    id = fields.String(required=True)
    building = fields.Nested(Reference, required=True)
    floor = fields.Integer(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    number = fields.String(required=True)
    name = fields.String(required=True)
    type = fields.String(required=True, allow_none=True)
    grade = fields.String(required=True, allow_none=True)
    class_name = fields.String(required=True, allow_none=True)
    ac_count = fields.Integer(required=True, allow_none=True)
    ac_power_kw = fields.Float(required=True, allow_none=True)
    light_count = fields.Integer(required=True, allow_none=True)
    tap_count = fields.Integer(required=True, allow_none=True)
    has_hot_water = fields.Boolean(required=True, allow_none=True)
    valve = fields.String(required=True, allow_none=True)
    remark = fields.String(required=True, allow_none=True)
    door_figure = fields.Boolean(required=True)
    active = fields.Boolean(required=True)
    tag = fields.Nested(TagInPlace, required=True, allow_none=True)
    last_at = Utc(required=True, allow_none=True)


class PlaceQuery(PageArguments):
    """Which places to list; the words of search must all be found in number, name, class or building."""

    search = fields.String(load_default=None, validate=validate.Length(max=80))
    building = fields.String(load_default=None, validate=validate.Length(max=36))
    floor = fields.Integer(load_default=None, validate=validate.Range(min=-9, max=99))
    kind = fields.String(load_default=None, validate=validate.OneOf(KINDS))
    active = fields.Boolean(load_default=None)


class PlaceChange(Schema):
    """What may be changed about a place; what is not named stays."""

    name = _text(80, minimum=1)
    number = _text(40, minimum=1)
    floor = fields.Integer(
        validate=validate.And(validate.Range(min=-9, max=99), validate.NoneOf([0])), strict=True
    )
    type = _text(40, allow_none=True)
    grade = _text(40, allow_none=True)
    class_name = _text(40, allow_none=True)
    ac_count = fields.Integer(validate=validate.Range(min=0, max=999), strict=True, allow_none=True)
    ac_power_kw = fields.Decimal(validate=validate.Range(min=0, max=100), places=3, allow_none=True)
    light_count = fields.Integer(validate=validate.Range(min=0, max=999), strict=True, allow_none=True)
    tap_count = fields.Integer(validate=validate.Range(min=0, max=999), strict=True, allow_none=True)
    has_hot_water = fields.Boolean(allow_none=True)
    valve = _text(80, allow_none=True)
    remark = _text(200, allow_none=True)
    active = fields.Boolean()
    door_figure = fields.Boolean()


class FigureSchema(Schema):
    """The two digits beside a place's tag, this week and the next."""

    id = fields.String(required=True)
    building = fields.Nested(Reference, required=True)
    floor = fields.Integer(required=True)
    number = fields.String(required=True)
    name = fields.String(required=True)
    now = fields.String(required=True)
    then = fields.String(required=True)


class FigurePage(Schema):
    """A page of figures, and the Mondays from which they hold."""

    items = fields.List(fields.Nested(FigureSchema), required=True)
    total = fields.Integer(required=True)
    page = fields.Integer(required=True)
    page_size = fields.Integer(required=True)
    week = fields.Date(required=True)
    next_week = fields.Date(required=True)


BuildingPage = page_of(BuildingSchema)
PlacePage = page_of(PlaceSchema)
