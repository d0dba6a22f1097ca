"""From a workbook's bytes to rows that are understood, or refused with the cell to blame.

Sheets are known by their headings, not by their names; nothing here knows the database.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from openpyxl import load_workbook
from openpyxl.cell.cell import ERROR_CODES
from openpyxl.utils import get_column_letter, range_boundaries

from campus_patrol.imports import rules
from campus_patrol.imports.rules import CellError, plain

MAX_ROWS, MAX_COLUMNS, MAX_SHEETS = 20_000, 64, 30
# A sheet of 20,000 rows unpacks to about 15 MB; a file that unpacks to more is not a list of rooms.
MAX_UNPACKED = 32 * 1024 * 1024
MAX_ENTRIES = 500
MAX_MERGED = 200_000
_HEADER_WITHIN = 30
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")


class WorkbookError(ValueError):
    """A file that is no workbook we can read: not_xlsx, old_xls, password, too_large, damaged or no_table."""

    def __init__(self, reason: str, **params: Any) -> None:
        self.reason, self.params = reason, params
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Field:
    """One thing a sheet can say: how its cells are read, and its headings with the plainest last.

    telling: the heading tells this noun's sheet from the others'. has_unit: the heading may name a unit. is_count:
    merged over several rows it may be each row's or the sum, so that is refused.
    """

    read: Callable[..., Any]
    headings: tuple[str, ...]
    required: bool = False
    telling: bool = False
    has_unit: bool = False
    is_count: bool = False


def _field(read: Callable[..., Any] | int, headings: str, **flags: bool) -> Field:
    """Describe a field; a number instead of a reader is a text of at most so many characters."""
    reader = partial(rules.text, maximum=read) if isinstance(read, int) else read
    return Field(reader, tuple(headings.split()), **flags)


_number = partial(rules.place_number, maximum=40)
# A table, one field a line.
# fmt: off
_BUILDING = _field(60, "楼栋 所在楼栋 所属楼栋 楼栋名称 楼宇 楼号 楼名 建筑名称 建筑物 建筑 教学楼 楼"
                       " buildingname building block", required=True)
_FLOOR = _field(rules.floor, "楼层 所在楼层 层数 层 floor level storey", required=True)
_REMARK = _field(200, "备注说明 备注 说明 remarks remark notes note")
FIELDS: dict[str, dict[str, Field]] = {
    "room": {
        "building": _BUILDING,
        "floor": _FLOOR,
        "number": _field(_number, "房号 房间号 房间编号 教室编号 教室号 门牌号 门号 室号 宿舍号 寝室号"
                                  " roomnumber roomno. roomno room 点位编号 编号 number", required=True),
        "name": _field(80, "房间名称 教室名称 功能室名称 房间名 名称 roomname displayname name"),
        "type": _field(40, "房间类型 房间用途 类型 用途 类别 roomtype type use usage"),
        "grade": _field(40, "年级 所属年级 grade yeargroup", telling=True),
        "class_name": _field(40, "使用班级 所属班级 班级 classname class", telling=True),
        "ac_count": _field(rules.count, "空调台数 空调数量 空调数 空调 account acunits acs numberofacs aircon ac",
                           telling=True, is_count=True),
        "ac_power_kw": _field(rules.power_kw, "空调单台功率 空调功率 单台功率 每台功率 额定功率 功率"
                                              " acpower powerperunit power", telling=True, has_unit=True),
        "light_count": _field(rules.count, "灯具数量 电灯数量 灯具数 电灯数 灯数量 灯盏数 灯数 灯"
                                           " lightcount lights lamps numberoflights", telling=True, is_count=True),
        "remark": _REMARK,
    },
    "tap": {
        "building": _BUILDING,
        "floor": _FLOOR,
        "number": _field(_number, "用水点编号 水点编号 用水点号 tapnumber tapno. tapno waterpointno. waterpoint"
                                  " 点位编号 点位号 编号 number", required=True),
        "name": _field(80, "用水点名称 用水点 水点名称 点位名称 名称 tapname name"),
        "type": _field(40, "用水点类型 类型 类别 用途 type use usage"),
        "tap_count": _field(rules.count, "水龙头数量 水龙头数 龙头数量 龙头个数 龙头数 水龙头 龙头"
                                         " tapcount taps numberoftaps", telling=True, is_count=True),
        "has_hot_water": _field(rules.yes_no, "是否有热水 有无热水 有热水 是否供热水 供热水 热水"
                                              " hashotwater hotwater", telling=True),
        "valve": _field(80, "阀门位置 总阀位置 阀门所在 水阀位置 阀门 valvelocation valveposition valve", telling=True),
        "remark": _REMARK,
    },
    "route": {
        "name": _field(60, "路线名称 巡查路线 路线 线路 routename route", required=True, telling=True),
        "start": _field(rules.time_of_day, "开始时间 起始时间 巡查时间 开始 starttime startsat start",
                        required=True, telling=True),
        "window": _field(rules.minutes, "时限 用时限制 限时 完成时限 时长 timelimit window duration",
                         required=True, telling=True, has_unit=True),
        "weekdays": _field(rules.weekdays, "星期 巡查日 巡查星期 周几 weekdays days", required=True, telling=True),
        "scope": _field(400, "巡查范围 范围 区域 巡查点位 scope places area", required=True, telling=True),
        "questions": _field(rules.questions, "检查内容 检查项目 巡查内容 检查项 checks questions whattocheck",
                            required=True, telling=True),
    },
}
# fmt: on
# What each noun's headings mean: field and how exact the heading is, 0 the most.
_MEANING = {
    noun: {word: (name, rank) for name, known in fields.items() for rank, word in enumerate(known.headings)}
    for noun, fields in FIELDS.items()
}
_GENERAL_NUMBERS = frozenset({"点位编号", "编号", "number"})
# Words over the header that tell the noun when every heading is a general one.
_CONTEXT = {
    "room": re.compile("房间|教室|宿舍|寝室|功能室|rooms"),
    "tap": re.compile("用水点|水点|水龙头|waterpoints|taps"),
    "route": re.compile("路线|routes"),
}
_UNITS = {
    **dict.fromkeys(("kw", "千瓦"), "kw"),
    **dict.fromkeys(("w", "瓦"), "w"),
    **dict.fromkeys(("分钟", "分", "min", "minutes"), "分钟"),
    **dict.fromkeys(("小时", "h", "hours"), "小时"),
}
_TOTAL = re.compile(r".{0,12}?(?:合计|总计|小计|共计|总数|subtotal|grandtotal|total)(?:$|[:：(\d]).*")
_NOTE = re.compile(r"[*※]?(?:注|备注|说明|填表|制表|审核|填报|note|notes)(?:$|[:：人日意\d]).*|※.*")


@dataclass(frozen=True, slots=True)
class Column:
    """Where a field stands: the column's number from 1, its heading, and the unit the heading names."""

    index: int
    heading: str
    unit: str | None


