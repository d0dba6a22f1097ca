"""What Chromium's fake camera shows: labels cut out of our own printed sheets, held in front of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import zxingcpp
from PIL import Image, ImageChops

from qr_codes.payload import parse
from tests.program import capture

WIDTH, HEIGHT, RATE = 640, 480, 10
WALL = 70  # the grey of a corridor wall at night


def labels(pdf: Path, folder: Path) -> dict[str, Image.Image]:
    """Rasterise a sheet as a printer would at 150 dpi and cut every code out of it, by its code."""
    capture("pdftoppm", "-r", "150", "-gray", "-png", pdf, folder / "page")
    cut = {}
    for page in sorted(folder.glob("page*.png")):
        image = Image.open(page).convert("L")
        for found in zxingcpp.read_barcodes(image):
            corners = found.position
            xs = [
                p.x for p in (corners.top_left, corners.top_right, corners.bottom_left, corners.bottom_right)
            ]
            ys = [
                p.y for p in (corners.top_left, corners.top_right, corners.bottom_left, corners.bottom_right)
            ]
            margin = (max(xs) - min(xs)) // 6
            code = parse(found.text).code
            cut[code] = image.crop((min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin))
    return cut


@dataclass
class FakeCamera:
    """The video file that Chromium opens anew each time a page opens its camera."""

    file: Path

    def show(self, picture: Image.Image | None) -> None:
        """Hold a picture in front of the camera, a hand that trembles a little; None shows the wall."""
        view = held(picture, (WIDTH, HEIGHT))
        self.play([ImageChops.offset(view, frame % 3 - 1, frame % 2) for frame in range(2 * RATE)], RATE)

    def play(self, frames: Iterable[Image.Image], rate: int) -> None:
        """Show grey frames of one size over and over, so many a second."""
        first, *others = frames
        # 4:2:0 with colourless halves; Y4M wants the studio range 16 to 235.
        colour = bytes([128]) * (first.width * first.height // 2)
        with self.file.with_suffix(".new").open("wb") as video:
            video.write(b"YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 C420jpeg\n" % (first.width, first.height, rate))
            for frame in (first, *others):
                video.write(b"FRAME\n" + frame.point(lambda v: 16 + v * 219 // 255).tobytes() + colour)
        self.file.with_suffix(".new").replace(self.file)


def held(picture: Image.Image | None, size: tuple[int, int]) -> Image.Image:
    """The corridor's wall with a picture in the middle of it."""
    view = Image.new("L", size, WALL)
    if picture is not None:
        edge = round(size[1] * 0.6)
        small = picture.resize((edge, edge), Image.Resampling.BOX)
        view.paste(small, ((size[0] - edge) // 2, (size[1] - edge) // 2))
    return view
