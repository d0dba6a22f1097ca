"""Make the school of the demo: real imports, real phones' records with a real chain, all of it invented."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random, SystemRandom
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import select, update

from campus_patrol import __version__, clock
from campus_patrol.database import db
from campus_patrol.demo import rules
from campus_patrol.demo.rules import CAST, Campus, Look, Spot
from campus_patrol.imports.service import import_workbook
from campus_patrol.patrols.models import Route, Stop
from campus_patrol.patrols.rules import is_planned, questions_for
from campus_patrol.people import service as people
from campus_patrol.photos import service as photos
from campus_patrol.places.models import Building, Place
from campus_patrol.problems import Problem
from campus_patrol.settings import Settings
from campus_patrol.sync import rules as chain
from campus_patrol.sync import service as sync
from campus_patrol.sync.batches import read_batch
from campus_patrol.tags.models import Tag

SCHOOL, ZONE = "明德实验学校", "Asia/Shanghai"
WORKBOOK = Path(__file__).parent / "campus.xlsx"
# A guard comes past a signal every so many rooms.
_BATCH = 60
# The longest round of the workbook is over by then; the night before counts as the last whole one from there on.
_OVER_BY = timedelta(hours=25, minutes=30)
_AHEAD = timedelta(minutes=47)


@dataclass(slots=True)
class _Phone:
    """A phone of the demo: it builds lines and keeps the chain as a real one does, and sends to the real service."""

    device: str
    person: str
    rng: Random
    stream: str
    head: int = 0
    hash: str = chain.GENESIS
    boot: str = ""
    booted_at: datetime = field(default=datetime.min.replace(tzinfo=UTC))
    waiting: list[bytes] = field(default_factory=list)
    ahead: timedelta = timedelta(0)

    def start(self, at: datetime) -> None:
        """Open the page anew: another boot, and the monotonic clock at nought."""
        self.boot, self.booted_at = f"{self.rng.getrandbits(64):016x}", at

    def write(self, kind: str, at: datetime, data: dict[str, Any], **more: Any) -> str:
        """Write a record and return its id; the phone's own clock may be ahead."""
        record_id = _uuid7(self.rng, at)
        line = {
            "v": 1,
            "kind": kind,
            "id": record_id,
            "person": self.person,
            "tag": more.get("tag"),
            "at": _text(at + self.ahead),
            "zone": 480,
            "elapsed": int((at - self.booted_at).total_seconds() * 1000),
            "boot": self.boot,
            "data": data,
            "photos": more.get("photos", []),
            "ref": None,
        }
        self.waiting.append(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode())
        return record_id

    def send(self, at: datetime) -> None:
        """Send everything that waits, at this instant by the server's clock."""
        first, previous = self.head + 1, self.hash
        for n, line in enumerate(self.waiting, first):
            self.hash = chain.chain_hash(self.stream, n, self.hash, line)
        self.head += len(self.waiting)
        header = {
            "v": 1,
            "request": f"{self.rng.getrandbits(64):016x}",
            "stream": self.stream,
            "from": first,
            "count": len(self.waiting),
            "next": self.head + 1,
            "prev": previous,
            "head": self.hash,
            "device_time": _text(at + self.ahead),
            "persisted": True,
            "quota": None,
            "app": __version__,
            "signature": None,
        }
        body = b"".join(line + b"\n" for line in (json.dumps(header).encode(), *self.waiting))
        self.waiting = []
        with clock.standing_at(at):
            (said,) = sync.receive(deliveries=[sync.Delivery(read_batch(body), self.device)])
        if isinstance(said, Problem) or said["ack"] != self.head or said["quarantined"]:
            raise RuntimeError(f"the demo's records were not taken as they are: {said}")
        db.session.flush()
        db.session.expunge_all()


def _uuid7(rng: Random, at: datetime) -> str:
    value = int(at.timestamp() * 1000) << 80 | 0x7 << 76 | rng.getrandbits(12) << 64
    digits = f"{value | 0x2 << 62 | rng.getrandbits(62):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class _Walk:
    """A route as it is walked."""

    id: str
    name: str
    start: time
    weekdays: tuple[int, ...]
    stops: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class _Tonight:
    """What is out of the ordinary on one round."""

    late: bool = False
    typed: bool = False
    ahead: bool = False
    cut_short: bool = False


