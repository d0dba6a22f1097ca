"""HTTP of handing over the records of a phone that is not let in, and of deciding about them."""

import json
from typing import Any

from flask import current_app, request
from flask_smorest import Blueprint
from marshmallow import ValidationError

from campus_patrol.problems import Problem
from campus_patrol.rescues import schemas, service
from campus_patrol.security import PUBLIC, permit
from campus_patrol.sync.batches import read_batch
from campus_patrol.wire import PageArguments
from qr_codes.symbol import matrix

blp = Blueprint(
    "rescues", __name__, url_prefix="/api/v1", description="Records of phones that are not let in"
)

_CLAIM = schemas.ClaimSchema()


@blp.route("/rescue", methods=["POST"])
@permit(PUBLIC)
@blp.response(200, schemas.RescueAnswer)
@blp.doc(
    requestBody={
        "required": True,
        "description": "As for sync; the header has the rescue code too (see ClaimSchema).",
        "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
    }
)
def rescue() -> dict[str, Any]:
    """Hand over records with a supervisor's one-time code; all of them wait for a decision."""
    if request.mimetype != "application/x-ndjson":
        raise Problem("type_refused")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem("device_unknown", headers={"WWW-Authenticate": "Bearer"})
    body = request.get_data()
    batch = read_batch(body)
    try:
        claim = _CLAIM.load(json.loads(body.partition(b"\n")[0]))
    except ValidationError as error:
        raise Problem("sync_header_invalid", errors=error.messages) from None
    return service.receive(batch=batch, **claim, token=token, address=request.remote_addr or "")


@blp.route("/rescue-codes", methods=["POST"])
@permit("devices.write")
@blp.response(201, schemas.NewRescueCode)
def make_rescue_code() -> dict[str, Any]:
    """Make a one-time code by which a phone hands over its records."""
    made, code = service.make_code()
    base = current_app.extensions["settings"].public_url or request.url_root
    url = f"{base.rstrip('/')}/#rescue={code}"
    return {
        "id": made.id,
        "code": code,
        "url": url,
        "matrix": ["".join("01"[bool(cell)] for cell in row) for row in matrix(url)],
        "expires_at": made.expires_at,
    }


@blp.route("/rescue-codes/<code_id>")
@permit("devices.write")
@blp.response(200, schemas.RescueCodeSchema)
def get_rescue_code(code_id: str) -> dict[str, Any]:
    """Whether a code was used yet, and by which phone."""
    return service.get_code(code_id=code_id)


@blp.route("/rescues/<stream>/accept", methods=["POST"])
@permit("devices.write")
@blp.response(200, schemas.AcceptedRescue)
def accept(stream: str) -> dict[str, int]:
    """Let what was handed over from one stream into the log."""
    return service.accept(stream=stream)


@blp.route("/rescues")
@permit("history.read")
@blp.arguments(PageArguments, location="query")
@blp.response(200, schemas.RescuePage)
def list_rescues(query: dict[str, int]) -> dict[str, Any]:
    """Records that were handed over and wait for a decision."""
    return service.list_rescues(page_number=query["page"], page_size=query["page_size"])