@dataclass(slots=True)
class Row:
    """One row of a sheet that says something: what it says, and each cell that cannot be read."""

    sheet: str
    row: int
    noun: str
    label: str
    values: dict[str, Any] = field(default_factory=dict)
    cells: dict[str, str] = field(default_factory=dict)
    # (cell, code, params) for every fault; a row with any is refused.
    faults: list[tuple[str | None, str, dict[str, Any]]] = field(default_factory=list)

    def refuse(self, column: str, code: str, **params: Any) -> None:
        """Refuse the row for what stands in a field's cell."""
        self.faults.append((self.cells.get(column), code, params))


@dataclass(slots=True)
class Workbook:
    """What a workbook holds: rows in order, the rows passed over as (sheet, row, text, code), and notes on sheets."""

    rows: list[Row] = field(default_factory=list)
    ignored: list[tuple[str, int, str, str]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)

    def note(self, sheet: str, code: str, **params: Any) -> None:
        """Say something about a sheet as a whole."""
        self.notes.append({"sheet": sheet, "code": code, "params": params})


@dataclass(slots=True)
class _Grid:
    """A sheet's cells: values by row, and which cells are errors, formulas without a value, or merged."""

    name: str
    rows: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    errors: set[tuple[int, int]] = field(default_factory=set)
    uncounted: set[tuple[int, int]] = field(default_factory=set)
    merged: dict[tuple[int, int], tuple[int, int, str]] = field(default_factory=dict)

    def own(self, row: int, column: int) -> Any:
        """Return what is written in a cell itself."""
        values = self.rows.get(row, ())
        return values[column - 1] if column <= len(values) else None

    def source(self, row: int, column: int, *, sideways: bool = False) -> tuple[int, int]:
        """Return the cell whose value a cell shows: its own, or the one it is merged with.

        Merging down means "the same for these rows"; merging sideways means it only for a heading over headings.
        """
        top, left, _ = self.merged.get((row, column), (row, column, ""))
        return (top, left) if sideways or left == column else (row, column)

    def value(self, row: int, column: int) -> Any:
        """Return the value a cell shows."""
        return self.own(*self.source(row, column))


