"""How a person's words find a place, and the figures on doors that show that somebody stood there.

A copy of a printed code cannot be told from the original. Two digits beside it that change every week can: who has only
the copy does not know them. A phone asks for them at one door of a round, and which one nobody knows before.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Collection
from datetime import date, timedelta


def search_words(search: str) -> list[str]:
    """Split what was typed into words that must all be found; full-width letters and digits count as plain ones."""
    return unicodedata.normalize("NFKC", search).split()[:5]


def week_of(night: date) -> date:
    """Return the Monday whose figures hang on the doors in a night: they are set on Monday by day."""
    return night - timedelta(days=night.isoweekday() - 1)


def figure(key: str, place: str, week: date) -> str:
    """Return a door's two digits in the week of this Monday; ``key`` is the school's, in hex."""
    drawn = hmac.digest(bytes.fromhex(key), f"figure\0{place}\0{week.isoformat()}".encode(), "sha256")
    return f"{int.from_bytes(drawn[:8]) % 100:02d}"


def choice_key(key: str) -> str:
    """Return what phones choose the door by that they ask at; the figures cannot be found from it."""
    return hmac.digest(bytes.fromhex(key), b"choice", "sha256").hex()[:32]


def asked_at(choice: str, *, device: str, night: date, route: str, places: Collection[str]) -> str | None:
    """Return the one of these places at which a phone asks for the figure on its round of a route in a night.

    Phones choose in the same way: the least SHA-256 of these, each after a NUL. None where no place has a figure.
    """

    def rank(place: str) -> str:
        text = "\0".join((choice, device, night.isoformat(), route, place))
        return hashlib.sha256(text.encode()).hexdigest()

    return min(places, key=rank, default=None)
