"""HTTP of the records that phones send, and of those that were put aside."""

from pathlib import Path
from typing import Any

from flask import current_app, request
from flask_smorest import Blueprint

from campus_patrol.keys import is_signed_by
from campus_patrol.problems import Problem
from campus_patrol.security import current_device, permit
from campus_patrol.sync import receipts, schemas, service
from campus_patrol.sync.batches import read_batch
from campus_patrol.wire import PageArguments

blp = Blueprint("sync", __name__, url_prefix="/api/v1", description="Records from phones")


def _keys() -> Path:
    return current_app.extensions["settings"].keys


@blp.route("/sync", methods=["POST"])
@permit("device.sync", again=False)
@blp.response(200, schemas.SyncAnswer)
@blp.doc(
    requestBody={
        "required": True,
        "description": "A header line (see HeaderSchema) and then `count` record lines, each ended by a newline.",
        "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
    }
)
def sync() -> Any:
    """Bring records; the answer says how far they are stored."""
    if request.mimetype != "application/x-ndjson":
        raise Problem("type_refused")
    caller = current_device()
    batch = read_batch(request.get_data())
    if caller.public_key and not is_signed_by(caller.public_key, batch.header["signature"], *batch.signed):
        raise Problem("device_signature", headers={"WWW-Authenticate": "Bearer"})
    delivery = service.Delivery(batch, caller.id)
    said = current_app.extensions["intake"].bring(caller.school_id, delivery)
    return said.response() if isinstance(said, Problem) else receipts.signed(said, keys=_keys())


@blp.route("/quarantine")
@permit("history.read")
@blp.arguments(PageArguments, location="query")
@blp.response(200, schemas.QuarantinePage)
def list_quarantine(query: dict[str, Any]) -> dict[str, Any]:
    """Lines that were put aside."""
    return service.list_quarantine(page_number=query["page"], page_size=query["page_size"])
