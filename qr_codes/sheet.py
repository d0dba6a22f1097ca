"""A4 sheets of labels, twelve a page, to print, laminate and cut."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import TextMode

from qr_codes.payload import spaced
from qr_codes.symbol import QUIET_ZONE, matrix, runs

FONT = Path(__file__).parent / "fonts" / "NotoSansSC-Regular.ttf"
COLUMNS, ROWS = 3, 4
PER_PAGE = COLUMNS * ROWS
# All lengths in millimetres. The rim is a little more than what office printers cannot print on.
PAGE_WIDTH, PAGE_HEIGHT = 210.0, 297.0
LABEL_WIDTH, LABEL_HEIGHT = 63.0, 66.5
LEFT, TOP = (PAGE_WIDTH - COLUMNS * LABEL_WIDTH) / 2, 16.0
# The symbol together with its quiet zone; the symbol alone is 30 mm or wider for every host name there is.
SYMBOL_BOX = 40.5
SYMBOL_TOP = 4.4

_RIM = 2.0
_TEXT_WIDTH = LABEL_WIDTH - 8
_SCHOOL_WIDTH = 46.0
_SCHOOL_SIZE = 8.0  # points, as all sizes of type
_POINT = 25.4 / 72
_LEADING = 1.22
_INK, _GREY, _MARK = 0, 90, 150
# A word or a number stays whole; elsewhere Chinese breaks anywhere, but never before a closing mark.
_PIECES = re.compile(r"[A-Za-z0-9.\-]+\s*|[（(《“【]?\S[）)》”】，。、；：]*\s*")


@dataclass(frozen=True, slots=True)
class Label:
    """What one label says: the symbol's URL, and the words for people; floor 1 is the ground floor, -1 a basement."""

    url: str
    short: str
    name: str
    number: str
    building: str
    floor: int


@dataclass(frozen=True, slots=True)
class _Words:
    heading: str
    page: str
    range: str
    floor: str
    basement: str
    advice: str


_WORDS = {
    "zh-CN": _Words(
        heading="{school}　巡查点标签",
        page="第 {page} 页，共 {pages} 页",
        range="{first} 至 {last}",
        floor="{floor}层",
        basement="地下{floor}层",
        advice="按 100% 实际大小打印，沿裁切标记裁开；覆膜请用哑光膜，码四周的白边不要遮挡",
    ),
    "en": _Words(
        heading="{school} · patrol tags",
        page="page {page} of {pages}",
        range="{first} to {last}",
        floor="floor {floor}",
        basement="basement {floor}",
        advice="Print at 100 %, cut along the marks; laminate matt, and keep the white rim of the code clear",
    ),
}


class FontMissingError(RuntimeError):
    """The labels' font is not where the build puts it; the message says what to run."""


