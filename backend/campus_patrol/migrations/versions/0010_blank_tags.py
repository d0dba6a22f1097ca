"""Tags without a place yet, and what guards say about where tags hang"""

import sqlalchemy as sa
from alembic import op

revision = "0010_blank_tags"
down_revision = "0009_contradictions"


def upgrade() -> None:
    with op.batch_alter_table("tag") as table:
        table.alter_column("place_id", existing_type=sa.String(length=36), nullable=True)
    op.create_table(
        "placement",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school_id", sa.String(length=36), nullable=False),
        sa.Column("tag_id", sa.String(length=36), nullable=True),
        sa.Column("tag_text", sa.String(length=80), nullable=True),
        sa.Column("place_id", sa.String(length=36), nullable=True),
        sa.Column("person_id", sa.String(length=36), nullable=True),
        sa.Column("device_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_placement_device_id")),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_placement_place_id")),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_placement_school_id")),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name=op.f("fk_placement_tag_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placement")),
    )
    op.create_index(op.f("ix_placement_tag_id"), "placement", ["tag_id"])
    op.create_index(op.f("ix_placement_school_id_state_at"), "placement", ["school_id", "state", "at"])
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE placement ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE placement FORCE ROW LEVEL SECURITY")
        op.execute(
            "CREATE POLICY own_school ON placement USING "
            "(current_setting('campus_patrol.school', true) IN ('*', school_id))"
        )


def downgrade() -> None:
    op.drop_table("placement")
    # A tag that hangs nowhere cannot be said in the tables of before.
    op.execute(
        "UPDATE checkpoint SET tag_id = NULL WHERE tag_id IN (SELECT id FROM tag WHERE place_id IS NULL)"
    )
    op.execute("DELETE FROM tag WHERE place_id IS NULL")
    with op.batch_alter_table("tag") as table:
        table.alter_column("place_id", existing_type=sa.String(length=36), nullable=False)
