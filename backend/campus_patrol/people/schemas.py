"""Wire shapes of people, sign-in and phones."""

from marshmallow import Schema, fields, validate

from campus_patrol.people.rules import ROLES
from campus_patrol.wire import PageArguments, Reference, Utc, page_of

_NAME = validate.And(validate.Length(min=1, max=60), validate.Regexp(r"\S(.*\S)?\Z"))
_ACCOUNT = validate.Regexp(r"[A-Za-z0-9_.@-]{2,60}\Z")
# NIST SP 800-63B: length is what counts; 8 is its floor, composition rules are advised against.
_PASSWORD = validate.Length(min=8, max=200)
# NIST SP 800-63B: a secret of digits alone has six at least.
_PIN = validate.Regexp(r"[0-9]{6,8}\Z")


class Credentials(Schema):
    """What a member of staff signs in with."""

    account = fields.String(required=True, validate=validate.Length(min=1, max=60))
    password = fields.String(required=True, validate=validate.Length(min=1, max=200))


class SchoolSchema(Schema):
    """The caller's school."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    zone = fields.String(required=True)
    language = fields.String(required=True)
    is_demo = fields.Boolean(required=True)


class MePerson(Schema):
    """The caller."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True)


class MeSchema(Schema):
    """Who is signed in, where, and what they may do."""

    person = fields.Nested(MePerson, required=True)
    school = fields.Nested(SchoolSchema, required=True)
    permissions = fields.List(fields.String(), required=True)


class PersonSchema(Schema):
    """A person as the desk lists them."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    account = fields.String(allow_none=True, required=True)
    active = fields.Boolean(required=True)
    has_pin = fields.Function(
        lambda person: person.pin_hash is not None, required=True, metadata={"type": "boolean"}
    )
    has_password = fields.Function(
        lambda person: person.password_hash is not None, required=True, metadata={"type": "boolean"}
    )
    created_at = Utc(required=True)


class PersonWithSecrets(PersonSchema):
    """A person just made or changed, with the secrets the server chose: shown this once and never again."""

    pin = fields.String()
    password = fields.String()


class NewPerson(Schema):
    """A person to add."""

    name = fields.String(required=True, validate=_NAME)
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    account = fields.String(load_default=None, allow_none=True, validate=_ACCOUNT)
    password = fields.String(load_default=None, allow_none=True, validate=_PASSWORD)
    pin = fields.String(load_default=None, allow_none=True, validate=_PIN)


class PersonChange(Schema):
    """What may be changed about a person; what is not named stays."""

    name = fields.String(validate=_NAME)
    role = fields.String(validate=validate.OneOf(ROLES))
    active = fields.Boolean()
    account = fields.String(allow_none=True, validate=_ACCOUNT)
    password = fields.String(validate=_PASSWORD)
    pin = fields.String(validate=_PIN)
    reset_pin = fields.Boolean()
    reset_password = fields.Boolean()


class PersonQuery(PageArguments):
    """Which people to list."""

    search = fields.String(load_default=None, validate=validate.Length(max=100))
    role = fields.String(load_default=None, validate=validate.OneOf(ROLES))
    active = fields.Boolean(load_default=None)


class DeviceSchema(Schema):
    """A phone as the desk lists it."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    app = fields.String(allow_none=True, required=True)
    enrolled_at = Utc(required=True)
    enrolled_by = fields.Nested(Reference, allow_none=True, required=True)
    seen_at = Utc(allow_none=True, required=True)
    revoked_at = Utc(allow_none=True, required=True)
    waiting = fields.Integer(allow_none=True, required=True)
    persisted = fields.Boolean(allow_none=True, required=True)
    last_person = fields.Nested(Reference, allow_none=True, required=True)


class NewEnrolment(Schema):
    """A code to be made for a phone."""

    name = fields.String(load_default=None, allow_none=True, validate=_NAME)


class EnrolmentSchema(Schema):
    """A code that waits for its phone."""

    id = fields.String(required=True)
    expires_at = Utc(required=True)
    used_at = Utc(allow_none=True, required=True)
    device = fields.Nested(Reference, allow_none=True, required=True)


class EnrolmentCode(Schema):
    """A code just made, shown once: as text, as the address a phone opens, and as the rows of its QR symbol."""

    id = fields.String(required=True)
    code = fields.String(required=True)
    url = fields.String(required=True)
    matrix = fields.List(fields.String(), required=True)
    expires_at = Utc(required=True)


class EnrolRequest(Schema):
    """What a phone sends to be let in."""

    code = fields.String(required=True, validate=validate.Length(min=1, max=80))
    name = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=60))
    public_key = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=400))
    app = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=40))


class PinRequest(Schema):
    """Who says they hold the phone, and their PIN."""

    person = fields.String(required=True, validate=validate.Length(min=1, max=36))
    pin = fields.String(required=True, validate=validate.Length(min=1, max=20))


class PinAnswer(Schema):
    """That the PIN is that person's."""

    verified = fields.Boolean(required=True)


PersonPage = page_of(PersonSchema)
DevicePage = page_of(DeviceSchema)
