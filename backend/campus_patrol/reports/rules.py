"""Pure decisions of reports: which tags are read so badly that they should be printed again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

# The last readings of a tag say how it is now; older ones, how it was when it was clean.
READINGS, WINDOW = 10, timedelta(days=60)
# With fewer, one guard in gloves is the whole story.
FEWEST = 3
# A code fills the guide square at about a metre and a half from the door. Who walks on meanwhile is there after some
# 1.5 s: a tag that takes half of its readers longer makes them stop and wait.
SLOW_MS = 1500
# Typing and taking a photo are what is left when the camera does not read. Now and then anybody does it; three times
# in ten it is the tag.
BY_HAND = 0.3

METHODS = ("camera", "typed", "photo")


@dataclass(frozen=True, slots=True)
class Wear:
    """How a tag was read lately: readings that count, their median in ms where known, and how many went by hand."""

    readings: int
    median_ms: int | None
    by_hand: int

    @property
    def badness(self) -> float:
        """How far beyond the worse of the two limits it is; from 1 on it should be printed again."""
        if self.readings < FEWEST:
            return 0.0
        return max((self.median_ms or 0) / SLOW_MS, self.by_hand / self.readings / BY_HAND)


def wear(readings: Iterable[tuple[str, int | None]]) -> Wear:
    """Sum up readings of one tag, each the method and, where the phone said so, the milliseconds it took.

    A phone's own camera app and lists say nothing about the tag and are left out.
    """
    counted = [(method, ms) for method, ms in readings if method in METHODS]
    times = [ms for method, ms in counted if method == "camera" and ms is not None]
    return Wear(
        readings=len(counted),
        # Of one or two times no middle can be told.
        median_ms=round(median(times)) if len(times) >= FEWEST else None,
        by_hand=sum(method != "camera" for method, _ in counted),
    )
