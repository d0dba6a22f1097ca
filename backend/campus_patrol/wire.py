"""Wire shapes that every list and every time on the wire share."""

from datetime import date

from marshmallow import Schema, fields, validate
from werkzeug.routing import BaseConverter, ValidationError


class Utc(fields.AwareDateTime):
    """An instant as ISO 8601 in UTC, with a Z."""

    def _serialize(self, value, attr, obj, **kwargs):  # type: ignore[no-untyped-def]
        text = super()._serialize(value, attr, obj, **kwargs)
        return text.replace("+00:00", "Z") if text else text


class PageArguments(Schema):
    """The page a caller wants of a list."""

    page = fields.Integer(load_default=1, validate=validate.Range(min=1, max=100_000))
    page_size = fields.Integer(load_default=50, validate=validate.Range(min=1, max=200))


class Reference(Schema):
    """A thing named in passing: its id and the name to show."""

    id = fields.String(required=True)
    name = fields.String(required=True)


def page_of(item: type[Schema]) -> type[Schema]:
    """Make the schema of one page of a list: items, total, page, page_size."""
    return type(
        item.__name__.removesuffix("Schema") + "Page",
        (Schema,),
        {
            "items": fields.List(fields.Nested(item), required=True),
            "total": fields.Integer(required=True),
            "page": fields.Integer(required=True),
            "page_size": fields.Integer(required=True),
        },
    )


class ProblemSchema(Schema):
    """What every refused request is answered with (RFC 9457), as application/problem+json."""

    code = fields.String(required=True)
    status = fields.Integer(required=True)
    title = fields.String(required=True)
    detail = fields.String()
    errors = fields.Dict(keys=fields.String())


class DateConverter(BaseConverter):
    """A date in an address, as YYYY-MM-DD; anything else is an address that does not exist."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        """Read the date."""
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValidationError from None

    def to_url(self, value: date) -> str:
        """Write the date."""
        return value.isoformat()
