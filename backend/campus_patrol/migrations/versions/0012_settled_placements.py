"""Who decided at the desk what a guard said about where a tag hangs"""

import sqlalchemy as sa
from alembic import op

revision = "0012_settled_placements"
down_revision = "0011_read_ms"


def upgrade() -> None:
    with op.batch_alter_table("placement") as table:
        table.add_column(sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("settled_by_id", sa.String(length=36), nullable=True))
        table.create_foreign_key(op.f("fk_placement_settled_by_id"), "person", ["settled_by_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("placement") as table:
        table.drop_constraint(op.f("fk_placement_settled_by_id"), type_="foreignkey")
        table.drop_column("settled_by_id")
        table.drop_column("settled_at")
