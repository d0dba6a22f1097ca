"""Labels drawn on paper: sheets to print, laminate and cut, and rolls of one label a page."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import TextMode

from qr_codes.papers import PAPERS, Paper
from qr_codes.payload import spaced
from qr_codes.reading import level_for
from qr_codes.symbol import QUIET_ZONE, matrix, runs

FONT = Path(__file__).parent / "fonts" / "NotoSansSC-Regular.ttf"

# All lengths in millimetres, all sizes of type in points.
_RIM = 2.0
# Above and below, words stand on the rim.
_RIM_TOP, _RIM_BOTTOM = 3.2, 2.6
_POINT = 25.4 / 72
_LEADING = 1.22
_INK, _GREY, _MARK = 0, 90, 150
# A word or a number stays whole; elsewhere Chinese breaks anywhere, but never before a closing mark.
_PIECES = re.compile(r"[A-Za-z0-9.\-]+\s*|[（(《“【]?\S[）)》”】，。、；：]*\s*")


@dataclass(frozen=True, slots=True)
class Label:
    """What one label says: the symbol's URL, and the words for people; floor 1 is the ground floor, -1 a basement.

    A label without a building is for a place that is not known yet: it has an empty line to write on.
    """

    url: str
    short: str
    name: str = ""
    number: str = ""
    building: str = ""
    floor: int | None = None
    # Where a water point is turned off, in the school's own words.
    valve: str | None = None


@dataclass(frozen=True, slots=True)
class _Words:
    heading: str
    page: str
    range: str
    floor: str
    basement: str
    advice: str
    valve: str
    report: str
    blank: str


_WORDS = {
    "zh-CN": _Words(
        heading="{school}　巡查点标签",
        page="第 {page} 页，共 {pages} 页",
        range="{first} 至 {last}",
        floor="{floor}层",
        basement="地下{floor}层",
        advice="按 100% 实际大小打印，沿裁切标记裁开；覆膜请用哑光膜，码四周的白边不要遮挡",
        valve="漏水先关阀门：{valve}",
        report="报修请扫码",
        blank="点位",
    ),
    "en": _Words(
        heading="{school} · patrol tags",
        page="page {page} of {pages}",
        range="{first} to {last}",
        floor="floor {floor}",
        basement="basement {floor}",
        advice="Print at 100 %, cut along the marks; laminate matt, and keep the white rim of the code clear",
        valve="Leak? Close the valve: {valve}",
        report="Report a fault: scan",
        blank="Place",
    ),
}


class FontMissingError(RuntimeError):
    """The labels' font is not where the build puts it; the message says what to run."""


