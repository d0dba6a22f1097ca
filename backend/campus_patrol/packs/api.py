"""HTTP of letting a phone in and keeping it able to work without a signal."""

from typing import Any

from flask import current_app, request
from flask_smorest import Blueprint

from campus_patrol.keys import public_text, server_key
from campus_patrol.packs import schemas, service
from campus_patrol.people import service as people
from campus_patrol.people.schemas import EnrolRequest
from campus_patrol.security import PUBLIC, permit

blp = Blueprint("packs", __name__, url_prefix="/api/v1", description="What a phone needs offline")


@blp.route("/enrol", methods=["POST"])
@permit(PUBLIC)
@blp.arguments(EnrolRequest)
@blp.response(201, schemas.EnrolAnswer)
def enrol(body: dict[str, Any]) -> dict[str, Any]:
    """Let a phone in by its one-time code."""
    device, token = people.enrol(**body, address=request.remote_addr or "")
    return {
        "device": device,
        "token": token,
        "server_key": public_text(server_key(current_app.extensions["settings"].keys)),
        "pack": service.make_pack(),
    }


@blp.route("/pack")
@permit("device.pack")
@blp.arguments(schemas.PackQuery, location="query")
@blp.response(200, schemas.PackSchema)
def pack(query: dict[str, Any]) -> dict[str, Any]:
    """What a phone needs to work without a signal."""
    return service.make_pack(after=query["after"])
