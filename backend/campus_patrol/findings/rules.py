"""Pure decisions about findings: what a reading becomes, and how findings are numbered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from campus_patrol.patrols.rules import QUESTIONS, abnormal

KINDS = ("ac", "light", "leak", "hazard")
STATUSES = ("open", "closed")


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong at a place, as somebody reported it."""

    question: str
    kind: str
    category: str | None
    grade: str
    handled: bool
    description: str
    photos: tuple[str, ...]

    @property
    def status(self) -> str:
        """Closed when it was put right on the spot: nothing is left for anybody to do."""
        return "closed" if self.handled else "open"


def wrong_in(readings: Mapping[str, Mapping[str, Any]], *, language: str) -> list[Wrong]:
    """Return one finding for each answer that is not normal; without a note the question says what is the matter."""
    return [_wrong(key, readings[key], language) for key in abnormal(readings)]


def _wrong(key: str, reading: Mapping[str, Any], language: str) -> Wrong:
    question = QUESTIONS[key]
    return Wrong(
        question=key,
        kind=question.kind,
        category=reading.get("category") or question.category,
        grade=reading.get("grade") or "general",
        handled=bool(reading.get("handled")),
        description=reading.get("note") or (question.wrong_en if language == "en" else question.wrong_zh),
        photos=tuple(reading.get("photos") or ()),
    )


def number(year: int, count: int) -> str:
    """Write a finding's number: the year it was found in and how many there had been by then, 2026-0001."""
    return f"{year}-{count:04d}"
