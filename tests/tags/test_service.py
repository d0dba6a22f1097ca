"""Tags in the database: unique, replaceable, and independent of what a place is called."""

import io
import zipfile

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from campus_patrol import clock
from campus_patrol.database import any_school, db, use_school
from campus_patrol.history.models import Event
from campus_patrol.places.models import Place
from campus_patrol.problems import Problem
from campus_patrol.tags import service
from campus_patrol.tags.models import Tag
from qr_codes.payload import check_code, check_short, new_short
from tests.conftest import SchoolForTest

BASE = "https://patrol.example.cn"


@pytest.fixture
def in_school(app: Flask, school: SchoolForTest):
    """Work inside the school under test, as the command line does."""
    with app.app_context():
        use_school(school.id)
        yield school


def more_places(school: SchoolForTest, count: int) -> list[Place]:
    now = clock.now()
    places = [
        Place(
            building_id=school.building,
            floor=2,
            kind="room",
            number=f"N{n}",
            name=f"新教室{n}",
            created_at=now,
            updated_at=now,
        )
        for n in range(count)
    ]
    db.session.add_all(places)
    return places


def test_a_thousand_new_tags_are_valid_and_all_different(in_school: SchoolForTest):
    made = service.make_tags(places=more_places(in_school, 1000))
    assert len({tag.code for tag in made}) == len({tag.short for tag in made}) == 1000
    assert all(check_code(tag.code) and check_short(tag.short) for tag in made)
    assert [tag.place_id for tag in made] == list(
        db.session.scalars(select(Place.id).where(Place.number.like("N%")))
    )


def test_making_many_tags_takes_a_fixed_number_of_queries(in_school: SchoolForTest):
    places = more_places(in_school, 600)
    db.session.flush()
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    service.make_tags(places=places)
    assert len([s for s in statements if "FROM tag" in s]) == 1
    assert len(statements) <= 6


def test_a_short_number_that_is_taken_is_drawn_again(
    in_school: SchoolForTest, monkeypatch: pytest.MonkeyPatch
):
    free = next(short for short in iter(new_short, "") if short not in in_school.shorts.values())
    draws = [*in_school.shorts.values(), free]
    monkeypatch.setattr(service, "new_short", lambda: draws.pop(0))
    (place,) = more_places(in_school, 1)
    assert service.make_tag(place=place).short == free
    assert draws == []


def test_a_code_that_another_school_has_is_drawn_again(
    in_school: SchoolForTest, other_school: SchoolForTest, monkeypatch: pytest.MonkeyPatch
):
    use_school(in_school.id)
    real, draws = service.new_code, [other_school.codes["A101"]]
    monkeypatch.setattr(service, "new_code", lambda: draws.pop() if draws else real())
    (place,) = more_places(in_school, 1)
    tag = service.make_tag(place=place)
    assert draws == []
    assert tag.code != other_school.codes["A101"]
    assert db.session.scalar(select(func.count()).select_from(Tag).where(Tag.place_id == place.id)) == 1


def test_two_schools_may_use_the_same_short_number(
    in_school: SchoolForTest, other_school: SchoolForTest, monkeypatch: pytest.MonkeyPatch
):
    use_school(in_school.id)
    theirs = next(s for s in other_school.shorts.values() if s not in in_school.shorts.values())
    monkeypatch.setattr(service, "new_short", lambda: theirs)
    (place,) = more_places(in_school, 1)
    assert service.make_tag(place=place).short == theirs


