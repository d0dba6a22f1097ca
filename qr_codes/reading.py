"""How well a symbol reads: the shares that were measured, and the error correction that follows from them.

The figures come from tests/bench/payload.py; README.md beside this file has the whole table.
"""

from dataclasses import dataclass

from qr_codes.papers import Paper
from qr_codes.symbol import QUIET_ZONE, Level, side

# HTTPS://HOST/CODE with a host name of ten letters: the most that 25 modules hold at level Q.
SHORT_ENOUGH = 29
# Shares read in the same 600 frames, by paper and modules of a side, at level Q; M reads the same at equal modules.
_MEASURED = {
    "small25": {25: 0.32, 29: 0.28, 33: 0.24, 37: 0.19, 41: 0.14, 45: 0.14},
    "roll40": {25: 0.55, 29: 0.50, 33: 0.46, 37: 0.41, 41: 0.36, 45: 0.35},
    "a4": {25: 0.59, 29: 0.55, 33: 0.51, 37: 0.48, 41: 0.43, 45: 0.42},
    "roll50": {25: 0.62, 29: 0.59, 33: 0.56, 37: 0.52, 41: 0.48, 45: 0.46},
    "roll60": {25: 0.68, 29: 0.64, 33: 0.61, 37: 0.58, 41: 0.55, 45: 0.54},
    "a5": {25: 0.72, 29: 0.72, 33: 0.69, 37: 0.68, 41: 0.64, 45: 0.63},
}
_LEAST, _MOST = 25, 45
# Modules of this many millimetres and more.
_LARGE = 0.9


def module_size(text: str, box: float, level: Level) -> float:
    """Return how many millimetres a module has when a text's symbol and its quiet zone fill a box of this many."""
    return box / (side(text, level=level) + 2 * QUIET_ZONE)


def level_for(text: str, box: float) -> Level:
    """Choose the level of error correction for a text that is printed in a box of this many millimetres.

    Q, which a torn or dirty tag outlives; M only where it makes the modules of a small print larger: below _LARGE
    that gains more than the better correction does.
    """
    best = module_size(text, box, "Q")
    return "Q" if best >= _LARGE or module_size(text, box, "M") == best else "M"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a text's symbol will be on a paper; ``symbol`` and ``module`` in millimetres, shares from 0 to 1."""

    level: Level
    symbol: float
    module: float
    read: float
    # The share for a text that is short enough, on the same paper in the same frames.
    read_short: float


def forecast(text: str, paper: Paper) -> Forecast:
    """Tell how large a text's symbol comes out on a paper, and which share of the measured frames was read."""
    level = level_for(text, paper.box)
    modules = side(text, level=level)
    module = module_size(text, paper.box, level)
    shares = _MEASURED[paper.key]
    # Beyond the longest that was measured, the last figure stands: it is more than can be expected.
    read = shares.get(modules, shares[_MOST] if modules > _MOST else shares[_LEAST])
    return Forecast(level, modules * module, module, read, shares[_LEAST])
