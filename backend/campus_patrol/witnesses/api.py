"""HTTP of the heads that phones keep."""

from typing import Any

from flask import current_app
from flask_smorest import Blueprint

from campus_patrol.security import current_device, permit
from campus_patrol.wire import PageArguments
from campus_patrol.witnesses import schemas, service

blp = Blueprint("witnesses", __name__, url_prefix="/api/v1", description="What phones know of the log")


@blp.route("/heads", methods=["POST"])
@permit("device.pack")
@blp.arguments(schemas.HeldHead)
@blp.response(200, schemas.HeadAnswer)
def compare(body: dict[str, Any]) -> dict[str, str | None]:
    """Compare the head a phone has kept with the log, and give it the newest."""
    keys = current_app.extensions["settings"].keys
    return service.compare(**body, device_id=current_device().id, keys=keys)


@blp.route("/contradictions")
@permit("history.read")
@blp.arguments(PageArguments, location="query")
@blp.response(200, schemas.ContradictionPage)
def list_contradictions(query: dict[str, int]) -> dict[str, Any]:
    """Signed heads on phones that the log contradicts."""
    return service.list_contradictions(page_number=query["page"], page_size=query["page_size"])
