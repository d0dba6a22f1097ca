"""Pure decisions about patrols: what is asked at a place, what is abnormal, and what deserves a look."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

# A phone's clock may be a few minutes off without anybody meaning anything by it.
SKEW_LIMIT = timedelta(minutes=5)
# Two records of one boot carry the monotonic clock too, which does not jump: less already says something.
JUMP_LIMIT = timedelta(minutes=2)
FIRST_YEAR = 1980
_ZERO, _MILLISECOND = timedelta(0), timedelta(milliseconds=1)
# A year in milliseconds; what claims to have run for longer is not a phone.
MAX_ELAPSED = 366 * 86_400_000

METHODS = ("camera", "typed", "photo", "url", "list", "nfc")
GRADES = ("general", "major")
CATEGORIES = (
    "fire",
    "electricity",
    "water",
    "building",
    "food",
    "lab_chemicals",
    "classroom_chemicals",
    "school_bus",
    "surroundings",
    "crowding",
    "special_equipment",
    "other",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer a guard can give to a question, with its words."""

    value: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked at in a place; any answer but the normal one becomes a finding of this kind.

    wrong_zh and wrong_en say what is the matter when the guard wrote nothing himself.
    """

    key: str
    kind: str
    zh: str
    en: str
    normal: str
    values: tuple[Answer, Answer]
    wrong_zh: str
    wrong_en: str
    category: str | None = None


_OFF_ON = (Answer("off", "已关", "Off"), Answer("on", "未关", "Left on"))

QUESTIONS: dict[str, Question] = {
    question.key: question
    for question in (
        Question("ac", "ac", "空调", "AC", "off", _OFF_ON, "空调未关", "AC left on"),
        Question("lights", "light", "电灯", "Lights", "off", _OFF_ON, "电灯未关", "Lights left on"),
        Question(
            "doors_windows",
            "hazard",
            "门窗",
            "Doors and windows",
            "closed",
            (Answer("closed", "已关好", "Closed"), Answer("open", "未关", "Left open")),
            "门窗未关",
            "Doors or windows left open",
        ),
        Question(
            "dripping",
            "leak",
            "滴漏",
            "Dripping",
            "no",
            (Answer("no", "无滴漏", "None"), Answer("yes", "有滴漏", "Dripping")),
            "水龙头滴漏",
            "Tap dripping",
        ),
        Question(
            "running",
            "leak",
            "长流水",
            "Running",
            "no",
            (Answer("no", "已关紧", "Closed"), Answer("yes", "有长流水", "Left running")),
            "长流水",
            "Water left running",
        ),
        Question(
            "hot_water",
            "hazard",
            "热水",
            "Hot water",
            "ok",
            (Answer("ok", "正常", "Works"), Answer("fault", "异常", "Out of order")),
            "热水异常",
            "Hot water out of order",
            "water",
        ),
        Question(
            "hazard",
            "hazard",
            "安全隐患",
            "Hazard",
            "none",
            (Answer("none", "无", "None"), Answer("found", "有隐患", "Found")),
            "安全隐患",
            "Hazard",
        ),
    )
}


_ORDER = {key: position for position, key in enumerate(QUESTIONS)}
_NORMAL = {key: question.normal for key, question in QUESTIONS.items()}


def questions_for(*, kind: str, ac_count: int, has_hot_water: bool) -> list[str]:
    """Return the keys of what is asked at a place of this kind with this equipment, in the order of the checklist."""
    if kind == "tap":
        return ["dripping", "running", *(["hot_water"] if has_hot_water else []), "hazard"]
    return [*(["ac"] if ac_count else []), "lights", "doors_windows", "hazard"]


def abnormal(readings: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the keys of the answers that are not the normal one, in catalogue order.

    An answer to a question this server does not know (a newer phone's) is kept in the reading and judged by nobody.
    """
    wrong = [key for key, reading in readings.items() if key in _NORMAL and reading["value"] != _NORMAL[key]]
    return sorted(wrong, key=_ORDER.__getitem__) if len(wrong) > 1 else wrong


def kinds_of(keys: Iterable[str]) -> set[str]:
    """Return the finding kinds (ac, light, leak, hazard) that these questions belong to."""
    return {QUESTIONS[key].kind for key in keys}


def is_planned(weekdays: Iterable[int], night: date) -> bool:
    """Say whether a route is walked on a night; weekdays count from Monday = 1, the night's is that of its evening."""
    return night.isoweekday() in weekdays


