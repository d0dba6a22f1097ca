"""What is asked, what is abnormal, and which checkpoints deserve a second look."""

from datetime import UTC, date, datetime, timedelta

import pytest

from campus_patrol.patrols import rules
from campus_patrol.patrols.rules import Sighting, Tick

AT = datetime(2026, 11, 22, 15, 31, tzinfo=UTC)


def kinds(**facts) -> list[str]:
    plain = {"method": "camera", "tag": "0123456789", "tag_state": "live", "person_state": "active"}
    return [doubt.kind for doubt in rules.doubts(Sighting(**(plain | facts)))]


@pytest.mark.parametrize(
    ("place", "asked"),
    [
        (
            {"kind": "room", "ac_count": 2, "has_hot_water": False},
            ["ac", "lights", "doors_windows", "hazard"],
        ),
        ({"kind": "room", "ac_count": 0, "has_hot_water": False}, ["lights", "doors_windows", "hazard"]),
        (
            {"kind": "tap", "ac_count": 0, "has_hot_water": True},
            ["dripping", "running", "hot_water", "hazard"],
        ),
        ({"kind": "tap", "ac_count": 0, "has_hot_water": False}, ["dripping", "running", "hazard"]),
        (
            {"kind": "facility", "ac_count": 1, "has_hot_water": False},
            ["ac", "lights", "doors_windows", "hazard"],
        ),
    ],
)
def test_a_place_is_asked_only_about_what_it_has(place, asked):
    assert rules.questions_for(**place) == asked


def test_every_question_has_its_normal_answer_among_two_and_words_in_both_languages():
    for key, question in rules.QUESTIONS.items():
        assert key == question.key
        assert question.normal == question.values[0].value
        assert len({answer.value for answer in question.values}) == 2
        assert all(
            (question.zh, question.en, *(a.zh for a in question.values), *(a.en for a in question.values))
        )
        assert question.kind in ("ac", "light", "leak", "hazard")
        assert question.category is None or question.category in rules.CATEGORIES


def test_abnormal_names_only_answers_that_are_not_normal():
    readings = {"hazard": {"value": "found"}, "ac": {"value": "off"}, "lights": {"value": "on"}}
    assert rules.abnormal(readings) == ["lights", "hazard"]
    assert rules.abnormal({}) == []


def test_an_answer_to_a_question_of_a_newer_phone_is_judged_by_nobody():
    assert rules.abnormal({"noise": {"value": "loud"}, "ac": {"value": "on"}}) == ["ac"]


def test_a_route_is_planned_by_the_weekday_of_its_evening():
    sunday = date(2026, 11, 22)
    assert rules.is_planned([7, 1, 2, 3, 4], sunday)
    assert not rules.is_planned([1, 2, 3, 4, 5], sunday)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, []),
        ({"tag_state": "unknown"}, ["tag_unknown"]),
        ({"tag_state": "blank"}, ["tag_blank"]),
        ({"tag_state": "revoked"}, ["tag_revoked"]),
        ({"tag_state": "other_school"}, ["tag_other_school"]),
        ({"method": "typed"}, ["typed_code"]),
        ({"method": "typed", "tag_state": "unknown"}, ["tag_unknown", "typed_code"]),
        ({"method": "list", "tag": None, "tag_state": "none"}, ["no_tag"]),
        ({"place_said": "a", "place_of_tag": "a"}, []),
        ({"place_said": "a", "place_of_tag": "b"}, ["place_mismatch"]),
        ({"place_said": None, "place_of_tag": "b"}, []),
        ({"person_state": "unknown"}, ["person_unknown"]),
        ({"person_state": "off"}, ["person_off"]),
        ({"pin_verified": False}, ["pin_unverified"]),
        ({"pin_verified": False, "person_state": "unknown"}, ["person_unknown"]),
        ({"skew": timedelta(minutes=5)}, []),
        ({"skew": timedelta(minutes=5, seconds=1)}, ["clock_moved"]),
        ({"skew": -timedelta(minutes=6)}, ["clock_moved"]),
        ({"jump": timedelta(minutes=2)}, []),
        ({"jump": timedelta(minutes=2, seconds=1)}, ["clock_moved"]),
        ({"ahead": timedelta(minutes=6)}, ["clock_moved"]),
        ({"jump": timedelta(hours=1), "skew": timedelta(hours=1)}, ["clock_moved"]),
    ],
)
def test_each_reason_to_look_twice_is_named_once(facts, expected):
    assert kinds(**facts) == expected


def test_a_clock_put_back_within_one_boot_shows_by_how_much():
    before = Tick("boot", AT, 60_000)
    assert rules.clock_jump(before, Tick("boot", AT - timedelta(minutes=59), 120_000)) == timedelta(hours=1)


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(Tick("boot", AT + timedelta(seconds=61), 120_000), id="both clocks agree"),
        pytest.param(Tick("boot", AT + timedelta(minutes=30), 61_000), id="the phone slept in a pocket"),
        pytest.param(Tick("another", AT - timedelta(hours=3), 5_000), id="another boot"),
    ],
)
def test_no_jump_is_seen_when_nothing_was_put_back(now):
    assert rules.clock_jump(Tick("boot", AT, 60_000), now) == timedelta(0)


def made(at: datetime, *, skew: timedelta, received_at: datetime) -> rules.ProjectedRecord:
    return rules.ProjectedRecord(
        id="",
        kind="checkpoint",
        person=None,
        tag=None,
        at=at,
        zone=480,
        elapsed=0,
        boot="boot",
        data={},
        photos=[],
        ref=None,
        device_id="",
        stream="",
        n=1,
        received_at=received_at,
        skew=skew,
    )


@pytest.mark.parametrize(
    ("at", "skew", "expected"),
    [
        pytest.param(AT, timedelta(0), AT, id="a right clock"),
        pytest.param(AT, timedelta(minutes=10), AT - timedelta(minutes=10), id="a clock ahead"),
        pytest.param(AT, -timedelta(minutes=10), AT + timedelta(minutes=10), id="a clock behind"),
        pytest.param(AT + timedelta(hours=3), timedelta(0), AT + timedelta(hours=1), id="after its receipt"),
        pytest.param(
            datetime.min.replace(tzinfo=UTC), timedelta(1), AT + timedelta(hours=1), id="before time"
        ),
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), timedelta(0), AT + timedelta(hours=1), id="no clock"),
    ],
)
def test_a_record_was_made_at_phone_time_less_skew_and_never_after_it_arrived(at, skew, expected):
    assert made(at, skew=skew, received_at=AT + timedelta(hours=1)).corrected_at == expected
