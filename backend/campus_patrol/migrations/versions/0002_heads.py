"""Signed heads of the log"""

import sqlalchemy as sa
from alembic import op

revision = "0002_heads"
down_revision = "0001_first_tables"


def upgrade() -> None:
    op.create_table(
        "head",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school_id", sa.String(length=36), nullable=False),
        sa.Column("generation", sa.String(length=36), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("log_number", sa.Integer(), nullable=False),
        sa.Column("log_hash", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(length=88), nullable=False),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_head_school_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_head")),
        sa.UniqueConstraint(
            "school_id", "generation", "log_number", name=op.f("uq_head_school_id_generation_log_number")
        ),
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER head_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON head "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        op.execute("ALTER TABLE head ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE head FORCE ROW LEVEL SECURITY")
        op.execute(
            "CREATE POLICY own_school ON head USING "
            "(current_setting('campus_patrol.school', true) IN ('*', school_id))"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER head_no_{verb.lower()} BEFORE {verb} ON head "
            "BEGIN SELECT RAISE(ABORT, 'the log may only grow'); END"
        )


def downgrade() -> None:
    op.drop_table("head")