# Structs rather than dataclasses, here and below: a batch makes thousands, and these cost a third.
class ProjectedRecord(msgspec.Struct, frozen=True, gc=False):
    """One good record on its way into the tables: the line's fields, and what the server knows beside them.

    data was checked against the schema of its kind. photos are hashes. skew is how far the phone's clock was ahead of
    the server's when the batch was sent; elapsed counts milliseconds since boot.
    """

    id: str
    kind: str
    person: str | None
    tag: str | None
    at: datetime
    zone: int | None
    elapsed: int | None
    boot: str | None
    data: Mapping[str, Any]
    photos: Sequence[str]
    ref: str | None
    device_id: str
    stream: str
    n: int
    received_at: datetime
    skew: timedelta

    @property
    def corrected_at(self) -> datetime:
        """When it was made, by the server's clock: phone time less the skew seen when the batch was sent.

        Nothing can have been made after it arrived, so a later time (the clock was put right in between) is cut
        there; a time that no phone of this century can mean says nothing at all.
        """
        try:
            made = self.at - self.skew
        except OverflowError:
            return self.received_at
        return made if made.year >= FIRST_YEAR and made < self.received_at else self.received_at

    @property
    def ahead(self) -> timedelta:
        """How far the record's time lies where no honest clock goes: after its own receipt, skew taken away.

        Negative: before there were such phones, which is what a clock says that lost its battery.
        """
        if self.at.year < FIRST_YEAR:
            return self.at - self.received_at
        ahead = self.at - self.received_at - self.skew
        return ahead if ahead > _ZERO else _ZERO

    @property
    def tick(self) -> "Tick | None":
        """What it says about the phone's two clocks, when that can be used."""
        boot, elapsed = self.boot, self.elapsed
        if boot is None or elapsed is None or not 0 <= elapsed < MAX_ELAPSED:
            return None
        return Tick(boot, self.at, elapsed)


class Tick(msgspec.Struct, frozen=True, gc=False):
    """What one record says about its phone's two clocks: the wall clock, and milliseconds since that boot."""

    boot: str
    at: datetime
    elapsed: int


def clock_jump(before: Tick | None, now: Tick | None) -> timedelta:
    """Return how far the wall clock was put back between two records of one boot, as a length of zero or more.

    Only backwards: the monotonic clock of a browser stands still while the phone sleeps in a pocket, so wall time
    that runs ahead of it is what a walk between two buildings looks like. Somebody who puts the clock forward must
    put it back again, or is caught by the skew.
    """
    if before is None or now is None or before.boot != now.boot or now.elapsed < before.elapsed:
        return _ZERO
    jump = (now.elapsed - before.elapsed) * _MILLISECOND - (now.at - before.at)
    return jump if jump > _ZERO else _ZERO


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """Everything that is known about how a checkpoint came to be, gathered before it is judged.

    tag is what was read, as it was read; tag_state is none, live, blank, revoked, other_school or unknown.
    person_state is active, off or unknown. The two places are ids: the one the phone named and the one the tag is
    on.
    """

    method: str
    tag: str | None
    tag_state: str
    person_state: str
    person: str | None = None
    person_name: str | None = None
    pin_verified: bool = True
    place_said: str | None = None
    place_of_tag: str | None = None
    place_said_name: str | None = None
    skew: timedelta = timedelta(0)
    ahead: timedelta = timedelta(0)
    jump: timedelta = timedelta(0)
    # Of the figure on the door: wrong or missing; None when it was right or nobody asked. And what was said.
    figure_fault: str | None = None
    figure_said: str | None = None


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One reason to look twice at a checkpoint: its kind and the values its sentence needs."""

    kind: str
    params: dict[str, Any] = field(default_factory=dict)


def doubts(seen: Sighting) -> list[Suspicion]:
    """Judge a checkpoint; return every reason to look twice, none of which is ever a reason to refuse it.

    Kinds and params: tag_unknown, tag_blank, tag_revoked, tag_other_school, typed_code {tag}; no_tag {};
    place_mismatch {said} (the name of the place the phone named); figure_wrong {said}, figure_missing {};
    person_unknown {}; person_off {name};
    pin_unverified {}; clock_moved {seconds, against}: against `server` the phone was that much ahead (negative:
    behind), against `elapsed` it was put back by that much.
    """
    found: list[Suspicion] = []
    if seen.tag_state == "none":
        found.append(Suspicion("no_tag"))
    elif seen.tag_state != "live":
        found.append(Suspicion(f"tag_{seen.tag_state}", {"tag": seen.tag}))
    if seen.method == "typed" and seen.tag_state != "none":
        found.append(Suspicion("typed_code", {"tag": seen.tag}))
    if seen.place_said and seen.place_of_tag and seen.place_said != seen.place_of_tag:
        found.append(Suspicion("place_mismatch", {"said": seen.place_said_name}))
    if seen.figure_fault == "wrong":
        found.append(Suspicion("figure_wrong", {"said": seen.figure_said}))
    elif seen.figure_fault == "missing":
        found.append(Suspicion("figure_missing"))
    if seen.person_state == "unknown":
        found.append(Suspicion("person_unknown"))
    elif seen.person_state == "off":
        found.append(Suspicion("person_off", {"name": seen.person_name}))
    if not seen.pin_verified and seen.person_state != "unknown":
        found.append(Suspicion("pin_unverified"))
    if abs(seen.skew) > SKEW_LIMIT:
        found.append(
            Suspicion("clock_moved", {"seconds": round(seen.skew.total_seconds()), "against": "server"})
        )
    elif seen.jump > JUMP_LIMIT:
        found.append(
            Suspicion("clock_moved", {"seconds": round(seen.jump.total_seconds()), "against": "elapsed"})
        )
    elif abs(seen.ahead) > SKEW_LIMIT:
        found.append(
            Suspicion("clock_moved", {"seconds": round(seen.ahead.total_seconds()), "against": "server"})
        )
    return found
