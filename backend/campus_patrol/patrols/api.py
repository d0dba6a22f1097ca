"""HTTP of checkpoints, doubts and routes."""

from typing import Any

from flask_smorest import Blueprint

from campus_patrol.patrols import schemas, service
from campus_patrol.patrols.models import Doubt
from campus_patrol.security import permit
from campus_patrol.wire import PageArguments

blp = Blueprint("patrols", __name__, url_prefix="/api/v1", description="Checkpoints, doubts and routes")


@blp.route("/checkpoints")
@permit("night.read")
@blp.arguments(schemas.CheckpointQuery, location="query")
@blp.response(200, schemas.CheckpointPage)
def list_checkpoints(query: dict[str, Any]) -> dict[str, Any]:
    """Checkpoints with their readings, doubts and photos."""
    return service.list_checkpoints(page_number=query.pop("page"), **query)


@blp.route("/checkpoints/<checkpoint_id>")
@permit("night.read")
@blp.response(200, schemas.CheckpointSchema)
def show_checkpoint(checkpoint_id: str) -> dict[str, Any]:
    """One checkpoint."""
    return service.show_checkpoint(checkpoint_id=checkpoint_id)


@blp.route("/doubts/<doubt_id>/clear", methods=["POST"])
@permit("doubts.write")
@blp.arguments(schemas.ClearArguments)
@blp.response(200, schemas.DoubtSchema)
def clear_doubt(body: dict[str, Any], doubt_id: str) -> Doubt:
    """Settle a doubt after a look."""
    return service.clear_doubt(doubt_id=doubt_id, **body)


@blp.route("/routes")
@permit("places.read")
@blp.arguments(PageArguments, location="query")
@blp.response(200, schemas.RoutePage)
def list_routes(query: dict[str, int]) -> dict[str, Any]:
    """Routes and their schedules."""
    return service.list_routes(page_number=query["page"], page_size=query["page_size"])