def make_demo(
    *, nights: int = 14, seed: int = 20261122, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Make the demo's school with people, places, phones and so many nights of patrols, up to last night.

    Returns ``sign_ins``: role, name, account, password and PIN of everybody who can sign in. Draws the same school
    for the same seed; only codes, tokens and the dates differ. Commits once before the photos, which are stored one
    by one as a phone sends them.
    """
    rng = Random(seed)  # noqa: S311 - plausible, not secret: it is a demo and says so
    settings: Settings = current_app.extensions["settings"]
    last = (clock.now().astimezone(ZoneInfo(ZONE)) - _OVER_BY).date()
    dates = [last - timedelta(days=ago) for ago in reversed(range(nights))]
    with clock.standing_at(_instant(dates[0] - timedelta(days=3), time(9))):
        people.create_school(name=SCHOOL, zone=ZONE, is_demo=True)
        import_workbook(content=WORKBOOK.read_bytes(), filename=WORKBOOK.name, dry_run=False)
        sign_ins, phones = _people(rng)
        db.session.flush()
        # Fourteen nights were scanned: the tags hung on their doors before the first.
        db.session.execute(update(Tag).values(printed_at=clock.now()))
    walks, codes = _walks(), dict(db.session.execute(select(Tag.place_id, Tag.code)).all())
    shorts = dict(db.session.execute(select(Tag.place_id, Tag.short)).all())
    spots = {spot.id: spot for walk in walks for spot in walk.stops}
    campus = Campus.of(rng, list(spots.values()), nights)
    rounds = list(_rounds(dates, walks))
    taken: list[bytes] = []
    for done, (night, walk, tonight) in enumerate(rounds):
        if progress:
            progress(done, len(rounds))
        phone = _carrier(phones, walk, night)
        taken += _walk(phone, campus, walk, night, dates.index(night), tonight, codes, shorts)
    db.session.commit()
    for content in taken:
        photos.receive(sha256=hashlib.sha256(content).hexdigest(), content=content, folder=settings.photos)
        db.session.commit()
    if progress:
        progress(len(rounds), len(rounds))
    return {"sign_ins": sign_ins}


def _instant(day: date, at: time) -> datetime:
    return datetime.combine(day, at, ZoneInfo(ZONE)).astimezone(UTC)


def _people(rng: Random) -> tuple[list[dict[str, Any]], dict[str, list[_Phone]]]:
    """Add the cast; return how they sign in, and the phones of those who carry one, by role."""
    sign_ins: list[dict[str, Any]] = []
    phones: dict[str, list[_Phone]] = {}
    admin = None
    for someone in CAST:
        # Not from the seed: the demo may be open to the network, and a password that everybody has is none.
        chance = SystemRandom()
        secrets = {
            "password": f"demo-{someone.account}-{chance.randrange(10**6):06d}" if someone.account else None,
            "pin": f"{chance.randrange(10**6):06d}" if someone.role != "district" else None,
        }
        person, _ = people.add_person(
            name=someone.name, role=someone.role, account=someone.account, **secrets
        )
        admin = admin or person.id
        if secrets["pin"]:
            sign_ins.append(
                {"role": someone.role, "name": someone.name, "account": someone.account, **secrets}
            )
        if someone.phone:
            device, _ = people.add_device(name=someone.phone, public_key=None, app=__version__, by=admin)
            phone = _Phone(device.id, person.id, rng, f"{rng.getrandbits(128):032x}")
            phone.start(clock.now())
            phone.write("boot", clock.now(), {"reason": "enrolled", "app": __version__})
            phones.setdefault(someone.role, []).append(phone)
    return sign_ins, phones


def _walks() -> list[_Walk]:
    """Read the imported routes back, stops in the order they are walked."""
    spots: dict[str, list[Spot]] = {}
    for route_id, place, building in db.session.execute(
        select(Stop.route_id, Place, Building.name)
        .join(Place, Place.id == Stop.place_id)
        .join(Building, Building.id == Place.building_id)
        .order_by(Stop.route_id, Stop.position)
    ):
        asked = questions_for(
            kind=place.kind, ac_count=place.ac_count or 0, has_hot_water=bool(place.has_hot_water)
        )
        spots.setdefault(route_id, []).append(
            Spot(place.id, place.kind, place.type or "", building, place.floor, tuple(asked))
        )
    return [
        _Walk(
            route.id,
            route.name,
            time.fromisoformat(route.start),
            tuple(route.weekdays),
            tuple(spots.get(route.id, ())),
        )
        for route in db.session.scalars(select(Route).order_by(Route.start, Route.name))
    ]


def _rounds(dates: Sequence[date], walks: Sequence[_Walk]) -> Iterator[tuple[date, _Walk, _Tonight]]:
    """Yield every planned round in order, and what goes wrong on four of them."""
    planned = [(night, walk) for night in dates for walk in walks if is_planned(walk.weekdays, night)]
    large = [i for i, (_, walk) in enumerate(planned) if len(walk.stops) > _BATCH]
    small = [i for i, (_, walk) in enumerate(planned) if len(walk.stops) <= _BATCH] or large
    for i, (night, walk) in enumerate(planned):
        yield (
            night,
            walk,
            _Tonight(
                late=i in large[len(large) // 2 : len(large) // 2 + 1],
                typed=i in large[-1:],
                ahead=i in small[:1],
                cut_short=i in large[len(large) // 3 : len(large) // 3 + 1],
            ),
        )


def _carrier(phones: dict[str, list[_Phone]], walk: _Walk, night: date) -> _Phone:
    """Say whose turn it is: the plumber looks after the taps, the guards take turns, never two rounds at once."""
    if walk.stops and all(spot.kind == "tap" for spot in walk.stops):
        return phones["repairer"][0]
    guards = phones["guard"]
    return guards[(night.toordinal() + walk.start.hour) % len(guards)]


def _walk(
    phone: _Phone,
    campus: Campus,
    walk: _Walk,
    night: date,
    number: int,
    tonight: _Tonight,
    codes: dict[str, str],
    shorts: dict[str, str],
) -> list[bytes]:
    """Walk one round and send it; return the photos taken on it."""
    rng, taken = campus.rng, []
    at = _instant(night, walk.start) + timedelta(seconds=rng.randint(-240, 400))
    phone.ahead = _AHEAD if tonight.ahead else timedelta(0)
    phone.start(at - timedelta(seconds=90))
    phone.write("sign_in", at - timedelta(seconds=40), {"verified": True})
    round_id = phone.write("round_start", at, {"route": walk.id, "night": night.isoformat()})
    stops = walk.stops[: len(walk.stops) * 9 // 10] if tonight.cut_short else walk.stops
    typed = stops[len(stops) // 2] if tonight.typed and stops else None
    before: Spot | None = None
    reading = Random(round_id)  # noqa: S311 - plausible, not secret, and no draw of the others' is used up
    for position, spot in enumerate(stops):
        at += timedelta(seconds=_steps(rng, before, spot))
        if spot is not typed and rng.random() < 0.012:
            continue  # missed: a door in a dark corner
        look = campus.look(spot, night=number, weekday=night.isoweekday())
        photo = rules.photo(look.scene, rng=rng) if look.scene else None
        # The odd label is scratched or hangs in the glare, and takes its readers long.
        read_ms = reading.randint(1700, 4200) if position % 97 == 5 else reading.randint(120, 640)
        how = (shorts, None) if spot is typed else (codes, read_ms)
        _checkpoint(phone, at, walk, round_id, spot, look, photo, *how)
        if photo:
            taken.append(photo)
        before = spot
        if len(phone.waiting) >= _BATCH and not tonight.late:
            phone.send(at + timedelta(seconds=rng.randint(5, 90)))
    at += timedelta(seconds=60)
    phone.write(
        "round_end", at, {"round": round_id, "reason": "雨太大，余下点位未走" if tonight.cut_short else None}
    )
    phone.write("sign_out", at + timedelta(seconds=5), {})
    phone.send(
        _instant(night + timedelta(days=1), time(7, 42)) if tonight.late else at + timedelta(seconds=20)
    )
    return taken


def _steps(rng: Random, before: Spot | None, spot: Spot) -> float:
    """Return how many seconds it takes from one place to the next."""
    if before is None or before.building != spot.building:
        return rng.uniform(70, 150)
    if before.floor != spot.floor:
        return rng.uniform(30, 60)
    return rng.uniform(8, 25) if spot.kind != "tap" else rng.uniform(20, 60)


def _checkpoint(
    phone: _Phone,
    at: datetime,
    walk: _Walk,
    round_id: str,
    spot: Spot,
    look: Look,
    photo: bytes | None,
    tags: dict[str, str],
    read_ms: int | None,
) -> None:
    """Write one checkpoint; without a time to read, the number was typed because the code could not be read."""
    readings, named = dict(look.readings), []
    if photo and look.scene_of:
        sha256 = hashlib.sha256(photo).hexdigest()
        named = [{"sha256": sha256, "size": len(photo)}]
        readings[look.scene_of] = {**readings[look.scene_of], "photos": [sha256]}
    phone.write(
        "checkpoint",
        at,
        {
            "place": spot.id,
            "method": "typed" if read_ms is None else "camera",
            "route": walk.id,
            "round": round_id,
            "read_ms": read_ms,
            "took_ms": phone.rng.randint(1300, 3800) if look.is_normal else phone.rng.randint(6000, 21000),
            "readings": readings,
        },
        tag=tags[spot.id],
        photos=named,
    )
