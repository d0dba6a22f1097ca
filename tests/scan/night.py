"""Camera frames as a phone makes them at night: our own tags, made hard to read in ten ways, the same for a seed.

A burst is what a camera sees within a fraction of a second: one tag and one fault, but each frame with its own tremble
of the hand, its own noise and its own blur, as in life. Frames are arrays of 720 rows and 1280 columns of luma.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, radians, sin

import numpy as np
from numpy.random import Generator, default_rng
from PIL import Image, ImageDraw, ImageFilter

from qr_codes.payload import ALPHABET, check_code, tag_url
from qr_codes.symbol import QUIET_ZONE, matrix

WIDTH, HEIGHT = 1280, 720
FRAMES = 4
ADDRESS = "https://p.example.cn"

Picture = np.ndarray  # rows by columns of float32 luma, 0 to 255
Shape = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]

_MODULE = 12  # pixels a module of the tag that is then photographed


@dataclass
class _Take:
    """What one frame is made with; a fault turns these screws."""

    side: float = 300.0  # of the symbol with its quiet zone, pixels
    tilt: float = 0.0  # degrees around the upright axis
    lean: float = 0.0  # degrees around the level axis
    turn: float = 0.0  # degrees in the picture's plane
    curl: float = 0.0  # how much of half a cylinder the label is bent around
    light: float = 190.0  # luma of white paper
    noise: float = 3.0  # standard deviation at white
    defocus: float = 0.7  # standard deviation, pixels
    motion: float = 0.0  # length of the smear, pixels
    direction: float = 0.0  # of the smear, radians
    over: Callable[[Picture], Picture] | None = None  # light and shade that fall on the scene


@dataclass(frozen=True, slots=True)
class Burst:
    """Frames of one tag, and the text a reader must find in them."""

    fault: str
    level: float
    text: str
    frames: list[np.ndarray]


def burst(fault: str, level: float, seed: int, *, frames: int = FRAMES) -> Burst:
    """Make a burst with a fault (one of FAULTS) at a level from 0, easy, to 1, hopeless."""
    rng = default_rng([seed, list(FAULTS).index(fault)])
    text = tag_url(ADDRESS, _code(rng))
    label = _label(text)
    wall = _wall(rng)
    base = _Take(
        side=rng.uniform(210, 330),
        turn=rng.uniform(-14, 14),
        tilt=rng.uniform(-14, 14),
        lean=rng.uniform(-10, 10),
    )
    fail = FAULTS[fault](base, level, rng)
    label, each = fail.label(label), fail.each
    x, y, nearer = rng.uniform(-30, 30), rng.uniform(-25, 25), rng.uniform(1.0, 1.04)
    taken = []
    for number in range(frames):
        take = _Take(**vars(base))
        # The guard is still walking towards the door.
        take.side *= nearer**number
        take.turn += rng.normal(0, 0.6)
        take.tilt += rng.normal(0, 1.0)
        take.light *= rng.uniform(0.9, 1.1)
        each(take)
        x, y = x + rng.normal(0, 4), y + rng.normal(0, 4)
        taken.append(_photograph(label, wall, take, x, y, rng))
    return Burst(fault, level, text, taken)


def bursts(count: int, seed: int, *, faults: list[str] | None = None) -> "list[tuple[str, float, int]]":
    """Say what to make: the faults in turn, their levels spread evenly over all there are."""
    names = faults or list(FAULTS)
    each = max(1, count // len(names))
    return [(name, (i + 0.5) / each, seed + i) for i in range(each) for name in names]


def _code(rng: Generator) -> str:
    while True:
        body = "".join(rng.choice(list(ALPHABET), 9))
        for last in ALPHABET:
            if check_code(body + last):
                return body + last


def _label(text: str) -> Image.Image:
    """Draw a tag as it is printed: the symbol on white, the rim around it, bars where the words are."""
    modules = matrix(text)
    side = len(modules) + 2 * QUIET_ZONE
    symbol = Image.fromarray(np.where(np.pad(np.array(modules), QUIET_ZONE), 22, 240).astype(np.uint8))
    symbol = symbol.resize((side * _MODULE, side * _MODULE), Image.Resampling.NEAREST)
    margin = 2 * _MODULE
    label = Image.new("L", (symbol.width + 2 * margin, int(symbol.height * 1.45) + 2 * margin), 240)
    label.paste(symbol, (margin, margin))
    draw = ImageDraw.Draw(label)
    draw.rectangle((4, 4, label.width - 5, label.height - 5), outline=30, width=4)
    for row, (share, thick) in enumerate(((0.5, 34), (0.75, 26), (0.6, 16))):
        middle, y = label.width / 2, symbol.height + margin + 24 + row * 54
        reach = share * label.width / 2
        for x in np.arange(middle - reach, middle + reach, thick * 1.1):
            draw.rectangle((x, y, x + thick * 0.62, y + thick), fill=40)
    return label


def _wall(rng: Generator) -> Picture:
    """Draw a corridor wall with a door frame beside the tag."""
    rough = rng.normal(0, 5, (HEIGHT // 8, WIDTH // 8)).astype(np.float32)
    wall = np.asarray(Image.fromarray(rough).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)).copy()
    wall += rng.uniform(70, 130)
    edge = int(rng.uniform(60, 260))
    wall[:, :edge] -= 45
    wall[:, edge : edge + 14] -= 25
    wall[int(rng.uniform(600, 700)) :, :] -= 30
    return wall


def _photograph(
    label: Image.Image, wall: Picture, take: _Take, x: float, y: float, rng: Generator
) -> np.ndarray:
    label = _curled(label, take.curl)
    scale = take.side / (label.width - 4 * _MODULE)
    # What is smaller than its drawing is drawn smaller first: a camera's pixel sees all that falls on it.
    shrink = max(1, int(0.6 / max(scale, 0.02)))
    small = label.reduce(shrink) if shrink > 1 else label
    corners = _corners(label, take, scale, WIDTH / 2 + x, HEIGHT / 2 + y)
    source = ((0, 0), (small.width, 0), (small.width, small.height), (0, small.height))
    coefficients = _projection(corners, source)
    size = (WIDTH, HEIGHT)
    paper = small.transform(size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC)
    mask = Image.new("L", small.size, 255).transform(
        size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR
    )
    share = np.asarray(mask, np.float32) / 255
    scene = wall * (1 - share) + np.asarray(paper, np.float32) * share
    if take.over:
        scene = take.over(scene)
    scene = _blurred(scene, take.defocus)
    if take.motion >= 1:
        scene = _smeared(scene, take.motion, take.direction)
    # Shot noise grows with the root of the light, and the phone turns its gain up to about the same picture.
    exposed = np.clip(scene, 0, 255) * (take.light / 240)
    grain = rng.standard_normal(scene.shape, np.float32)
    exposed += grain * take.noise * np.sqrt(0.25 + exposed / 255)
    return np.clip(exposed, 0, 255).astype(np.uint8)


def _curled(label: Image.Image, curl: float) -> Image.Image:
    """Bend a label around an upright pipe, seen from the front."""
    if curl <= 0:
        return label
    reach = curl * pi / 2
    width = int(label.width * sin(reach) / reach)
    seen = np.arcsin((np.arange(width) - width / 2 + 0.5) / (width / 2) * sin(reach)) / reach
    columns = np.clip(((seen + 1) / 2 * label.width).astype(int), 0, label.width - 1)
    bent = np.asarray(label, np.float32)[:, columns] * np.cos(seen * reach * 0.85)
    padded = np.full((label.height, label.width), 110, np.float32)
    left = (label.width - width) // 2
    padded[:, left : left + width] = bent
    return Image.fromarray(padded.astype(np.uint8))


def _corners(label: Image.Image, take: _Take, scale: float, x: float, y: float) -> Shape:
    """Project the label's corners; the camera is as far away as a phone that sees the tag at its size."""
    distance = 900.0
    turn, tilt, lean = radians(take.turn), radians(take.tilt), radians(take.lean)
    found = []
    # The middle of the symbol, not of the label, is what a guard aims at.
    middle = 2 * _MODULE + (label.width - 4 * _MODULE) / 2
    for cx, cy in ((0, 0), (label.width, 0), (label.width, label.height), (0, label.height)):
        px, py = (cx - label.width / 2) * scale, (cy - middle) * scale
        px, py = px * cos(turn) - py * sin(turn), px * sin(turn) + py * cos(turn)
        px, depth = px * cos(tilt), px * sin(tilt)
        py, depth = py * cos(lean), depth + py * sin(lean)
        nearer = distance / (distance + depth)
        found.append((x + px * nearer, y + py * nearer))
    return tuple(found)  # type: ignore[return-value]


