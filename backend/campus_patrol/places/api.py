"""HTTP of buildings and places."""

from typing import Any

from flask_smorest import Blueprint

from campus_patrol.places import service
from campus_patrol.places.schemas import (
    BuildingPage,
    FigurePage,
    PlaceChange,
    PlacePage,
    PlaceQuery,
    PlaceSchema,
)
from campus_patrol.security import permit
from campus_patrol.wire import PageArguments

blp = Blueprint(
    "places", __name__, url_prefix="/api/v1", description="Buildings and the places that carry a tag"
)


@blp.route("/buildings")
@permit("places.read")
@blp.arguments(PageArguments, location="query")
@blp.response(200, BuildingPage)
def list_buildings(query: dict[str, int]) -> dict[str, Any]:
    """Buildings, in the school's order."""
    return service.list_buildings(page_number=query["page"], page_size=query["page_size"])


@blp.route("/places")
@permit("places.read")
@blp.arguments(PlaceQuery, location="query")
@blp.response(200, PlacePage)
def list_places(query: dict[str, Any]) -> dict[str, Any]:
    """Places, by building, floor and number."""
    return service.list_places(page_number=query.pop("page"), **query)


@blp.route("/figures")
@permit("tags.read")
@blp.arguments(PageArguments, location="query")
@blp.response(200, FigurePage)
def list_figures(query: dict[str, int]) -> dict[str, Any]:
    """The digits to hang on doors, this week and the next, for whoever sets them."""
    return service.list_figures(page_number=query["page"], page_size=query["page_size"])


@blp.route("/places/<place_id>", methods=["PATCH"])
@permit("places.write")
@blp.arguments(PlaceChange)
@blp.response(200, PlaceSchema)
def update_place(changes: dict[str, Any], place_id: str) -> dict[str, Any]:
    """Change a place; its tag need not be printed again."""
    return service.update_place(place_id=place_id, changes=changes)
