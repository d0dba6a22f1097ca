"""HTTP of nights."""

from datetime import date
from typing import Any

from flask_smorest import Blueprint

from campus_patrol.reports import schemas, service
from campus_patrol.security import permit
from campus_patrol.wire import PageArguments

blp = Blueprint("reports", __name__, url_prefix="/api/v1", description="What happened in a night")


@blp.route("/nights")
@permit("night.read")
@blp.arguments(schemas.NightsQuery, location="query")
@blp.response(200, schemas.NightSummaryPage)
def list_nights(query: dict[str, int]) -> dict[str, Any]:
    """The latest nights, newest first."""
    return service.list_nights(**query)


@blp.route("/nights/<date:night>")
@permit("night.read")
@blp.response(200, schemas.NightSchema)
def show_night(night: date) -> dict[str, Any]:
    """One night at one look; the night is the date of its evening, YYYY-MM-DD."""
    return service.show_night(night=night)


@blp.route("/nights/<date:night>/missed")
@permit("night.read")
@blp.arguments(schemas.MissedQuery, location="query")
@blp.response(200, schemas.MissedPlacePage)
def list_missed(query: dict[str, Any], night: date) -> dict[str, Any]:
    """The places planned for a night that nobody visited, in the order of the routes."""
    return service.list_missed(night=night, page_number=query.pop("page"), **query)


@blp.route("/tags/worn")
@permit("tags.read")
@blp.arguments(PageArguments, location="query")
@blp.response(200, schemas.WornTagPage)
def list_worn_tags(query: dict[str, int]) -> dict[str, Any]:
    """Tags that are read so badly that they should be printed again, the worst first."""
    return service.list_worn_tags(page_number=query["page"], page_size=query["page_size"])
