"""Who and what there is on the server when a seed begins."""

import base64
import io
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from PIL import Image

from campus_patrol import security
from campus_patrol.database import db
from campus_patrol.people import service as people
from campus_patrol.people.models import Enrolment
from campus_patrol.places.models import Building, Place
from campus_patrol.tags import service as tags

START = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)
SCHOOLS = 3
CODES = 60
PHOTOS = 24


def make_school(index: int) -> dict[str, Any]:
    """Make a school with guards, places, tags and more codes than phones can ask for; return what phones need."""
    school = people.create_school(name=f"模拟中学{index + 1}")
    guards = [people.add_person(name=f"保安{i}", role="guard", pin="246810")[0].id for i in range(2)]
    building = Building(name="明德楼", position=1)
    db.session.add(building)
    db.session.flush()
    places = [
        Place(
            building_id=building.id,
            floor=1,
            kind="room",
            number=f"A10{i}",
            name=f"高一{i}班",
            ac_count=1,
            light_count=8,
            created_at=START,
            updated_at=START,
        )
        for i in range(4)
    ]
    db.session.add_all(places)
    db.session.flush()
    made = tags.make_tags(places=places)
    for i in range(CODES):
        db.session.add(
            Enrolment(
                code_hash=security.token_hash(code(index, i)),
                created_by_id=guards[0],
                created_at=START,
                expires_at=START + timedelta(days=9),
            )
        )
    db.session.flush()
    return {
        "id": school.id,
        "people": guards,
        "places": [place.id for place in places],
        "tags": [tag.code for tag in made],
        "route": "00000000-0000-7000-8000-000000000000",
    }


def code(school: int, number: int) -> str:
    """Return an enrolment code of a school."""
    return f"CODE{school}AND{number}"


def pictures() -> list[str]:
    """Make photos, as base64 of JPEG."""
    chance = random.Random(1)
    made = []
    for _ in range(PHOTOS):
        out = io.BytesIO()
        Image.frombytes("RGB", (8, 8), chance.randbytes(192)).save(out, "JPEG")
        made.append(base64.b64encode(out.getvalue()).decode())
    return made
