"""HTTP of what may be lost."""

from typing import Any

from flask_smorest import Blueprint

from campus_patrol.audit import schemas, service
from campus_patrol.security import permit
from campus_patrol.wire import PageArguments

blp = Blueprint("audit", __name__, url_prefix="/api/v1", description="What may be lost")


@blp.route("/losses")
@permit("history.read")
@blp.arguments(PageArguments, location="query")
@blp.response(200, schemas.LossPage)
def list_losses(query: dict[str, int]) -> dict[str, Any]:
    """Records that phones announced and never sent, newest first; gone from the list when they arrive."""
    return service.list_losses(page_number=query["page"], page_size=query["page_size"])
