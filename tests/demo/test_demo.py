"""The demo's school: whole, plausible, the same for a seed, and its log as sound as a real one."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from campus_patrol import clock
from campus_patrol.app import create_app
from campus_patrol.database import any_school, db, use_school
from campus_patrol.demo.service import make_demo
from campus_patrol.findings.models import Finding
from campus_patrol.patrols.models import Checkpoint, Doubt, Round
from campus_patrol.people.models import Device, Person, School
from campus_patrol.photos.models import Photo, RecordPhoto
from campus_patrol.places.models import Place
from campus_patrol.reports.service import list_nights, list_worn_tags, show_night
from campus_patrol.settings import Settings
from campus_patrol.sync.models import Quarantine, Record, Stream
from tests.phone import GENESIS, chain_hash
from tests.queries import counted

NIGHTS = 14


@pytest.fixture(scope="module")
def demo(migrated_sqlite, tmp_path_factory):
    """The whole demo, made once for all tests here, which only look."""
    return build(migrated_sqlite, tmp_path_factory.mktemp("demo"), seed=20261122)


def build(migrated, folder, **wanted):
    (folder / "campus-patrol.sqlite3").write_bytes(migrated.read_bytes())
    app = create_app(Settings.load(data=folder))
    with app.app_context():
        steps = []
        made = make_demo(progress=lambda done, total: steps.append((done, total)), **wanted)
        db.session.commit()
        school = db.session.info["school"]
        db.session.remove()
    return app, school, made, steps


@pytest.fixture
def inside(demo):
    app, school, _, _ = demo
    with app.app_context():
        use_school(school)
        yield
        db.session.remove()


def count(model, *where) -> int:
    return db.session.scalar(db.select(db.func.count()).select_from(model).where(*where))


def test_the_school_of_the_workbook_is_there_and_says_that_it_is_a_demo(inside):
    kinds = dict(db.session.execute(db.select(Place.kind, db.func.count()).group_by(Place.kind)).all())
    assert kinds["tap"] == 66
    assert kinds["room"] + kinds["facility"] == 358
    with any_school():
        assert db.session.scalars(db.select(School)).one().is_demo


def test_every_role_is_cast_and_whoever_can_sign_in_is_told_how(demo, inside):
    roles = set(db.session.scalars(db.select(Person.role)))
    assert roles == {"guard", "repairer", "inspector", "supervisor", "admin", "district"}
    app, _, made, _ = demo
    browser = app.test_client()
    for who in made["sign_ins"]:
        assert len(who["pin"]) == 6
        assert who["pin"].isdigit()
        if who["account"]:
            answer = browser.post(
                "/api/v1/session",
                json={"account": who["account"], "password": who["password"]},
                headers={"Sec-Fetch-Site": "same-origin"},
            )
            assert (answer.status_code, answer.json["person"]["role"]) == (200, who["role"])


def test_all_nights_are_there_and_the_last_of_them_is_over(inside):
    shown = list_nights(limit=366)["items"]
    nights = [row["night"] for row in shown]
    assert nights == [nights[0] - timedelta(days=ago) for ago in range(NIGHTS)]
    today = clock.now().astimezone(ZoneInfo("Asia/Shanghai")).date()
    assert timedelta(days=1) <= today - nights[0] <= timedelta(days=2)
    assert all(row["checkpoints"] for row in shown)
    assert sum(row["findings"] for row in shown) > 60
    assert db.session.scalar(db.select(db.func.max(Checkpoint.received_at))) < clock.now()


def test_figures_of_every_night_equal_a_count_over_its_rows(inside):
    for row in list_nights(limit=366)["items"]:
        figures = show_night(night=row["night"])["figures"]
        mine = list(db.session.scalars(db.select(Checkpoint).where(Checkpoint.night == row["night"])))
        assert row["checkpoints"] == len(mine)
        assert figures["ac"] == sum(c.readings.get("ac", {}).get("value") == "on" for c in mine)
        assert figures["light"] == sum(c.readings.get("lights", {}).get("value") == "on" for c in mine)
        assert figures["done"] <= len({c.place_id for c in mine})
        assert 0 <= figures["missed"] < 0.25 * figures["planned"]


def test_routes_are_walked_on_their_weekdays_and_no_others(inside):
    for row in list_nights(limit=366)["items"]:
        shown = show_night(night=row["night"])
        assert {walk["route"].id for walk in shown["rounds"]} == {route["id"] for route in shown["routes"]}
        assert all(walk["ended_at"] and walk["people"] for walk in shown["rounds"])


def test_what_is_out_of_the_ordinary_is_there_to_be_found(inside):
    kinds = dict(db.session.execute(db.select(Doubt.kind, db.func.count()).group_by(Doubt.kind)).all())
    assert set(kinds) == {"typed_code", "clock_moved"}
    assert kinds["typed_code"] == 1
    assert kinds["clock_moved"] < 20
    times = db.session.execute(db.select(Checkpoint.received_at, Checkpoint.corrected_at))
    late = sum(received - made > timedelta(hours=4) for received, made in times)
    assert 50 < late < 300
    assert count(Round, Round.end_reason.is_not(None)) == 1
    assert {kind for (kind,) in db.session.execute(db.select(Finding.kind).distinct())} == {
        "ac",
        "light",
        "leak",
        "hazard",
    }
    persistent = db.session.execute(
        db.select(Finding.place_id)
        .where(Finding.question == "dripping")
        .group_by(Finding.place_id)
        .having(db.func.count() > 1)
    ).all()
    assert persistent
    # A few labels of some 400 are hard to scan, and only those.
    worn = list_worn_tags(page_number=1, page_size=200)["items"]
    assert 2 <= len(worn) <= 12
    assert all(tag["median_ms"] > 1500 for tag in worn)


def test_photos_are_stored_and_belong_to_findings(demo, inside):
    app = demo[0]
    named = set(db.session.scalars(db.select(RecordPhoto.sha256)))
    stored = set(db.session.scalars(db.select(Photo.sha256)))
    shown = {sha for hashes in db.session.scalars(db.select(Finding.photo_hashes)) for sha in hashes}
    assert named == stored == shown
    assert len(stored) >= 5
    assert len(list(app.extensions["settings"].photos.rglob("*.full.jpg"))) == len(stored)


def test_findings_are_numbered_without_a_gap(inside):
    numbers = sorted(db.session.scalars(db.select(Finding.number)))
    by_year: dict[str, list[int]] = {}
    for number in numbers:
        year, _, n = number.partition("-")
        by_year.setdefault(year, []).append(int(n))
    assert all(run == list(range(1, len(run) + 1)) for run in by_year.values())


def test_the_log_verifies_from_the_first_line_to_the_last(inside):
    assert count(Quarantine) == 0
    rows = list(db.session.scalars(db.select(Record).order_by(Record.log_number)))
    assert [row.log_number for row in rows] == list(range(1, len(rows) + 1))
    heads: dict[str, tuple[int, str]] = {}
    log = GENESIS
    for row in rows:
        n, previous = heads.get(row.stream, (0, GENESIS))
        assert row.n == n + 1
        assert row.hash == chain_hash(row.stream, row.n, previous, row.line)
        heads[row.stream] = (row.n, row.hash)
        log = hashlib.sha256(f"{log}\0{row.stream}\0{row.n}\0{row.hash}".encode()).hexdigest()
        assert row.log_hash == log
    assert {s.stream: (s.head, s.head_hash) for s in db.session.scalars(db.select(Stream))} == heads
    assert count(Device) == len(heads) == 4


def test_every_checkpoint_line_became_a_checkpoint(inside):
    lines = [json.loads(line) for line in db.session.scalars(db.select(Record.line))]
    ids = {line["id"] for line in lines if line["kind"] == "checkpoint"}
    assert ids == set(db.session.scalars(db.select(Checkpoint.id)))
    assert len({line["id"] for line in lines}) == len(lines)


def test_progress_is_told_up_to_the_end(demo):
    steps = demo[3]
    assert [done for done, _ in steps] == list(range(steps[-1][1] + 1))


@pytest.mark.simulation
def test_the_same_seed_makes_the_same_school_and_another_seed_another(migrated_sqlite, tmp_path_factory):
    def drawn(seed: int) -> list[dict]:
        app, school, _, _ = build(migrated_sqlite, tmp_path_factory.mktemp("seed"), seed=seed, nights=3)
        with app.app_context():
            use_school(school)
            rows = list_nights(limit=30)["items"]
            db.session.remove()
            db.engine.dispose()
        return rows

    with clock.standing_at(datetime(2026, 11, 20, 6, tzinfo=UTC)):
        first = drawn(7)
        assert first == drawn(7)
        assert first != drawn(8)


@pytest.mark.parametrize(
    ("now", "last"),
    [
        pytest.param("2026-11-22T22:00:00+08:00", "2026-11-21", id="this evening: tonight is not over"),
        pytest.param("2026-11-22T08:00:00+08:00", "2026-11-21", id="in the morning"),
        pytest.param("2026-11-22T00:20:00+08:00", "2026-11-20", id="after midnight: the night is not over"),
    ],
)
def test_the_demo_ends_with_the_last_whole_night(migrated_sqlite, tmp_path_factory, now, last):
    with clock.standing_at(datetime.fromisoformat(now)):
        app, school, _, _ = build(migrated_sqlite, tmp_path_factory.mktemp("when"), nights=1)
    with app.app_context():
        use_school(school)
        assert [str(row["night"]) for row in list_nights(limit=30)["items"]] == [last]
        db.session.remove()
        db.engine.dispose()


def test_looking_at_a_full_night_takes_few_statements(demo):
    app, school, _, _ = demo
    with app.app_context():
        use_school(school)
        night = max(list_nights(limit=366)["items"], key=lambda row: row["checkpoints"])["night"]
        with counted(app) as seen:
            show_night(night=night)
        assert len(seen) <= 9
        db.session.remove()
