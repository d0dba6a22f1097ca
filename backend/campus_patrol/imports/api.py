"""HTTP of the spreadsheet import."""

from typing import Any
from urllib.parse import unquote

from flask import request
from flask_smorest import Blueprint

from campus_patrol.database import db
from campus_patrol.imports import service
from campus_patrol.imports.schemas import ImportQuery, ReportSchema
from campus_patrol.security import permit

blp = Blueprint(
    "imports", __name__, url_prefix="/api/v1", description="Rooms, water points and routes from Excel"
)

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_BODY = {"required": True, "content": {_XLSX: {"schema": {"type": "string", "format": "binary"}}}}


@blp.route("/imports", methods=["POST"])
@permit("places.write")
@blp.arguments(ImportQuery, location="query")
@blp.response(200, ReportSchema)
@blp.doc(requestBody=_BODY)
def import_workbook(query: dict[str, Any]) -> dict[str, Any]:
    """Import a workbook, or with dry_run only report what an import would do."""
    return service.import_workbook(
        content=request.get_data(),
        filename=unquote(request.headers.get("X-Filename", "")) or "xlsx",
        before_reading=db.session.rollback,
        **query,
    )
