"""How much of the log a verified backup off the machine holds"""

import sqlalchemy as sa
from alembic import op

revision = "0003_durable_log"
down_revision = "0002_heads"


def upgrade() -> None:
    op.add_column("school", sa.Column("durable_log", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("school", "durable_log")
