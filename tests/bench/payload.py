"""How much of what a phone's camera sees is read, by what a tag says, its error correction and its printed size.

    python -m tests.bench.payload [--frames 600] [--seed 1] [--boxes 24,40.5] [--lengths 12,29,38,45,60,80,45m]
        [--levels MQH] [--worn]

Each frame is a tag as a camera of 1280 pixels and 65 degrees sees it from 15 to 50 cm: turned, tilted, out of focus or
moved, by day or by night with its noise, some with a scratch, dirt or glare on them. Every symbol gets the very same
frames, so that figures of one run can be compared; the share itself depends on how hard the frames are. The reader is
zxing-cpp with its defaults. The figures in qr_codes/reading.py and qr_codes/README.md come from here.
"""

import argparse
import math
import random
import string

import zxingcpp
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from qr_codes.symbol import QUIET_ZONE, Level, matrix, runs

CAMERA_PIXELS, CAMERA_DEGREES = 1280, 65
NEAR, FAR = 150.0, 500.0  # millimetres
LEVELS: tuple[Level, ...] = ("L", "M", "Q", "H")
_FINE = 8  # pixels a module before the camera


def made_up(length: int, chance: random.Random, *, mixed: bool = False) -> str:
    """Make up a tag's text of this length: a bare code, or a URL that ends in one."""
    letters = string.ascii_letters + string.digits if mixed else string.ascii_uppercase + string.digits
    start, code = ("https://", 11) if mixed else ("HTTPS://", 11)
    if length <= len(start) + code:
        return "".join(chance.choice(letters) for _ in range(length))
    host = "".join(chance.choice(letters) for _ in range(length - len(start) - code))
    return start + host + "/" + "".join(chance.choice(letters) for _ in range(code - 1))


def drawn(modules: list[list[bool]]) -> Image.Image:
    """Draw a symbol with its quiet zone in the middle of a label three times as wide."""
    side = (len(modules) + 2 * QUIET_ZONE) * _FINE
    image = Image.new("L", (3 * side, 3 * side), 255)
    for x, y, count in runs(modules):
        left, top = side + (x + QUIET_ZONE) * _FINE, side + (y + QUIET_ZONE) * _FINE
        image.paste(0, (left, top, left + count * _FINE, top + _FINE))
    return image


