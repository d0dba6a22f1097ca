"""What a run of kills ends with, the same for browsers and servers."""

from collections.abc import Callable
from dataclasses import dataclass, field

# Called after each kill with how many were done.
Progress = Callable[[int], None]


@dataclass
class Result:
    """Counts of one run; every list that is not empty is a broken promise."""

    what: str
    seed: int
    kills: int = 0
    # What was counted as kills, when it was something else that was done to the server so often.
    unit: str = "kills"
    # Records that somebody was told are kept: ticked on a phone, acknowledged by a server.
    told: int = 0
    photos: int = 0
    # Databases that a browser threw away, and how many records its spare copy brought back after that.
    databases: int = 0
    back: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    # Anything else that must not be: a broken chain, half a record, bytes that differ. One sentence each.
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.doubled or self.wrong)

    def __str__(self) -> str:
        lines = [
            f"{self.what}: {self.kills} {self.unit}, {self.told} records told as kept, {self.photos} photos: "
            f"{len(self.lost)} lost, {len(self.doubled)} doubled, {len(self.wrong)} wrong "
            f"in {self.seconds:.0f} s (seed {self.seed})"
        ]
        if self.databases:
            lines.append(
                f"  {self.databases} databases lost by the browser, {self.back} records brought back"
            )
        lines += [f"  lost: {one}" for one in self.lost[:20]]
        lines += [f"  doubled: {one}" for one in self.doubled[:20]]
        lines += [f"  wrong: {one}" for one in self.wrong[:20]]
        return "\n".join(lines)
