"""HTTP of tags."""

from typing import Any

from flask import Response, current_app, request
from flask_smorest import Blueprint

from campus_patrol.database import db
from campus_patrol.security import permit
from campus_patrol.tags import service
from campus_patrol.tags.models import Placement, Tag
from campus_patrol.tags.schemas import (
    BlankAnswer,
    BlankRequest,
    Decision,
    PlacementPage,
    PlacementSchema,
    PrintingSchema,
    Replacement,
    SheetRequest,
    SymbolsRequest,
    TagPage,
    TagQuery,
    TagSchema,
)
from campus_patrol.wire import PageArguments

blp = Blueprint("tags", __name__, url_prefix="/api/v1", description="The printed codes on places")


@blp.route("/tags")
@permit("tags.read")
@blp.arguments(TagQuery, location="query")
@blp.response(200, TagPage)
def list_tags(query: dict[str, Any]) -> dict[str, Any]:
    """Tags, live and revoked, in the order of their places; blank ones last, by number."""
    return service.list_tags(page_number=query.pop("page"), **query)


@blp.route("/tags/blank", methods=["POST"])
@permit("tags.write")
@blp.arguments(BlankRequest)
@blp.response(201, BlankAnswer)
def make_blank(body: dict[str, int]) -> dict[str, Any]:
    """Make blank tags, to be printed on a roll and enrolled by walking."""
    return {"tags": [tag.id for tag in service.make_blank_tags(count=body["count"])]}


@blp.route("/tags/<tag_id>/replace", methods=["POST"])
@permit("tags.write")
@blp.arguments(Replacement)
@blp.response(201, TagSchema)
def replace(body: dict[str, str], tag_id: str) -> Tag:
    """Revoke a tag and make a new one for its place."""
    return service.replace(tag_id=tag_id, reason=body["reason"])


@blp.route("/tags/<tag_id>/retire", methods=["POST"])
@permit("tags.write")
@blp.arguments(Replacement)
@blp.response(200, TagSchema)
def retire(body: dict[str, str], tag_id: str) -> Tag:
    """Revoke a tag without a new one."""
    return service.retire(tag_id=tag_id, reason=body["reason"])


@blp.route("/tags/placements")
@permit("tags.read")
@blp.arguments(PageArguments, location="query")
@blp.response(200, PlacementPage)
def list_placements(query: dict[str, int]) -> dict[str, Any]:
    """What guards said about where tags hang that contradicts what we know, and nobody has decided; newest first."""
    return service.list_placements(page_number=query["page"], page_size=query["page_size"])


@blp.route("/tags/placements/<placement_id>/settle", methods=["POST"])
@permit("tags.write")
@blp.arguments(Decision)
@blp.response(200, PlacementSchema)
def settle(body: dict[str, bool], placement_id: str) -> Placement:
    """Decide where a tag belongs."""
    return service.settle(placement_id=placement_id, move=body["move"])


@blp.route("/tags/papers")
@permit("tags.write")
@blp.response(200, PrintingSchema)
def list_papers() -> dict[str, Any]:
    """What tags can be printed on, and how well this server's codes read from each paper."""
    return service.printing(base_url=_address())


@blp.route("/tags/sheet", methods=["POST"])
@permit("tags.write")
@blp.arguments(SheetRequest)
@blp.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
def make_sheet(body: dict[str, Any]) -> Response:
    """Labels to print, as a PDF; the tags on them count as printed."""
    pdf = service.render_sheet(base_url=_address(), before_drawing=db.session.rollback, **body)
    return _file(pdf, "application/pdf", "tags.pdf", inline=True)


@blp.route("/tags/symbols", methods=["POST"])
@permit("tags.write")
@blp.arguments(SymbolsRequest)
@blp.response(200, {"type": "string", "format": "binary"}, content_type="application/zip")
def pack_symbols(body: dict[str, Any]) -> Response:
    """The bare codes as SVG or PNG files in a ZIP, a folder a building; their tags do not count as printed."""
    packed = service.pack_symbols(base_url=_address(), before_drawing=db.session.rollback, **body)
    return _file(packed, "application/zip", "tags.zip")


@blp.route("/tags/<tag_id>/symbol.svg")
@permit("tags.write")
@blp.response(200, {"type": "string"}, content_type="image/svg+xml")
def draw_svg(tag_id: str) -> Response:
    """A live tag's bare code as an SVG file."""
    name, content = service.symbol(tag_id=tag_id, file_type="svg", base_url=_address())
    return _file(content, "image/svg+xml", name)


@blp.route("/tags/<tag_id>/symbol.png")
@permit("tags.write")
@blp.response(200, {"type": "string", "format": "binary"}, content_type="image/png")
def draw_png(tag_id: str) -> Response:
    """A live tag's bare code as a PNG file of 20 pixels a module."""
    name, content = service.symbol(tag_id=tag_id, file_type="png", base_url=_address())
    return _file(content, "image/png", name)


def _address() -> str:
    return current_app.extensions["settings"].public_url or request.url_root


def _file(content: bytes, kind: str, name: str, *, inline: bool = False) -> Response:
    answer = Response(content, mimetype=kind)
    answer.headers.set("Content-Disposition", "inline" if inline else "attachment", filename=name)
    return answer
