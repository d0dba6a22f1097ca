"""Which named photos are still wanted, without reading a whole stream to know it"""

import sqlalchemy as sa
from alembic import op

revision = "0006_wanted_photos"
down_revision = "0005_ended_streams"


def upgrade() -> None:
    op.add_column("record_photo", sa.Column("stream", sa.String(length=32), nullable=True))
    op.add_column("record_photo", sa.Column("stored", sa.Boolean(), nullable=True))
    op.execute(
        "UPDATE record_photo SET stream = (SELECT record.stream FROM record"
        " WHERE record.id = record_photo.record_id AND record.school_id = record_photo.school_id),"
        " stored = EXISTS (SELECT 1 FROM photo"
        " WHERE photo.sha256 = record_photo.sha256 AND photo.school_id = record_photo.school_id)"
    )
    with op.batch_alter_table("record_photo") as table:
        table.alter_column("stream", existing_type=sa.String(length=32), nullable=False)
        table.alter_column("stored", existing_type=sa.Boolean(), nullable=False)
    op.create_index(
        "ix_record_photo_wanted",
        "record_photo",
        ["school_id", "stream"],
        sqlite_where=sa.text("NOT stored"),
        postgresql_where=sa.text("NOT stored"),
    )


def downgrade() -> None:
    op.drop_index("ix_record_photo_wanted", "record_photo")
    for column in ("stored", "stream"):
        op.drop_column("record_photo", column)
