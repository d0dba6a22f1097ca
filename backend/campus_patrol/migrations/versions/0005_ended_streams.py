"""How streams ended, so that what was announced and never came is known"""

import sqlalchemy as sa
from alembic import op

revision = "0005_ended_streams"
down_revision = "0004_plans"


def upgrade() -> None:
    op.add_column("stream", sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("stream", sa.Column("ended", sa.String(length=10), nullable=True))
    op.add_column("stream", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for column in ("ended_at", "ended", "heard_at"):
        op.drop_column("stream", column)
