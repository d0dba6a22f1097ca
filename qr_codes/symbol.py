"""The QR symbol: its modules, and the same drawn as SVG or PNG."""

import io
from collections.abc import Iterator
from typing import Literal
from xml.sax.saxutils import escape

from PIL import Image
from qrcode import QRCode, constants
from qrcode.exceptions import DataOverflowError

Level = Literal["L", "M", "Q", "H"]
# Light modules that must stay around a symbol, by ISO/IEC 18004.
QUIET_ZONE = 4

_LEVELS = {
    "L": constants.ERROR_CORRECT_L,
    "M": constants.ERROR_CORRECT_M,
    "Q": constants.ERROR_CORRECT_Q,
    "H": constants.ERROR_CORRECT_H,
}
# Every reader takes every mask, and trying all eight takes most of the time a symbol takes. Over tag URLs this one has
# the fewest penalty points on average (615; the others 634 to 800).
_MASK = 0


def side(text: str, *, level: Level = "Q") -> int:
    """Return how many modules the side of a text's smallest symbol has, quiet zone left out; raises as matrix does."""
    return 17 + 4 * _fitted(text, level).version


def matrix(text: str, *, level: Level = "Q") -> list[list[bool]]:
    """Return the modules of the smallest symbol for a text, row by row, True for dark, without the quiet zone.

    Raises ValueError when the text is longer than the largest symbol holds.
    """
    code = _fitted(text, level)
    code.make(fit=False)
    return [[bool(dark) for dark in row] for row in code.modules]


def runs(modules: list[list[bool]]) -> Iterator[tuple[int, int, int]]:
    """Yield the dark modules as horizontal bars: column, row and length, all in modules."""
    for y, row in enumerate(modules):
        start = None
        for x, dark in enumerate([*row, False]):
            if dark and start is None:
                start = x
            elif not dark and start is not None:
                yield start, y, x - start
                start = None


def svg(text: str, *, title: str = "", level: Level = "Q") -> str:
    """Draw a text's symbol as an SVG document of one path, quiet zone included, one unit a module."""
    modules = matrix(text, level=level)
    side = len(modules) + 2 * QUIET_ZONE
    # One path, so that no renderer leaves a light hairline between two bars.
    path = "".join(f"M{x + QUIET_ZONE} {y + QUIET_ZONE}h{n}v1h-{n}z" for x, y, n in runs(modules))
    name = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges">{name}'
        f'<rect width="{side}" height="{side}" fill="#fff"/><path d="{path}"/></svg>'
    )


def png(text: str, *, scale: int = 8, level: Level = "Q") -> bytes:
    """Draw a text's symbol as a black and white PNG, quiet zone included, ``scale`` pixels a module."""
    modules = matrix(text, level=level)
    side = len(modules) + 2 * QUIET_ZONE
    image = Image.new("1", (side, side), 1)
    for x, y, n in runs(modules):
        image.paste(0, (x + QUIET_ZONE, y + QUIET_ZONE, x + QUIET_ZONE + n, y + QUIET_ZONE + 1))
    out = io.BytesIO()
    image.resize((side * scale, side * scale), Image.Resampling.NEAREST).save(out, "PNG", optimize=True)
    return out.getvalue()


def _fitted(text: str, level: Level) -> QRCode:
    code = QRCode(error_correction=_LEVELS[level], border=0, mask_pattern=_MASK)
    # One segment: the alphanumeric mode where every character is in its set, else bytes.
    code.add_data(text, optimize=0)
    try:
        code.best_fit(start=1)
    except (DataOverflowError, ValueError):
        raise ValueError(f"a text of {len(text)} characters is too long for a QR code") from None
    return code
