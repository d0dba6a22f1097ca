"""HTTP of photos."""

from typing import Any

from flask import Response, current_app, request
from flask_smorest import Blueprint

from campus_patrol.photos import schemas, service
from campus_patrol.problems import Problem
from campus_patrol.security import permit

blp = Blueprint("photos", __name__, url_prefix="/api/v1", description="Photos, by the hash of their bytes")

_TYPES = ("image/jpeg", "image/png", "image/webp", "application/octet-stream")


@blp.route("/photos/<string(length=64):sha256>", methods=["PUT"])
@permit("device.sync", largest="photo_limit")
@blp.response(200, schemas.StoredPhoto)
@blp.alt_response(201, schema=schemas.StoredPhoto, description="The photo is new here")
def put_photo(sha256: str) -> Any:
    """Bring a photo that a record names; again and again if need be."""
    if request.mimetype not in _TYPES:
        raise Problem("type_refused")
    photo, new = service.receive(
        sha256=sha256, content=request.get_data(), folder=current_app.extensions["settings"].photos
    )
    return {"sha256": photo.sha256, "size": photo.size}, 201 if new else 200


@blp.route("/photos/<string(length=64):sha256>")
@permit("findings.read")
@blp.arguments(schemas.PhotoQuery, location="query")
@blp.response(200, content_type="image/jpeg")
def get_photo(query: dict[str, str], sha256: str) -> Response:
    """Show a photo."""
    content = service.show(
        sha256=sha256, size=query["size"], folder=current_app.extensions["settings"].photos
    )
    return Response(
        content,
        mimetype="image/jpeg",
        headers={
            "Cache-Control": "private, max-age=31536000, immutable",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )
