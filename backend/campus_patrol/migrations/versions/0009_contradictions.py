"""Signed heads on phones that the log contradicts"""

import sqlalchemy as sa
from alembic import op

revision = "0009_contradictions"
down_revision = "0008_missing_photos"


def upgrade() -> None:
    op.create_table(
        "contradiction",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school_id", sa.String(length=36), nullable=False),
        sa.Column("device_id", sa.String(length=36), nullable=False),
        sa.Column("generation", sa.String(length=36), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("log_number", sa.Integer(), nullable=False),
        sa.Column("log_hash", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_contradiction_device_id")),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_contradiction_school_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contradiction")),
        sa.UniqueConstraint(
            "school_id",
            "device_id",
            "generation",
            "log_number",
            name=op.f("uq_contradiction_school_id_device_id_generation_log_number"),
        ),
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE contradiction ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE contradiction FORCE ROW LEVEL SECURITY")
        op.execute(
            "CREATE POLICY own_school ON contradiction USING "
            "(current_setting('campus_patrol.school', true) IN ('*', school_id))"
        )


def downgrade() -> None:
    op.drop_table("contradiction")
