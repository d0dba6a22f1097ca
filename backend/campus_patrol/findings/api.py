"""HTTP of findings."""

from typing import Any

from flask_smorest import Blueprint

from campus_patrol.findings import schemas, service
from campus_patrol.security import permit

blp = Blueprint("findings", __name__, url_prefix="/api/v1", description="What was found wrong")


@blp.route("/findings")
@permit("findings.read")
@blp.arguments(schemas.FindingQuery, location="query")
@blp.response(200, schemas.FindingPage)
def list_findings(query: dict[str, Any]) -> dict[str, Any]:
    """Findings with their photos."""
    return service.list_findings(page_number=query.pop("page"), **query)


@blp.route("/findings/<finding_id>")
@permit("findings.read")
@blp.response(200, schemas.FindingSchema)
def show_finding(finding_id: str) -> dict[str, Any]:
    """One finding."""
    return service.show_finding(finding_id=finding_id)
