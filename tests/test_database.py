"""Schools are walled off from each other, the log only grows, and the migrations make what the models say."""

import importlib
import pkgutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import msgspec
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from flask import Flask
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy import Delete, Select, Table, Update, create_engine, func, insert, select, text, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import visitors

import campus_patrol
from campus_patrol import database, models
from campus_patrol.database import (
    Base,
    SchoolOwned,
    any_school,
    db,
    insert_rows,
    page,
    put_rows,
    upgrade,
    use_school,
)
from campus_patrol.patrols.models import Checkpoint
from campus_patrol.places.models import Building, Place
from campus_patrol.settings import Settings
from campus_patrol.sync.models import Record
from campus_patrol.tags.models import Tag

MODULES = [
    found.name
    for found in pkgutil.walk_packages(campus_patrol.__path__, "campus_patrol.")
    if ".migrations" not in found.name
]


def test_every_table_names_its_school_but_the_two_that_come_before_schools() -> None:
    without = {t.name for t in Base.metadata.tables.values() if "school_id" not in t.columns}
    assert without == {"school", "bucket"}


def test_a_query_without_a_school_does_not_run(app: Flask, school) -> None:
    with app.app_context():
        with pytest.raises(LookupError):
            db.session.scalars(select(Place)).all()
        with pytest.raises(LookupError):
            db.session.execute(update(Place).values(name="x"))
        with pytest.raises(LookupError):
            page(select(Place), page=1, page_size=10)


@pytest.mark.parametrize(
    "count",
    [
        lambda: len(db.session.scalars(select(Place)).all()),
        lambda: db.session.scalar(select(func.count()).select_from(Place)),
        lambda: db.session.scalar(select(func.count(Place.id))),
        lambda: page(select(Place), page=1, page_size=200)["total"],
        lambda: page(select(Place).join(Building, Building.id == Place.building_id), page=1, page_size=1)[
            "total"
        ],
        lambda: db.session.scalar(select(func.count()).select_from(select(Place.id).subquery())),
        lambda: len(db.session.execute(select(Place.number, Building.name).join(Place.building)).all()),
        lambda: db.session.execute(update(Place).values(remark="x")).rowcount,
        lambda: len(
            db.session.scalars(
                select(Place).where(Place.id.in_(select(Place.id).where(Place.floor > 0)))
            ).all()
        ),
    ],
)
def test_every_form_of_query_sees_only_the_callers_school(
    app: Flask, school, other_school, count: Callable[[], int]
) -> None:
    with app.app_context():
        use_school(school.id)
        assert count() == len(school.places)
        db.session.rollback()
        with any_school():
            assert db.session.scalar(select(func.count(Place.id))) == len(school.places) + len(
                other_school.places
            )


def test_a_row_of_another_school_is_not_written(app: Flask, school, other_school) -> None:
    with app.app_context():
        use_school(school.id)
        db.session.add(Building(name="新楼", school_id=other_school.id))
        with pytest.raises(LookupError):
            db.session.flush()


def test_rows_get_the_school_of_the_session_by_themselves(app: Flask, school) -> None:
    with app.app_context():
        use_school(school.id)
        db.session.add(Building(name="一号"))
        db.session.execute(insert(Building), [{"name": "二号", "position": 1}])
        db.session.flush()
        assert {b.school_id for b in db.session.scalars(select(Building))} == {school.id}


def test_the_log_refuses_to_be_changed(app: Flask, school, phone) -> None:
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    phone.sync()
    with app.app_context():
        for statement in ("UPDATE record SET line = 'x'", "DELETE FROM record"):
            use_school(school.id)
            with pytest.raises(DBAPIError, match="only grow"):
                db.session.execute(text(statement))
            db.session.rollback()
        use_school(school.id)
        assert db.session.scalar(select(func.count()).select_from(Record)) == 1


@pytest.mark.postgres
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_postgresql_itself_hides_other_schools_from_raw_sql(app: Flask, school, other_school) -> None:
    with app.app_context():
        use_school(school.id)
        assert db.session.execute(text("SELECT count(*) FROM place")).scalar_one() == len(school.places)
        db.session.rollback()
        with db.engine.begin() as connection:
            assert connection.execute(text("SELECT count(*) FROM place")).scalar_one() == 0
            with pytest.raises(DBAPIError):
                connection.execute(
                    text("INSERT INTO building (id, school_id, name, position) VALUES ('x', :s, 'x', 1)"),
                    {"s": other_school.id},
                )


def _migrate(settings: Settings, run: Callable[[Config], None]) -> list[object]:
    engine = create_engine(settings.database)
    config = Config()
    config.set_main_option("script_location", str(database.Path(database.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        run(config)
        differences = compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True}), models.METADATA
        )
    engine.dispose()
    return differences


