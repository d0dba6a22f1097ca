"""Why a photo that a record names will not come"""

import sqlalchemy as sa
from alembic import op

revision = "0008_missing_photos"
down_revision = "0007_rescue_codes"


def upgrade() -> None:
    op.add_column("record_photo", sa.Column("missing", sa.String(length=10), nullable=True))


def downgrade() -> None:
    op.drop_column("record_photo", "missing")
