"""A figure of two digits on some doors, another each week, which a phone asks for"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0013_door_figures"
down_revision = "0012_settled_placements"


def upgrade() -> None:
    op.add_column("place", sa.Column("door_figure", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("school", sa.Column("figure_key", sa.String(length=64), nullable=False, server_default=""))
    school = sa.table("school", sa.column("id"), sa.column("figure_key"))
    connection = op.get_bind()
    for (name,) in connection.execute(sa.select(school.c.id)).all():
        key = secrets.token_hex(32)
        connection.execute(sa.update(school).where(school.c.id == name).values(figure_key=key))


def downgrade() -> None:
    op.drop_column("school", "figure_key")
    op.drop_column("place", "door_figure")