def test_the_migrations_make_exactly_the_tables_of_the_models(settings: Settings) -> None:
    assert _migrate(settings, lambda config: command.upgrade(config, "head")) == []


def test_the_migrations_go_down_and_up_again(settings: Settings) -> None:
    _migrate(settings, lambda config: command.downgrade(config, "base"))
    assert _migrate(settings, lambda config: command.upgrade(config, "head")) == []


def test_an_upgrade_makes_a_table_anew_without_losing_what_points_at_it(
    app: Flask, settings: Settings, school, phone
) -> None:
    """SQLite cannot change a column in place, and would delete or refuse on the way what belongs to the old table."""
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    phone.sync()
    with app.app_context():
        db.engine.dispose()
    _migrate(settings, lambda config: command.downgrade(config, "0009_contradictions"))
    upgrade(settings)
    with app.app_context():
        use_school(school.id)
        (row,) = db.session.execute(
            select(Checkpoint.place_id, Tag.code).join(Tag, Tag.id == Checkpoint.tag_id)
        ).all()
        assert tuple(row) == (school.places["A101"], school.codes["A101"])
        with pytest.raises(DBAPIError):
            db.session.execute(text("UPDATE tag SET place_id = 'nowhere'"))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_an_upgrade_that_would_leave_loose_ends_is_not_made(app: Flask, settings: Settings, school) -> None:
    with app.app_context():
        db.engine.dispose()
    _migrate(settings, lambda config: command.downgrade(config, "0009_contradictions"))
    file = settings.data / "campus-patrol.sqlite3"
    with closing(sqlite3.connect(file, isolation_level=None)) as loose:
        loose.execute("UPDATE tag SET place_id = 'nowhere'")
        with pytest.raises(RuntimeError, match="a row of tag without its place"):
            upgrade(settings)
        assert loose.execute("SELECT version_num FROM alembic_version").fetchone() == ("0009_contradictions",)


def test_every_statement_that_is_kept_names_the_school() -> None:
    """They go past the session, which would add it; the token of a phone is what says whose it is."""
    kept = {
        f"{module.__name__}.{name}": value
        for module in map(importlib.import_module, MODULES)
        for name, value in vars(module).items()
        if isinstance(value, Select | Update | Delete)
    }
    assert len(kept) > 8
    for name, statement in kept.items():
        tables = [part for part in visitors.iterate(statement) if isinstance(part, Table)]
        if any("school_id" in table.c or table.name == "school" for table in tables):
            assert ":school" in str(statement) or name == "campus_patrol.security._BY_TOKEN", name


class NewBuilding(msgspec.Struct):
    id: str
    school_id: str
    name: str
    position: int


@pytest.mark.parametrize("count", [1, 49, 50, 51, 499, 500, 501, 1101])
def test_rows_arrive_each_once_however_many_go_by_one_statement(app: Flask, school, count: int) -> None:
    with app.app_context():
        use_school(school.id)
        rows = [NewBuilding(f"{i:036}", school.id, f"{i} 号楼", i % 3) for i in range(count)]
        insert_rows(Building, rows)
        there = db.session.execute(
            select(Building.id, Building.name, Building.position).where(Building.id < "0" * 32 + "9")
        ).all()
        assert sorted(map(tuple, there)) == [(row.id, row.name, row.position) for row in rows]


def test_columns_are_written_back_to_the_rows_of_ones_own_school_only(
    app: Flask, school, other_school
) -> None:
    with app.app_context():
        with any_school():
            ids = dict(db.session.execute(select(Building.school_id, Building.id)).all())
        use_school(school.id)
        put_rows(Building, "id", [{"name": "改了", "id": building} for building in ids.values()])
        with any_school():
            changed = db.session.scalars(select(Building.school_id).where(Building.name == "改了")).all()
        assert changed == [school.id]


@given(
    st.datetimes(),
    st.sampled_from([UTC, ZoneInfo("Asia/Shanghai"), timezone(-timedelta(hours=9, minutes=30))]),
)
def test_an_instant_is_written_as_isoformat_would(at: datetime, zone: tzinfo) -> None:
    at = at.replace(tzinfo=zone)
    assume(2 <= at.year <= 9998)
    write = database.UtcDateTime().bind_processor(sqlite.dialect())
    assert write(at) == at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def test_school_owned_is_what_the_scope_looks_for() -> None:
    assert all(
        issubclass(mapper.class_, SchoolOwned)
        for mapper in Base.registry.mappers
        if "school_id" in mapper.columns
    )
