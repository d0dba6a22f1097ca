"""One school to test with, a second one beside it as noise, on SQLite always and on PostgreSQL where asked for."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import hypothesis
import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from campus_patrol import clock
from campus_patrol.app import create_app
from campus_patrol.database import db, new_id, upgrade
from campus_patrol.people import service as people
from campus_patrol.places.models import Building, Place
from campus_patrol.settings import Settings
from campus_patrol.tags import service as tags
from tests.phone import Phone

pytest_plugins = ["tests.postgres"]

PASSWORD = "a-long-enough-password"
PIN = "246810"
ROLES = ("guard", "repairer", "inspector", "supervisor", "admin", "district")


# A run fails for what was changed and never by luck; --hypothesis-profile=default goes looking for more.
hypothesis.settings.register_profile("same", derandomize=True, print_blob=True)
hypothesis.settings.load_profile("same")


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file at this version's tables, to be copied: faster than migrating for each test."""
    folder = tmp_path_factory.mktemp("migrated")
    upgrade(Settings.load(data=folder))
    file = folder / "campus-patrol.sqlite3"
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return file


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: Path) -> tuple[Path, str]:
    """A PostgreSQL database at this version's tables, to be copied."""
    with psycopg.connect(
        host=str(postgres_server), user="postgres", dbname="postgres", autocommit=True
    ) as admin:
        admin.execute("CREATE DATABASE migrated OWNER patrol")
    upgrade(
        Settings.load(
            data=postgres_server / "none",
            database_url=f"postgresql://patrol@/migrated?host={postgres_server}",
        )
    )
    return postgres_server, "migrated"


@pytest.fixture(scope="session", autouse=True)
def hash_each_test_password_once() -> Iterator[None]:
    """Six people with two secrets each in every test: the hashes are real ones, made and checked once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people, "hash_secret", cache(people.hash_secret))
        patch.setattr(people, "secret_matches", cache(people.secret_matches))
        yield


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest) -> str:
    """Which engine a test runs on: what holds on one must hold on the other."""
    return request.param


@pytest.fixture
def settings(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Settings of a server with a database of its own."""
    if engine == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "campus-patrol.sqlite3")
        yield Settings.load(data=tmp_path)
        return
    folder, template = request.getfixturevalue("migrated_postgres")
    name = "test_" + new_id().replace("-", "")
    with psycopg.connect(host=str(folder), user="postgres", dbname="postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} OWNER patrol TEMPLATE {template}")
        yield Settings.load(data=tmp_path, database_url=f"postgresql://patrol@/{name}?host={folder}")
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The real application on a real database."""
    app = create_app(settings)
    yield app
    with app.app_context():
        db.engine.dispose()


@dataclass
class SchoolForTest:
    """What a test needs to know of a school: ids, never rows, so that nothing leaks between sessions."""

    id: str
    people: dict[str, str] = field(default_factory=dict)  # role -> person id
    accounts: dict[str, str] = field(default_factory=dict)  # role -> account
    building: str = ""
    places: dict[str, str] = field(default_factory=dict)  # number -> place id
    codes: dict[str, str] = field(default_factory=dict)  # number -> live tag's code
    shorts: dict[str, str] = field(default_factory=dict)


def make_school(app: Flask, name: str, prefix: str) -> SchoolForTest:
    """Make a school with a person of every role, one building, three rooms, a tap and their tags."""
    with app.app_context():
        school = people.create_school(name=name)
        made = SchoolForTest(id=school.id)
        for role in ROLES:
            account = f"{prefix}{role}"
            person, _ = people.add_person(
                name=f"{prefix}{role}", role=role, account=account, password=PASSWORD, pin=PIN
            )
            made.people[role], made.accounts[role] = person.id, account
        building = Building(name="明德楼", position=1)
        db.session.add(building)
        db.session.flush()
        made.building = building.id
        now = clock.now()
        for number, kind, facts in (
            ("A101", "room", {"ac_count": 2, "light_count": 12}),
            ("A102", "room", {"ac_count": 2, "light_count": 12}),
            ("A321", "room", {"ac_count": 0, "light_count": 6}),
            ("A1-水东", "tap", {"tap_count": 6, "has_hot_water": True, "valve": "1楼东侧管井"}),
        ):
            place = Place(
                building_id=building.id,
                floor=3 if number == "A321" else 1,
                kind=kind,
                number=number,
                name=f"{prefix}{number}",
                created_at=now,
                updated_at=now,
                **facts,
            )
            db.session.add(place)
            db.session.flush()
            tag = tags.make_tag(place=place)
            db.session.flush()
            made.places[number], made.codes[number], made.shorts[number] = place.id, tag.code, tag.short
        db.session.commit()
        return made


@pytest.fixture
def school(app: Flask) -> SchoolForTest:
    """The school under test."""
    return make_school(app, "明德实验学校", "")


@pytest.fixture
def other_school(app: Flask, school: SchoolForTest) -> SchoolForTest:
    """A school next door, of which the one under test must never see anything."""
    return make_school(app, "隔壁中学", "other-")


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that nobody has signed in with."""
    return browser(app)


def browser(app: Flask) -> FlaskClient:
    """A client that sends what a browser sends from our own pages."""
    client = app.test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    client.environ_base["wsgi.url_scheme"] = "https"
    return client


@pytest.fixture
def as_role(app: Flask, school: SchoolForTest) -> Callable[..., FlaskClient]:
    """Sign in as somebody of this role, of the school under test unless another is given."""

    def sign_in(role: str, of: SchoolForTest = school) -> FlaskClient:
        client = browser(app)
        answer = client.post("/api/v1/session", json={"account": of.accounts[role], "password": PASSWORD})
        assert answer.status_code == 200, answer.json
        return client

    return sign_in


@pytest.fixture
def staff(as_role: Callable[..., FlaskClient]) -> FlaskClient:
    """A browser signed in as the school's administrator."""
    return as_role("admin")


@pytest.fixture
def new_phone(app: Flask, school: SchoolForTest) -> Callable[..., Phone]:
    """Enrol a phone through the real calls, in the school under test unless another is given."""

    def enrol(of: SchoolForTest = school, name: str = "夜巡一号") -> Phone:
        admin = browser(app)
        assert (
            admin.post(
                "/api/v1/session", json={"account": of.accounts["admin"], "password": PASSWORD}
            ).status_code
            == 200
        )
        code = admin.post("/api/v1/enrolments", json={"name": name}).json["code"]
        return Phone.enrol(app.test_client(), code, person=of.people["guard"])

    return enrol


@pytest.fixture
def phone(new_phone: Callable[..., Phone]) -> Phone:
    """A phone enrolled in the school under test."""
    return new_phone()
