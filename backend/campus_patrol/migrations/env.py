"""Alembic's entry: runs on the connection that database.upgrade hands over."""

from typing import Any

from alembic import context
from sqlalchemy import text

from campus_patrol import models
from campus_patrol.database import ANY_SCHOOL, UtcDateTime


def render_item(kind: str, item: Any, _: Any) -> str | bool:
    """Write our own column types into new migrations as what the database sees, so that old ones never import ours."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


connection = context.config.attributes["connection"]
if connection.dialect.name == "postgresql":
    # Row-level security binds the owner too; a migration works on every school's rows.
    connection.execute(text("SELECT set_config('campus_patrol.school', :all, true)"), {"all": ANY_SCHOOL})
context.configure(
    connection=connection,
    target_metadata=models.METADATA,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    render_item=render_item,
)
context.run_migrations()
