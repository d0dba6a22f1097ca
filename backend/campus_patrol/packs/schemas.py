"""Wire shapes of the offline pack, and of letting a phone in with its first one."""

from marshmallow import Schema, fields, validate

from campus_patrol.people.schemas import SchoolSchema
from campus_patrol.wire import Reference, Utc


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
    door_figure = fields.Boolean(required=True)
    last = fields.Nested(LastLook, allow_none=True, required=True)


class PackTag(Schema):
    """A tag as the phone recognises it without knowing its code: how the hashes of code and short code begin.

    A live one without a place is blank: the phone may say where it hangs.
    """

    place = fields.String(required=True, allow_none=True)
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
    choice_key = fields.String()
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
