"""HTTP of what was done and how far the log has grown."""

from typing import Any

from flask_smorest import Blueprint

from campus_patrol.history import service
from campus_patrol.history.schemas import EventPage, HeadSchema
from campus_patrol.security import permit
from campus_patrol.wire import PageArguments

blp = Blueprint("history", __name__, url_prefix="/api/v1", description="What was done, by whom, and when")


@blp.route("/history/head")
@permit("night.read")
@blp.response(200, HeadSchema)
def head() -> dict[str, int]:
    """How far the school's log has grown."""
    return {"k": service.head()}


@blp.route("/history")
@permit("history.read")
@blp.arguments(PageArguments, location="query")
@blp.response(200, EventPage)
def list_events(query: dict[str, int]) -> dict[str, Any]:
    """What was done, newest first."""
    return service.list_events(page_number=query["page"], page_size=query["page_size"])