def read(content: bytes) -> Workbook:
    """Read a workbook's rows; raises WorkbookError when there is nothing in it that can be read."""
    book = Workbook()
    found = False
    for grid in _grids(content, book):
        table = _header(grid)
        if table is None:
            if grid.rows:
                book.note(grid.name, "sheet_not_recognised", headings=_headings(grid))
            continue
        found = True
        _read_table(book, grid, *table)
    if not found:
        raise WorkbookError("no_table")
    first: dict[tuple[str, ...], Row] = {}
    for row in book.rows:
        key = _key(row)
        if key is None:
            continue
        earlier = first.setdefault(key, row)
        if earlier is not row:
            column = "name" if row.noun == "route" else "number"
            row.refuse(column, "duplicate", sheet=earlier.sheet, row=earlier.row, cell=earlier.cells[column])
    return book


def _key(row: Row) -> tuple[str, ...] | None:
    parts = ("name",) if row.noun == "route" else ("building", "number")
    if not all(row.values.get(part) for part in parts):
        return None
    return ("route" if row.noun == "route" else "place", *(plain(row.values[part]) for part in parts))


def _grids(content: bytes, book: Workbook) -> Iterator[_Grid]:
    """Yield each visible sheet's cells, having made sure first that the file cannot unpack into something huge."""
    if content.startswith(_OLE):
        encrypted = "EncryptedPackage".encode("utf-16-le") in content
        raise WorkbookError("password" if encrypted else "old_xls")
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise WorkbookError("not_xlsx") from None
    entries = archive.infolist()
    # zipfile stops at the size an entry declares, so a lie about it is a damaged file and not a flood.
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise WorkbookError("too_large", max_megabytes=MAX_UNPACKED // 1024 // 1024)
    if any(entry.flag_bits & 1 for entry in entries):
        raise WorkbookError("password")
    if "[Content_Types].xml" not in archive.namelist() or not any(
        name.startswith("xl/") for name in archive.namelist()
    ):
        raise WorkbookError("not_xlsx")
    try:
        values = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        formulas = load_workbook(io.BytesIO(content), read_only=True)
        if len(values.worksheets) > MAX_SHEETS:
            raise WorkbookError("too_large", max_sheets=MAX_SHEETS)
        for sheet, formula_sheet in zip(values.worksheets, formulas.worksheets, strict=True):
            if sheet.sheet_state != "visible":
                book.note(sheet.title, "sheet_hidden")
                continue
            # openpyxl reads merged ranges only when it loads whole sheets, and then fills every cell of a range that
            # may span the whole sheet; the ranges are few and easy to find in the sheet's own text.
            source = archive.read(sheet._worksheet_path)
            yield _grid(
                sheet, formula_sheet if re.search(rb"<(?:\w{1,20}:)?f[\s/>]", source) else None, source
            )
    except WorkbookError:
        raise
    except Exception:  # openpyxl raises whatever its parser met: KeyError, ParseError, ValueError …
        raise WorkbookError("damaged") from None


def _grid(sheet: Any, formula_sheet: Any | None, source: bytes) -> _Grid:
    grid = _Grid(sheet.title)
    for number, values in _rows(sheet, values_only=True):
        # Counted, because a sheet may hold a million rows of nothing.
        if values.count(None) == len(values) or all(rules.is_blank(value) for value in values):
            continue
        if number > MAX_ROWS:
            raise WorkbookError("too_large", sheet=sheet.title, max_rows=MAX_ROWS)
        grid.rows[number] = values
        grid.errors.update((number, column) for column, value in enumerate(values, 1) if value in ERROR_CODES)
    if formula_sheet is not None:
        for number, cells in _rows(formula_sheet, values_only=False):
            for column, cell in enumerate(cells, 1):
                if cell.data_type == "f" and grid.own(number, column) is None:
                    grid.uncounted.add((number, column))
                    grid.rows.setdefault(number, ())
    for ref in re.findall(
        rb'<(?:\w{1,20}:)?mergeCell\b[^>]{0,200}?\bref="([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})"', source
    ):
        left, top, right, bottom = range_boundaries(ref.decode())
        for row in range(top, min(bottom, MAX_ROWS) + 1):
            for column in range(left, min(right, MAX_COLUMNS) + 1):
                grid.merged[row, column] = top, left, ref.decode()
        if len(grid.merged) > MAX_MERGED:
            raise WorkbookError("too_large", sheet=sheet.title, max_merged=MAX_MERGED)
    return grid


def _rows(sheet: Any, *, values_only: bool) -> Iterator[tuple[int, tuple[Any, ...]]]:
    # Some programs write a wrong size into the sheet; it is what openpyxl would believe.
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=values_only), 1):
        if number > 1_048_576:
            raise WorkbookError("damaged")
        yield number, cells


