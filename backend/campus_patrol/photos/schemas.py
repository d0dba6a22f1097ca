"""Wire shapes of photos."""

from marshmallow import Schema, fields, validate

# damaged: the bytes went bad on the phone. lost: it had no room, or has them no more. refused: they are no photo.
FATES = ("damaged", "lost", "refused")


class StoredPhoto(Schema):
    """A photo whose bytes are here."""

    sha256 = fields.String(required=True)
    size = fields.Integer(required=True)


class PhotoQuery(Schema):
    """Which size of a photo to show."""

    size = fields.String(load_default="full", validate=validate.OneOf(("full", "thumb")))


class PhotoState(Schema):
    """A photo a record names, and whether its bytes have come."""

    sha256 = fields.String(required=True)
    stored = fields.Boolean(required=True)