def _projection(shown: Shape, source: Shape) -> tuple[float, ...]:
    """Solve for the eight coefficients that take a point of the picture back to the drawing."""
    rows, values = [], []
    for (x, y), (u, v) in zip(shown, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return tuple(np.linalg.solve(np.array(rows), np.array(values)))


def _blurred(scene: Picture, spread: float) -> Picture:
    if spread <= 0:
        return scene
    image = Image.fromarray(np.clip(scene, 0, 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(spread)), np.float32)


def _smeared(scene: Picture, length: float, direction: float) -> Picture:
    steps = max(2, round(length))
    total = np.zeros_like(scene)
    for step in np.linspace(-0.5, 0.5, steps):
        dx, dy = round(step * length * cos(direction)), round(step * length * sin(direction))
        total += np.roll(scene, (dy, dx), (0, 1))
    return total / steps


@dataclass
class _Fault:
    """What a fault does to the label once, and to every frame."""

    each: Callable[[_Take], None] = lambda take: None
    label: Callable[[Image.Image], Image.Image] = lambda label: label


def _low_light(base: _Take, level: float, rng: Generator) -> _Fault:
    base.light = 125 - 75 * level
    base.noise = 20 + 42 * level
    return _Fault()


def _motion(base: _Take, level: float, rng: Generator) -> _Fault:
    longest, across = 5 + 26 * level, rng.uniform(0, pi)

    def each(take: _Take) -> None:
        # A hand swings: fast in the middle of its way, slow where it turns.
        take.motion = longest * abs(sin(rng.uniform(0, pi)))
        take.direction = across + rng.normal(0, 0.3)

    base.light, base.noise = 130, 8
    return _Fault(each)


def _defocus(base: _Take, level: float, rng: Generator) -> _Fault:
    widest = 1.8 + 4.2 * level

    def each(take: _Take) -> None:
        take.defocus = widest * rng.uniform(0.45, 1.1)

    return _Fault(each)


def _tilt(base: _Take, level: float, rng: Generator) -> _Fault:
    base.tilt = (44 + 36 * level) * rng.choice([-1, 1])
    base.light, base.noise = 150, 6
    return _Fault()


def _glare(base: _Take, level: float, rng: Generator) -> _Fault:
    wide = (0.05 + 0.17 * level) * base.side
    x, y = rng.normal(0, 0.25, 2) * base.side

    def each(take: _Take) -> None:
        at = WIDTH / 2 + x + rng.normal(0, 0.1) * base.side, HEIGHT / 2 + y + rng.normal(0, 0.1) * base.side
        take.over = lambda scene: scene + _spot(at, wide) * 420

    return _Fault(each)


def _dirt(base: _Take, level: float, rng: Generator) -> _Fault:
    def label(clean: Image.Image) -> Image.Image:
        dirty = clean.copy()
        draw = ImageDraw.Draw(dirty)
        for _ in range(round(1 + 12 * level)):
            x, y = rng.uniform(0, clean.width), rng.uniform(0, clean.width)
            size = rng.uniform(5, 18)
            draw.ellipse((x - size, y - size, x + size, y + size), fill=int(rng.uniform(60, 200)))
        for _ in range(round(1 + 6 * level)):
            x, y = rng.uniform(0, clean.width, 2)
            end = x + rng.normal(0, 110), y + rng.normal(0, 110)
            draw.line((x, y, *end), fill=int(rng.choice([70, 225])), width=int(rng.uniform(3, 8)))
        return dirty.filter(ImageFilter.GaussianBlur(2))

    base.light, base.noise = 150, 8
    return _Fault(label=label)


def _small(base: _Take, level: float, rng: Generator) -> _Fault:
    base.side = 92 - 56 * level
    base.light, base.noise = 150, 6
    return _Fault()


def _curled_label(base: _Take, level: float, rng: Generator) -> _Fault:
    base.curl = 0.45 + 0.5 * level
    base.tilt = rng.uniform(-22, 22)
    return _Fault()


def _shadow(base: _Take, level: float, rng: Generator) -> _Fault:
    deep, soft = 0.45 - 0.38 * level, rng.uniform(4, 40)
    slope, across = rng.uniform(0, 2 * pi), rng.normal(0, 0.15) * base.side

    def each(take: _Take) -> None:
        shift = across + rng.normal(0, 5)

        def over(scene: Picture) -> Picture:
            rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
            away = (columns - WIDTH / 2) * cos(slope) + (rows - HEIGHT / 2) * sin(slope) - shift
            return scene * (deep + (1 - deep) / (1 + np.exp(-np.clip(away / soft, -30, 30))))

        take.over = over

    base.light, base.noise = 170, 9 + 10 * level
    return _Fault(each)


def _all_at_once(base: _Take, level: float, rng: Generator) -> _Fault:
    base.side = 230 - 90 * level
    base.tilt = rng.uniform(-30, 30)
    base.light, base.noise = 120 - 45 * level, 10 + 20 * level
    longest, across = 3 + 6 * level, rng.uniform(0, pi)
    torch = rng.normal(0, 0.5, 2) * base.side

    def each(take: _Take) -> None:
        take.defocus = (0.9 + 1.0 * level) * rng.uniform(0.8, 1.2)
        take.motion, take.direction = longest * abs(sin(rng.uniform(0, pi))), across + rng.normal(0, 0.3)
        at = WIDTH / 2 + torch[0], HEIGHT / 2 + torch[1]
        take.over = lambda scene: scene * (0.45 + 0.75 * _spot(at, 190))

    return _Fault(each)


def _spot(at: tuple[float, float], wide: float) -> Picture:
    """A round patch of light: 1 in its middle, half of it at ``wide`` from there."""
    rows = np.exp2(-(((np.arange(HEIGHT, dtype=np.float32) - at[1]) / wide) ** 2))
    columns = np.exp2(-(((np.arange(WIDTH, dtype=np.float32) - at[0]) / wide) ** 2))
    return rows[:, None] * columns[None, :]


FAULTS: dict[str, Callable[[_Take, float, Generator], _Fault]] = {
    "low light": _low_light,
    "motion": _motion,
    "defocus": _defocus,
    "tilt": _tilt,
    "glare": _glare,
    "dirt": _dirt,
    "small": _small,
    "curled": _curled_label,
    "shadow": _shadow,
    "all at once": _all_at_once,
}