def seen(label: Image.Image, modules: int, box: float, chance: random.Random, *, worn: bool) -> Image.Image:
    """Show a label as the camera sees it in the frame that chance makes; ``box`` is the symbol with its quiet zone."""
    distance = NEAR * (FAR / NEAR) ** chance.random()
    per_mm = CAMERA_PIXELS / (2 * distance * math.tan(math.radians(CAMERA_DEGREES / 2)))
    turn, tilt, lean = chance.gauss(0, 12), chance.uniform(0, 50), chance.uniform(0, 0.12)
    night, fault = chance.random() < 0.5, chance.choice(("none", "none", "scratch", "dirt", "glare"))
    if worn:
        fault = "dirt"
    focus, motion = chance.uniform(0.3, 1.1), chance.choice((0, 0, 0, chance.uniform(1, 4)))
    direction = chance.uniform(0, 180)
    dark, light = (
        (chance.uniform(18, 45), chance.uniform(70, 130)) if night else (30, chance.uniform(160, 235))
    )
    noise = chance.uniform(3, 14) if night else chance.uniform(2, 9)
    largest = 0.07 if worn else 0.035
    spots = [(chance.random(), chance.random(), largest * chance.uniform(0.3, 1)) for _ in range(3)]

    # The picture is 1.6 boxes wide. Sampled several times finer than the camera does, then averaged as a sensor does.
    pixels = max(24, round(1.6 * box * per_mm))
    finer = max(1, round(_FINE * (modules + 2 * QUIET_ZONE) / (box * per_mm)))
    whole = label.width
    reach = 0.8 * whole / 3
    corners = []
    for x, y in ((-1, -1), (-1, 1), (1, 1), (1, -1)):
        # What is farther away is smaller, so more of the label falls into the picture there.
        far = 1 + lean * (y < 0)
        angle, squeeze = math.radians(turn), 1 / math.cos(math.radians(tilt))
        corners += [
            whole / 2 + reach * far * (x * math.cos(angle) - y * math.sin(angle)),
            whole / 2 + reach * far * squeeze * (x * math.sin(angle) + y * math.cos(angle)),
        ]
    size = (pixels * finer, pixels * finer)
    view = label.transform(size, Image.Transform.QUAD, corners, Image.Resampling.BILINEAR, fillcolor=200)
    draw = ImageDraw.Draw(view)
    for x, y, radius in spots if fault in ("dirt", "glare") else ():
        shade, r = (70, radius * size[0]) if fault == "dirt" else (255, radius * size[0])
        cx, cy = (0.2 + 0.6 * x) * size[0], (0.2 + 0.6 * y) * size[0]
        draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=shade)
    if fault == "scratch":
        ends = [(0.2 + 0.6 * value) * size[0] for spot in spots[:2] for value in spot[:2]]
        draw.line(ends, fill=235, width=max(1, round(1.2 * per_mm * finer)))
    view = view.reduce(finer) if finer > 1 else view
    view = view.filter(ImageFilter.GaussianBlur(focus))
    if motion:
        dx, dy = math.cos(math.radians(direction)), math.sin(math.radians(direction))
        steps = [motion * (step / 4 - 0.5) for step in range(5)]
        moved = [
            view.transform(view.size, Image.Transform.AFFINE, (1, 0, dx * s, 0, 1, dy * s), 2) for s in steps
        ]
        view = moved[0]
        for count, one in enumerate(moved[1:], start=2):
            view = Image.blend(view, one, 1 / count)
    view = view.point(lambda value: dark + value / 255 * (light - dark))
    # The sum of two even distributions is near enough to a sensor's noise.
    grains = [Image.frombytes("L", view.size, chance.randbytes(view.width * view.height)) for _ in range(2)]
    grain = Image.blend(*grains, 0.5).point(lambda value: 128 + (value - 127.5) * noise / 52)
    return ImageChops.add(view, grain, offset=-128)


def share(texts: list[str], level: Level, box: float, seed: int, *, worn: bool) -> tuple[float, int]:
    """Read each text in its frame; returns the share read, and the modules of a side."""
    right, modules = 0, 0
    for number, text in enumerate(texts):
        grid = matrix(text, level=level)
        modules = len(grid)
        picture = seen(drawn(grid), modules, box, random.Random(f"{seed}/{number}"), worn=worn)
        right += any(found.text == text for found in zxingcpp.read_barcodes(picture))
    return right / len(texts), modules


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--boxes", default="24,40.5")
    parser.add_argument("--lengths", default="12,29,38,45,60,80,45m", help="45m: in mixed case")
    parser.add_argument("--levels", default="MQH")
    parser.add_argument("--worn", action="store_true", help="every tag has dirt on it, twice as large")
    given = parser.parse_args()
    print(f"{given.frames} frames, seed {given.seed}")
    print("box mm  characters  level  modules  module mm  read")
    for box in map(float, given.boxes.split(",")):
        for wish in given.lengths.split(","):
            length, mixed = int(wish.removesuffix("m")), wish.endswith("m")
            chance = random.Random(f"{given.seed}/{wish}")
            texts = [made_up(length, chance, mixed=mixed) for _ in range(given.frames)]
            for level in (one for one in LEVELS if one in given.levels):
                read, modules = share(texts, level, box, given.seed, worn=given.worn)
                size = box / (modules + 2 * QUIET_ZONE)
                print(
                    f"{box:6.1f}  {wish:>10}  {level:>5}  {modules:7}  {size:9.2f}  {read:4.0%}", flush=True
                )


if __name__ == "__main__":
    main()