def _named(heading: object) -> tuple[str, str | None]:
    """Return a heading as it is compared, and the unit it names in brackets, after a slash or at its end."""
    word = plain(heading).rstrip("*:：")
    bracket = re.search(r"[(\[【〔](.*?)[)\]】〕]", word)
    word = re.sub(r"[(\[【〔].*?[)\]】〕]|\*", "", word)
    unit = _UNITS.get(bracket[1].replace("/台", "")) if bracket else None
    tail = re.fullmatch(r"(.+?)/?(kw|千瓦|w|瓦|分钟|小时|台|盏|个)", word)
    if tail and not any(word in meaning for meaning in _MEANING.values()):
        return tail[1], _UNITS.get(tail[2], unit)
    return word, unit


def _match(grid: _Grid, row: int, noun: str) -> dict[str, Column]:
    """Match one row against a noun's headings; of two columns for one field the more exact heading wins."""
    best: dict[str, tuple[int, Column]] = {}
    for index in range(1, len(grid.rows[row]) + 1):
        heading = grid.value(row, index)
        if not isinstance(heading, str) or len(heading) > 40:
            continue
        merged = (row, index) in grid.merged
        over = None if merged else grid.own(*grid.source(row - 1, index, sideways=True))
        # A heading of two rows: 空调 over 台数 and 功率.
        for text in (f"{over}{heading}", heading) if isinstance(over, str) else (heading,):
            word, unit = _named(text)
            if word in _MEANING[noun]:
                name, rank = _MEANING[noun][word]
                if name not in best or rank < best[name][0]:
                    best[name] = rank, Column(index, text.strip(), unit)
                break
    return {name: column for name, (_, column) in best.items()}


def _header(grid: _Grid) -> tuple[str, int, dict[str, Column]] | None:
    """Find the header row and what the sheet lists: noun, row, columns; None when no row looks like one."""
    best: tuple[tuple[int, int], str, int, dict[str, Column]] | None = None
    early = sorted(grid.rows)[:_HEADER_WITHIN]
    for row in early:
        over = [value for before in early if before < row for value in grid.rows[before]]
        above = plain("".join(value for value in (grid.name, *over) if isinstance(value, str)))
        for noun, fields in FIELDS.items():
            columns = _match(grid, row, noun)
            telling = sum(fields[name].telling for name in columns)
            if "number" in columns and _named(columns["number"].heading)[0] not in _GENERAL_NUMBERS:
                telling += 1
            if len(columns) < 3 or not (telling or _CONTEXT[noun].search(above)):
                continue
            score = (len(columns) + telling, -row)
            if best is None or score > best[0]:
                best = score, noun, row, columns
    return best[1:] if best else None


def _headings(grid: _Grid) -> list[str]:
    """Return what stands in the sheet's first rows that could have been headings."""
    first = max(
        (grid.rows[row] for row in sorted(grid.rows)[:5]),
        key=lambda values: sum(v is not None for v in values),
    )
    return [rules.shown(value) for value in first if not rules.is_blank(value)][:20]