def label_sheet(
    labels: Sequence[Label],
    *,
    school_name: str,
    language: str = "zh-CN",
    paper: str = "a4",
    progress: Callable[[int, int], None] | None = None,
) -> bytes:
    """Draw labels in the order given and return the PDF.

    ``progress`` is called with labels drawn and labels in all. ``language`` (zh-CN or en) is for the few fixed words,
    ``paper`` one of PAPERS. Raises ValueError without any labels, KeyError for a paper that is not known, and
    FontMissingError when the build did not put the font in its place.
    """
    if not labels:
        raise ValueError("a sheet needs at least one label")
    sheet = _Sheet(_WORDS.get(language, _WORDS["zh-CN"]), school_name, PAPERS[paper])
    kind = sheet.paper
    pages = -(-len(labels) // kind.per_page)
    for page in range(pages):
        here = labels[page * kind.per_page : (page + 1) * kind.per_page]
        sheet.begin_page(page + 1, pages, here)
        for place, label in enumerate(here):
            row, column = divmod(place, kind.columns)
            sheet.draw_label(label, kind.left + column * kind.label_width, kind.top + row * kind.label_height)
            if progress:
                progress(page * kind.per_page + place + 1, len(labels))
    pdf = bytes(sheet.output())
    # The font's file stays open for glyphs that might still be asked for.
    sheet.fonts["sans"].close()  # type: ignore[union-attr]
    return pdf


class _Sheet(FPDF):
    """The PDF document with what our pages are made of."""

    def __init__(self, words: _Words, school_name: str, paper: Paper) -> None:
        if not FONT.is_file():
            raise FontMissingError(
                f"The labels' font {FONT} is missing; run `pip install .` in the source folder, it fetches it."
            )
        super().__init__(unit="mm", format=(paper.width, paper.height))
        self.words, self.school_name, self.paper = words, school_name, paper
        self.set_auto_page_break(False)
        self.set_margin(0)
        # Only the characters in use go into the file (the whole font has 10 MB).
        self.add_font("sans", fname=FONT)
        self.set_title(words.heading.format(school=school_name))
        self.set_author(school_name)

    def begin_page(self, page: int, pages: int, labels: Sequence[Label]) -> None:
        """Open a page; one to be cut has heading, page number, what is on it, advice and cut marks."""
        self.add_page()
        paper = self.paper
        if not paper.is_sheet:
            return
        self._cut_marks(-(-len(labels) // paper.columns))
        left, right, lower = paper.left, paper.width - paper.left, paper.height - 6.6
        middle = paper.width / 2
        heading = self.words.heading.format(school=self.school_name)
        self._line(heading, left, 8.6, 9, colour=_GREY, room=middle + 35 - left)
        numbered = self.words.page.format(page=page, pages=pages)
        self._line(numbered, right, 8.6, 9, colour=_GREY, align="R", room=right - middle - 38)
        first, last = _called(labels[0]), _called(labels[-1])
        span = first if len(labels) == 1 else self.words.range.format(first=first, last=last)
        divide = left + (right - left) * 0.7
        self._line(self.words.advice, left, lower, 7, colour=_GREY, room=divide - left)
        self._line(span, right, lower, 7, colour=_GREY, align="R", room=right - divide - 3)

    def draw_label(self, label: Label, x: float, y: float) -> None:
        """Draw one label whose upper left corner is at x, y."""
        paper, words = self.paper, self.words
        middle, room = x + paper.label_width / 2, paper.label_width - (8 if paper.framed else 3)
        school_room, small = room - 9 if paper.framed else room, paper.small * _POINT
        if paper.framed:
            gaps = (
                min(self._width(self.school_name, paper.school), school_room),
                self._width(words.report, paper.small),
            )
            self._frame(x, y, *gaps)
        above = (
            _RIM_TOP + 0.4 * paper.school * _POINT
            if paper.framed
            else paper.box_top - 0.3 - 0.15 * paper.school * _POINT
        )
        self._line(self.school_name, middle, y + above, paper.school, align="C", room=school_room)
        self._symbol(label.url, middle - paper.box / 2, y + paper.box_top)

        # From above: the short number. From below: reporting, where it is, the valve. The name takes what is left.
        short = y + paper.box_top + paper.box + 0.2 + 0.75 * paper.short * _POINT
        self.set_char_spacing(paper.short * 0.075)
        self._line(spaced(label.short), middle, short, paper.short, align="C", bold=True)
        self.set_char_spacing(0)
        top = short + 0.22 * paper.short * _POINT
        line = y + paper.label_height - paper.foot
        self._line(words.report, middle, line, paper.small, align="C", room=room)
        line -= 1.4 * small
        if label.building:
            self._line(self._where(label), middle, line, paper.small, colour=_GREY, align="C", room=room)
        bottom = line - small
        if label.valve:
            sentence = words.valve.format(valve=label.valve)
            # A long one takes two lines rather than become too small to read, but never more room than the name.
            lines = 1.3 if self._width(sentence, paper.small) <= 1.15 * room else 2.5
            height = min(lines * small, (bottom - top) / 2)
            bottom -= height
            self._fitted(sentence, middle, bottom, room, height, paper.small)
        if label.building:
            self._fitted(label.name, middle, top, room, bottom - top, paper.name)
        else:
            self._line_to_write_on(middle - room / 2, line, room)

    def _where(self, label: Label) -> str:
        parts = [label.building, label.number]
        if label.floor is not None:
            words = self.words.floor if label.floor >= 0 else self.words.basement
            parts.insert(1, words.format(floor=abs(label.floor)))
        return "·".join(part for part in parts if part)

    def _line_to_write_on(self, x: float, y: float, room: float) -> None:
        hint = self.words.blank
        self._line(hint, x, y, self.paper.small, colour=_GREY)
        self.set_draw_color(_INK)
        self.set_line_width(0.2)
        self.line(x + self._width(hint, self.paper.small) + 1, y + 0.4, x + room, y + 0.4)

    def _frame(self, x: float, y: float, upper: float, lower: float) -> None:
        """Draw a label's rim, open for the words on it; far enough inside that a crooked cut spares it."""
        self.set_draw_color(_INK)
        self.set_line_width(0.3)
        width = self.paper.label_width - 2 * _RIM
        height = self.paper.label_height - _RIM_TOP - _RIM_BOTTOM
        self.rect(x + _RIM, y + _RIM_TOP, width, height, round_corners=True, corner_radius=2.5)
        self.set_fill_color(255)
        middle = x + self.paper.label_width / 2
        for gap, line in ((upper, _RIM_TOP), (lower, self.paper.label_height - _RIM_BOTTOM)):
            half = gap / 2 + 1.6
            self.rect(middle - half, y + line - 0.6, 2 * half, 1.2, style="F")

    def _symbol(self, url: str, x: float, y: float) -> None:
        box = self.paper.box
        modules = matrix(url, level=level_for(url, box))
        size = box / (len(modules) + 2 * QUIET_ZONE)
        left, top = x + QUIET_ZONE * size, self.paper.height - y - QUIET_ZONE * size
        # One path with one fill, so that no printer leaves hairlines between bars; written straight into the page,
        # because the library's own path objects take ten times as long.
        bars = "".join(
            f"{(left + col * size) * self.k:.3f} {(top - (row + 1) * size) * self.k:.3f} "
            f"{count * size * self.k:.3f} {size * self.k:.3f} re "
            for col, row, count in runs(modules)
        )
        self._out(f"q 0 g {bars}f Q")

    def _fitted(self, text: str, middle: float, y: float, room: float, height: float, largest: float) -> None:
        """Write a text as large as it fits: on one line, else on as many even lines as there is room for."""
        size = largest
        while len(lines := self._wrap(text, size, room)) * size * _POINT * _LEADING > height and size > 1:
            size *= 0.96
        if len(lines) > 1:
            # The narrowest width that takes no more lines: no single character is left alone on the last one.
            whole = self._width(text, size)
            even = (whole / len(lines) + step * size * _POINT / 2 for step in range(200))
            lines = next(
                (got for width in even if len(got := self._wrap(text, size, width)) <= len(lines)), lines
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
        room: float = inf,
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
        # An outline would fill the gaps inside small characters.
        bold = bold and size >= 6
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
        paper = self.paper
        left, top, right = paper.left, paper.top, paper.width - paper.left
        bottom = top + rows * paper.label_height
        columns = [left + n * paper.label_width for n in range(paper.columns + 1)]
        lines = [top + n * paper.label_height for n in range(rows + 1)]
        for x in columns:
            self.line(x, top - 4, x, top - 1)
            self.line(x, bottom + 1, x, bottom + 4)
        for y in lines:
            self.line(left - 4, y, left - 1, y)
            self.line(right + 1, y, right + 4, y)
        for x in columns:
            for y in lines:
                self.line(max(x - 1, left), y, min(x + 1, right), y)
                self.line(x, max(y - 1, top), x, min(y + 1, bottom))


def _called(label: Label) -> str:
    return f"{label.building} {label.number}" if label.building else spaced(label.short)
