"""One-time approvals for phones that hand over their records"""

import sqlalchemy as sa
from alembic import op

revision = "0007_rescue_codes"
down_revision = "0006_wanted_photos"


def upgrade() -> None:
    op.create_table(
        "rescue_code",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school_id", sa.String(length=36), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_by_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stream", sa.String(length=32), nullable=True),
        sa.Column("device_id", sa.String(length=36), nullable=True),
        sa.Column("skew", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["created_by_id"], ["person.id"], name=op.f("fk_rescue_code_created_by_id")),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_rescue_code_device_id")),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_rescue_code_school_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rescue_code")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_rescue_code_code_hash")),
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE rescue_code ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE rescue_code FORCE ROW LEVEL SECURITY")
        op.execute(
            "CREATE POLICY own_school ON rescue_code USING "
            "(current_setting('campus_patrol.school', true) IN ('*', school_id))"
        )


def downgrade() -> None:
    op.drop_table("rescue_code")
