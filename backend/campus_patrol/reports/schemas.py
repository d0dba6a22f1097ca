"""Wire shapes of what is told about nights."""

from marshmallow import Schema, fields, validate

from campus_patrol.patrols.schemas import PlaceReference
from campus_patrol.wire import PageArguments, Reference, Utc, page_of


class FiguresSchema(Schema):
    """A night's figures: places planned, done and missed; checkpoints with each kind of finding and with doubts."""

    planned = fields.Integer(required=True)
    done = fields.Integer(required=True)
    missed = fields.Integer(required=True)
    ac = fields.Integer(required=True)
    light = fields.Integer(required=True)
    leak = fields.Integer(required=True)
    hazard = fields.Integer(required=True)
    doubts = fields.Integer(required=True)


class RoundSchema(Schema):
    """One walk of a route on one night; done counts places, planned the route's stops."""

    id = fields.String(required=True)
    route = fields.Nested(Reference, allow_none=True, required=True)
    people = fields.List(fields.Nested(Reference), required=True)
    started_at = Utc(required=True)
    ended_at = Utc(allow_none=True, required=True)
    planned = fields.Integer(required=True)
    done = fields.Integer(required=True)


class NightRouteSchema(Schema):
    """A route planned for a night: how many of its stops anybody came to, and whether its window is over."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    start = fields.String(required=True)
    window = fields.Integer(required=True)
    planned = fields.Integer(required=True)
    done = fields.Integer(required=True)
    over = fields.Boolean(required=True)


class NightSchema(Schema):
    """One night at one look."""

    night = fields.Date(required=True)
    figures = fields.Nested(FiguresSchema, required=True)
    rounds = fields.List(fields.Nested(RoundSchema), required=True)
    routes = fields.List(fields.Nested(NightRouteSchema), required=True)


class NightSummarySchema(Schema):
    """A night in one line: doubts counts checkpoints with an open doubt."""

    night = fields.Date(required=True)
    checkpoints = fields.Integer(required=True)
    places = fields.Integer(required=True)
    findings = fields.Integer(required=True)
    doubts = fields.Integer(required=True)


class NightsQuery(Schema):
    """How many of the latest nights."""

    limit = fields.Integer(load_default=30, validate=validate.Range(min=1, max=366))


class MissedPlaceSchema(PlaceReference):
    """A place that was planned for a night and not visited: the routes that plan it, and the last visit."""

    routes = fields.List(fields.Nested(Reference), required=True)
    last_at = Utc(allow_none=True, required=True)


class MissedQuery(PageArguments):
    """Which missed places; the words of search must all be found in name, number or building."""

    building = fields.String(validate=validate.Length(max=36))
    search = fields.String(validate=validate.Length(max=100))


class WornTagSchema(Schema):
    """A tag that is read badly: of its last readings the median in ms where known, and how many went by hand."""

    id = fields.String(required=True)
    short = fields.String(required=True)
    printed_at = Utc(allow_none=True, required=True)
    place = fields.Nested(PlaceReference, required=True)
    readings = fields.Integer(required=True)
    median_ms = fields.Integer(allow_none=True, required=True)
    by_hand = fields.Integer(required=True)


WornTagPage = page_of(WornTagSchema)
MissedPlacePage = page_of(MissedPlaceSchema)
NightSummaryPage = page_of(NightSummarySchema)