def _read_table(book: Workbook, grid: _Grid, noun: str, header: int, columns: dict[str, Column]) -> None:
    fields = FIELDS[noun]
    used = {column.index for column in columns.values()}
    spare = [
        rules.shown(value)
        for number, value in enumerate(grid.rows[header], 1)
        if not rules.is_blank(value) and number not in used
    ]
    if spare:
        book.note(grid.name, "columns_ignored", headings=spare)
    missing = [name for name, known in fields.items() if known.required and name not in columns]
    if missing:
        refused = Row(grid.name, header, noun, grid.name)
        refused.faults = [
            (None, "column_missing", {"field": name, "allowed": fields[name].headings[0]}) for name in missing
        ]
        book.rows.append(refused)
        return
    blank = 0
    sizes: list[str] = []
    last = header
    for number in sorted(grid.rows):
        if number <= header:
            continue
        blank += number - last - 1
        last = number
        passed = _passed_over(grid, number, noun, columns)
        if passed:
            book.ignored.append((grid.name, number, *passed))
            continue
        row = Row(
            grid.name,
            number,
            noun,
            "",
            cells={n: f"{get_column_letter(c.index)}{number}" for n, c in columns.items()},
        )
        for name, column in columns.items():
            _read_cell(grid, row, name, fields[name], column)
            bare = name == "ac_power_kw" and column.unit is None and name in row.values
            if bare and rules.is_bare_number(grid.value(number, column.index)):
                sizes.append(row.cells[name])
        row.label = _label(grid, row, columns)
        book.rows.append(row)
    if blank:
        book.note(grid.name, "blank_rows", count=blank)
    if sizes:
        book.note(grid.name, "power_unit_by_size", cell=sizes[0], count=len(sizes))


def _read_cell(grid: _Grid, row: Row, name: str, known: Field, column: Column) -> None:
    source = grid.source(row.row, column.index)
    value = grid.own(*source)
    if source in grid.errors:
        return row.refuse(name, "cell_error", value=rules.shown(value))
    if source in grid.uncounted:
        return row.refuse(name, "formula_without_value")
    if rules.is_blank(value):
        if known.required:
            row.refuse(name, "missing", field=name)
        return None
    merged = grid.merged.get(source, (0, 0, ""))[2]
    if known.is_count and merged and len(set(re.findall(r"\d+", merged))) > 1:
        return row.refuse(name, "count_merged", range=merged, value=rules.shown(value))
    try:
        row.values[name] = known.read(value, unit=column.unit) if known.has_unit else known.read(value)
    except CellError as error:
        return row.refuse(name, error.code, **error.params)
    if known.required and row.values[name] == "":
        row.refuse(name, "missing", field=name)
    return None


def _label(grid: _Grid, row: Row, columns: dict[str, Column]) -> str:
    parts = ("name",) if row.noun == "route" else ("building", "number")
    words = [
        rules.shown(row.values.get(part) or grid.value(row.row, columns[part].index) or "") for part in parts
    ]
    return " ".join(word for word in words if word)


def _passed_over(grid: _Grid, number: int, noun: str, columns: dict[str, Column]) -> tuple[str, str] | None:
    """Say whether a row is not one of the list: (its text, code) for a total, a note or the header again."""
    words = [
        (index, plain(value)) for index, value in enumerate(grid.rows[number], 1) if not rules.is_blank(value)
    ]
    if not words:
        return None
    said = rules.shown(" ".join(str(value) for value in grid.rows[number] if not rules.is_blank(value)))
    mapped = [(name, grid.own(number, column.index)) for name, column in columns.items()]
    stated = [(name, value) for name, value in mapped if not rules.is_blank(value)]
    if len(stated) > 1 and all(
        _MEANING[noun].get(_named(value)[0], ("",))[0] == name for name, value in stated
    ):
        return said, "header_again"
    key = columns["name" if noun == "route" else "number"]
    own_key = grid.own(number, key.index)
    keyless = rules.is_blank(own_key) or _TOTAL.fullmatch(plain(own_key)) is not None
    if keyless and any(_TOTAL.fullmatch(word) for _, word in words if not word.isdecimal()):
        return said, "total_row"
    if len(words) == 1:
        index, word = words[0]
        _, left, merged = grid.merged.get((number, index), (number, index, ""))
        across = merged and range_boundaries(merged)[2] - left >= 2
        if across or _NOTE.fullmatch(word):
            return said, "note_row"
    return None
