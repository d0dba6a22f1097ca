"""Wire shapes of tags."""

from marshmallow import Schema, fields, validate

from campus_patrol.wire import PageArguments, Reference, Utc, page_of
from qr_codes.papers import PAPERS

_ID = validate.Length(max=36)


class TaggedPlace(Schema):
    """The place a tag is on."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    number = fields.String(required=True)
    building = fields.Nested(Reference, required=True)
    floor = fields.Integer(required=True)


class TagSchema(Schema):
    """A tag, live or revoked, and its place; a blank one has none yet."""

    id = fields.String(required=True)
    code = fields.String(required=True)
    short = fields.String(required=True)
    place = fields.Nested(TaggedPlace, required=True, allow_none=True)
    made_at = Utc(required=True)
    printed_at = Utc(required=True, allow_none=True)
    revoked_at = Utc(required=True, allow_none=True)
    revoked_reason = fields.String(required=True, allow_none=True)


class TagQuery(PageArguments):
    """Which tags to list; the words of search must all be found in short, code, number, name or building."""

    search = fields.String(load_default=None, validate=validate.Length(max=80))
    state = fields.String(load_default=None, validate=validate.OneOf(["live", "blank", "revoked"]))
    building = fields.String(load_default=None, validate=_ID)


class PlacementSchema(Schema):
    """A guard's word that a tag hangs on another place than we know; ``at`` by the server's clock.

    ``tag`` is None for one that nobody knows (``tag_text`` is what was read), ``place`` for such a place.
    """

    id = fields.String(required=True)
    at = Utc(required=True)
    tag = fields.Nested(TagSchema, required=True, allow_none=True)
    tag_text = fields.String(required=True, allow_none=True)
    place = fields.Nested(TaggedPlace, required=True, allow_none=True)
    person = fields.Nested(Reference, required=True, allow_none=True)
    state = fields.String(required=True)


class Decision(Schema):
    """Whether the tag belongs to the place the guard named from now on."""

    move = fields.Boolean(required=True, truthy={True}, falsy={False})


class Replacement(Schema):
    """Why a tag is replaced or retired: torn off, unreadable, photographed."""

    reason = fields.String(
        required=True, validate=validate.And(validate.Length(min=1, max=200), validate.Regexp(r"\s*\S"))
    )


class BlankRequest(Schema):
    """How many blank tags to make: forty-two A4 sheets at most, which is a roll."""

    count = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=500))


class BlankAnswer(Schema):
    """The ids of the blank tags that were made, for the sheet that prints them."""

    tags = fields.List(fields.String(), required=True)


class Choice(Schema):
    """Which tags; what is not named does not narrow the choice, and blank ones come only when named."""

    building = fields.String(load_default=None, validate=_ID)
    kind = fields.String(load_default=None, validate=validate.OneOf(["room", "tap", "facility"]))
    unprinted = fields.Boolean(load_default=False)
    places = fields.List(
        fields.String(validate=_ID),
        load_default=None,
        attribute="place_ids",
        validate=validate.Length(min=1, max=2000),
    )
    tags = fields.List(
        fields.String(validate=_ID),
        load_default=None,
        attribute="tag_ids",
        validate=validate.Length(min=1, max=2000),
    )


class SheetRequest(Choice):
    """Which tags to print, and on what."""

    paper = fields.String(load_default="a4", validate=validate.OneOf(PAPERS))


class SymbolsRequest(Choice):
    """Which tags' symbols to pack, and as what."""

    type = fields.String(required=True, attribute="file_type", validate=validate.OneOf(["svg", "png"]))


class PaperSchema(Schema):
    """A paper: its labels, and how this server's codes come out on it. Lengths in millimetres, shares from 0 to 1.

    read is the share of the measured frames in which a code of this address was found, read_short the same for an
    address that is short enough.
    """

    key = fields.String(required=True)
    label_width = fields.Float(required=True)
    label_height = fields.Float(required=True)
    per_page = fields.Integer(required=True)
    level = fields.String(required=True)
    symbol = fields.Float(required=True)
    read = fields.Float(required=True)
    read_short = fields.Float(required=True)


class PrintingSchema(Schema):
    """What can be printed on; characters is the length of what a code carries, short_enough the length to aim at."""

    address = fields.String(required=True)
    characters = fields.Integer(required=True)
    short_enough = fields.Integer(required=True)
    papers = fields.List(fields.Nested(PaperSchema), required=True)


TagPage = page_of(TagSchema)
PlacementPage = page_of(PlacementSchema)