def label_sheet(
    labels: Sequence[Label],
    *,
    school_name: str,
    language: str = "zh-CN",
    progress: Callable[[int, int], None] | None = None,
) -> bytes:
    """Draw labels in the order given and return the PDF.

    ``progress`` is called with labels drawn and labels in all. ``language`` (zh-CN or en) is for the few fixed words.
    Raises ValueError without any labels, FontMissingError when the build did not put the font in its place.
    """
    if not labels:
        raise ValueError("a sheet needs at least one label")
    sheet = _Sheet(_WORDS.get(language, _WORDS["zh-CN"]), school_name)
    pages = -(-len(labels) // PER_PAGE)
    for page in range(pages):
        here = labels[page * PER_PAGE : (page + 1) * PER_PAGE]
        sheet.begin_page(page + 1, pages, here)
        for place, label in enumerate(here):
            row, column = divmod(place, COLUMNS)
            sheet.draw_label(label, LEFT + column * LABEL_WIDTH, TOP + row * LABEL_HEIGHT)
            if progress:
                progress(page * PER_PAGE + place + 1, len(labels))
    pdf = bytes(sheet.output())
    # The font's file stays open for glyphs that might still be asked for.
    sheet.fonts["sans"].close()  # type: ignore[union-attr]
    return pdf


class _Sheet(FPDF):
    """The PDF document with what our pages are made of."""

    def __init__(self, words: _Words, school_name: str) -> None:
        if not FONT.is_file():
            raise FontMissingError(
                f"The labels' font {FONT} is missing; run `pip install .` in the source folder, it fetches it."
            )
        super().__init__(unit="mm", format="A4")
        self.words, self.school_name = words, school_name
        self.set_auto_page_break(False)
        self.set_margin(0)
        # Only the characters in use go into the file (the whole font has 10 MB).
        self.add_font("sans", fname=FONT)
        self.set_title(words.heading.format(school=school_name))
        self.set_author(school_name)

    def begin_page(self, page: int, pages: int, labels: Sequence[Label]) -> None:
        """Open a page with heading, page number, what is on it, and cut marks."""
        self.add_page()
        self._cut_marks(-(-len(labels) // COLUMNS))
        right = PAGE_WIDTH - LEFT
        heading = self.words.heading.format(school=self.school_name)
        self._line(heading, LEFT, 10.2, 9, colour=_GREY, room=140)
        self._line(
            self.words.page.format(page=page, pages=pages), right, 10.2, 9, colour=_GREY, align="R", room=45
        )
        first, last = (f"{label.building} {label.number}" for label in (labels[0], labels[-1]))
        span = first if len(labels) == 1 else self.words.range.format(first=first, last=last)
        self._line(self.words.advice, LEFT, PAGE_HEIGHT - 6.6, 7, colour=_GREY, room=108)
        self._line(span, right, PAGE_HEIGHT - 6.6, 7, colour=_GREY, align="R", room=78)

    def draw_label(self, label: Label, x: float, y: float) -> None:
        """Draw one label whose upper left corner is at x, y."""
        middle = x + LABEL_WIDTH / 2
        self._frame(x, y, min(self._width(self.school_name, _SCHOOL_SIZE), _SCHOOL_WIDTH))
        self._line(self.school_name, middle, y + 4.35, _SCHOOL_SIZE, align="C", room=_SCHOOL_WIDTH)
        self._symbol(label.url, middle - SYMBOL_BOX / 2, y + SYMBOL_TOP)
        self.set_char_spacing(1.5)
        self._line(spaced(label.short), middle, y + 50.3, 20, align="C", bold=True)
        self.set_char_spacing(0)
        self._name(label.name, middle, y + 51.6, 8.5)
        words = self.words.floor if label.floor >= 0 else self.words.basement
        where = f"{label.building}·{words.format(floor=abs(label.floor))}·{label.number}"
        self._line(where, middle, y + 63.1, 8, colour=_GREY, align="C")

    def _frame(self, x: float, y: float, gap: float) -> None:
        """Draw a label's rim, open at the top for the school's name; far enough inside that a crooked cut spares it."""
        self.set_draw_color(_INK)
        self.set_line_width(0.3)
        width, height = LABEL_WIDTH - 2 * _RIM, LABEL_HEIGHT - 3.2 - _RIM
        self.rect(x + _RIM, y + 3.2, width, height, round_corners=True, corner_radius=2.5)
        half = gap / 2 + 1.6
        self.set_fill_color(255)
        self.rect(x + LABEL_WIDTH / 2 - half, y + 2.6, 2 * half, 1.2, style="F")

    def _symbol(self, url: str, x: float, y: float) -> None:
        modules = matrix(url)
        size = SYMBOL_BOX / (len(modules) + 2 * QUIET_ZONE)
        left, top = x + QUIET_ZONE * size, PAGE_HEIGHT - y - QUIET_ZONE * size
        # One path with one fill, so that no printer leaves hairlines between bars; written straight into the page,
        # because the library's own path objects take ten times as long.
        bars = "".join(
            f"{(left + col * size) * self.k:.3f} {(top - (row + 1) * size) * self.k:.3f} "
            f"{count * size * self.k:.3f} {size * self.k:.3f} re "
            for col, row, count in runs(modules)
        )
        self._out(f"q 0 g {bars}f Q")

    def _name(self, name: str, middle: float, y: float, height: float) -> None:
        """Write a name as large as it fits: on one line, else on as many even lines as there is room for."""
        for size in (13, 12.5, 12, 11.5, 11, 10.5, 10, 9, 8.5, 8, 7.5, 7, 6.5, 6, 5.5, 5, 4.5):
            lines = self._wrap(name, size, _TEXT_WIDTH)
            if len(lines) * size * _POINT * _LEADING <= height:
                break
        if len(lines) > 1:
            # The narrowest width that takes no more lines: no single character is left alone on the last one.
            whole = self._width(name, size)
            even = (whole / len(lines) + step * size * _POINT / 2 for step in range(200))
            lines = next(
                (got for width in even if len(got := self._wrap(name, size, width)) <= len(lines)), lines
            )
        step = size * _POINT * _LEADING
        top = y + (height - len(lines) * step) / 2
        for number, line in enumerate(lines):
            # The font's capitals and Chinese characters stand on a baseline about 0.86 of the size below the top.
            self._line(line, middle, top + number * step + size * _POINT * 0.98, size, align="C", bold=True)

    def _wrap(self, text: str, size: float, width: float) -> list[str]:
        lines = [""]
        for piece in _PIECES.findall(text):
            if self._width(lines[-1] + piece.rstrip(), size) <= width:
                lines[-1] += piece
            elif self._width(piece.rstrip(), size) <= width:
                lines.append(piece)
            else:
                # One word wider than the label breaks where it must.
                for character in piece:
                    if self._width(lines[-1] + character, size) > width:
                        lines.append("")
                    lines[-1] += character
        return [line.strip() for line in lines if line.strip()] or [""]

    def _width(self, text: str, size: float) -> float:
        self.set_font("sans", size=size)
        return self.get_string_width(text)

    def _line(
        self,
        text: str,
        x: float,
        baseline: float,
        size: float,
        *,
        colour: int = _INK,
        align: str = "L",
        room: float = _TEXT_WIDTH,
        bold: bool = False,
    ) -> None:
        """Write one line with its start, middle or end at x; the font has one weight, so bold is a thin outline.

        A line wider than ``room`` is set in smaller type.
        """
        width = self._width(text, size)
        if width > room:
            size *= room / width
            width = self._width(text, size)
        self.set_text_color(colour)
        left = x - width * {"L": 0, "C": 0.5, "R": 1}[align]
        with self.local_context(
            text_mode=TextMode.FILL_STROKE if bold else TextMode.FILL,
            draw_color=colour,
            line_width=size * _POINT * 0.03,
        ):
            self.text(left, baseline, text)

    def _cut_marks(self, rows: int) -> None:
        """Draw where to cut: ticks on the page's rim, small crosses where labels meet."""
        self.set_draw_color(_MARK)
        self.set_line_width(0.15)
        bottom = TOP + rows * LABEL_HEIGHT
        right = PAGE_WIDTH - LEFT
        columns = [LEFT + n * LABEL_WIDTH for n in range(COLUMNS + 1)]
        lines = [TOP + n * LABEL_HEIGHT for n in range(rows + 1)]
        for x in columns:
            self.line(x, TOP - 4, x, TOP - 1)
            self.line(x, bottom + 1, x, bottom + 4)
        for y in lines:
            self.line(LEFT - 4, y, LEFT - 1, y)
            self.line(right + 1, y, right + 4, y)
        for x in columns:
            for y in lines:
                self.line(max(x - 1, LEFT), y, min(x + 1, right), y)
                self.line(x, max(y - 1, TOP), x, min(y + 1, bottom))
