"""How long a tag took to be read"""

import sqlalchemy as sa
from alembic import op

revision = "0011_read_ms"
down_revision = "0010_blank_tags"


def upgrade() -> None:
    op.add_column("checkpoint", sa.Column("read_ms", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("checkpoint", "read_ms")
