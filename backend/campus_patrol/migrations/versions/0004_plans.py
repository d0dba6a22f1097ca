"""Plans of nights that are over"""

import sqlalchemy as sa
from alembic import op

revision = "0004_plans"
down_revision = "0003_durable_log"


def upgrade() -> None:
    op.add_column("school", sa.Column("plans_until", sa.Date(), nullable=True))
    op.add_column("place", sa.Column("switched_off_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "plan",
        sa.Column("school_id", sa.String(length=36), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("route_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("start", sa.String(length=5), nullable=False),
        sa.Column("window", sa.Integer(), nullable=False),
        sa.Column("place_ids", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_plan_school_id")),
        sa.PrimaryKeyConstraint("school_id", "night", "route_id", name=op.f("pk_plan")),
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE plan ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE plan FORCE ROW LEVEL SECURITY")
        op.execute(
            "CREATE POLICY own_school ON plan USING "
            "(current_setting('campus_patrol.school', true) IN ('*', school_id))"
        )


def downgrade() -> None:
    op.drop_table("plan")
    op.drop_column("place", "switched_off_at")
    op.drop_column("school", "plans_until")