def test_short_numbers_that_run_out_are_a_problem_not_a_hang(
    in_school: SchoolForTest, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(service, "_MOST_SHORTS", 4)
    (place,) = more_places(in_school, 1)
    with pytest.raises(Problem, match="no_shorts_left"):
        service.make_tag(place=place)


def test_renaming_or_moving_a_place_leaves_its_tag_as_it_was(in_school: SchoolForTest):
    place = db.session.get_one(Place, in_school.places["A101"])
    place.name, place.number, place.floor = "心理咨询室", "A101-1", 2
    db.session.flush()
    tag = db.session.scalars(select(Tag).where(Tag.place_id == place.id)).one()
    assert (tag.code, tag.short, tag.revoked_at) == (in_school.codes["A101"], in_school.shorts["A101"], None)


def test_the_command_line_can_print_everything_with_progress(in_school: SchoolForTest):
    told: list[tuple[int, int]] = []
    pdf = service.render_sheet(base_url=BASE, progress=lambda done, total: told.append((done, total)))
    assert pdf.startswith(b"%PDF-")
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert all(db.session.scalars(select(Tag.printed_at)))
    noted = db.session.scalars(select(Event).where(Event.action == "tags.printed")).one()
    assert noted.detail == {"labels": 4}


def test_a_sheet_never_shows_another_schools_tags(in_school: SchoolForTest, other_school: SchoolForTest):
    use_school(in_school.id)
    service.render_sheet(base_url=BASE)
    with pytest.raises(Problem, match="not_found"):
        service.render_sheet(base_url=BASE, place_ids=[other_school.places["A101"]])
    with pytest.raises(Problem, match="nothing_to_print"):
        service.render_sheet(base_url=BASE, building=other_school.building)
    with any_school():
        printed = set(db.session.scalars(select(Tag.school_id).where(Tag.printed_at.isnot(None))))
    assert printed == {in_school.id}


def test_a_zip_of_symbols_has_every_tag_with_progress_and_prints_none(in_school: SchoolForTest):
    told: list[tuple[int, int]] = []
    packed = service.pack_symbols(
        file_type="svg", base_url=BASE, progress=lambda done, total: told.append((done, total))
    )
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        names = archive.namelist()
    assert len(names) == 4
    assert all(name.count("/") == 1 and name.endswith(".svg") for name in names)
    assert any(name.split("/")[1].startswith("A101 ") for name in names)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert not any(db.session.scalars(select(Tag.printed_at)))
    noted = db.session.scalars(select(Event).where(Event.action == "tags.exported")).one()
    assert noted.detail == {"labels": 4, "type": "svg"}


def test_what_was_printed_is_left_out_when_only_the_unprinted_are_wanted(in_school: SchoolForTest):
    service.render_sheet(base_url=BASE, place_ids=[in_school.places["A101"]])
    left = {tag.place_id for tag in service.tags_to_print(unprinted=True)}
    assert left == set(in_school.places.values()) - {in_school.places["A101"]}
    service.render_sheet(base_url=BASE, unprinted=True)
    with pytest.raises(Problem, match="nothing_to_print"):
        service.render_sheet(base_url=BASE, unprinted=True)


def test_a_water_points_valve_is_on_its_label(in_school: SchoolForTest):
    labels = {tag.place.number: service._label(tag, BASE) for tag in service.tags_to_print()}
    assert labels["A1-水东"].valve == "1楼东侧管井"
    assert labels["A101"].valve is None


@pytest.mark.parametrize(
    "address",
    [
        f"https://{'a' * 64}.cn",
        f"https://{'.'.join(['a' * 60] * 5)}.cn",
        "https://a..cn",
        "ftp://a.cn",
        "https://a.cn/school",
    ],
)
def test_an_address_that_no_code_can_carry_is_a_problem_of_its_own(in_school: SchoolForTest, address: str):
    tag = service.tags_to_print()[0].id
    for ask in (
        lambda: service.printing(base_url=address),
        lambda: service.render_sheet(base_url=address),
        lambda: service.pack_symbols(file_type="png", base_url=address),
        lambda: service.symbol(tag_id=tag, file_type="svg", base_url=address),
    ):
        with pytest.raises(Problem, match="address_not_printable"):
            ask()
    assert not any(db.session.scalars(select(Tag.printed_at)))


def test_the_longest_host_name_there_can_be_is_printed_with_a_warning(in_school: SchoolForTest):
    address = f"https://{'.'.join(['a' * 62] * 4)}"[: 8 + 253]
    told = service.printing(base_url=address)
    assert told["characters"] > told["short_enough"]
    assert service.render_sheet(base_url=address, paper="small25").startswith(b"%PDF-")
