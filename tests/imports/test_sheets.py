"""A messy workbook, cell by cell: what is understood, what is refused and which cell is to blame."""

import io
import struct
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

import campus_patrol.demo
from campus_patrol.imports import sheets
from campus_patrol.imports.sheets import Row, WorkbookError
from tests.imports.messy import messy_workbook, room_rows, workbook

CAMPUS = Path(campus_patrol.demo.__file__).parent / "campus.xlsx"


@pytest.fixture(scope="module")
def messy() -> sheets.Workbook:
    return sheets.read(messy_workbook())


def row_of(book: sheets.Workbook, sheet: str, number: int) -> Row:
    return next(row for row in book.rows if (row.sheet, row.row) == (sheet, number))


def faults_of(book: sheets.Workbook) -> dict[str, list[tuple[int, str | None, str]]]:
    found: dict[str, list[tuple[int, str | None, str]]] = {}
    for row in book.rows:
        for cell, code, _ in row.faults:
            found.setdefault(row.sheet, []).append((row.row, cell, code))
    return found


def test_the_demo_school_is_read_without_a_single_refusal() -> None:
    book = sheets.read(CAMPUS.read_bytes())
    nouns = [row.noun for row in book.rows]
    assert [nouns.count(noun) for noun in ("room", "tap", "route")] == [358, 66, 4]
    assert not any(row.faults for row in book.rows)
    assert not book.ignored
    assert not book.notes


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (
            5,
            {
                "building": "明德 楼",
                "floor": 1,
                "number": "A101",
                "name": "七年级1班",
                "type": "教室",
                "ac_count": 2,
                "ac_power_kw": Decimal("3.5"),
                "light_count": 12,
                "remark": "靠窗 漏风",
            },
        ),
        (
            6,
            {
                "building": "明德 楼",
                "floor": 1,
                "number": "A102",
                "name": "七年级2班",
                "type": "教室",
                "ac_count": 2,
                "ac_power_kw": Decimal("3.5"),
                "light_count": 12,
                "remark": "",
            },
        ),
        (
            7,
            {
                "building": "明德 楼",
                "floor": 2,
                "number": "A201",
                "name": "七年级3班",
                "type": "教室",
                "ac_count": 2,
                "ac_power_kw": Decimal("3.5"),
                "light_count": 12,
            },
        ),
        (
            8,
            {
                "building": "明德 楼",
                "floor": -1,
                "number": "A-B01",
                "name": "水泵房",
                "type": "设备用房",
                "ac_count": 0,
                "light_count": 6,
            },
        ),
        (11, {"building": "致远楼", "floor": 3, "number": "B301", "type": "办公室", "ac_count": 2}),
    ],
)
def test_messy_rooms_are_read_cell_by_cell(
    messy: sheets.Workbook, number: int, expected: dict[str, Any]
) -> None:
    row = row_of(messy, "Sheet1", number)
    assert not row.faults
    assert row.noun == "room"
    assert row.values == expected


def test_messy_water_points_are_read_cell_by_cell(messy: sheets.Workbook) -> None:
    assert row_of(messy, "water", 2).values == {
        "building": "明德楼",
        "floor": 1,
        "number": "A1-水东",
        "name": "一楼东侧洗手台",
        "tap_count": 6,
        "has_hot_water": True,
        "valve": "1楼东侧管井",
    }
    assert row_of(messy, "water", 3).values == {
        "building": "明德楼",
        "floor": -1,
        "number": "A0-水1",
        "name": "地下水池",
        "tap_count": 2,
        "has_hot_water": False,
    }


def test_messy_routes_are_read_cell_by_cell(messy: sheets.Workbook) -> None:
    keys = ("name", "start", "window", "weekdays", "scope", "questions")
    read = [tuple(row_of(messy, "3", number).values[key] for key in keys) for number in (3, 4, 5)]
    assert read == [
        ("教学楼夜巡", "23:30", 90, [1, 2, 3, 4, 5], "致远楼、明德楼", ["ac", "lights", "doors_windows"]),
        ("用水巡查", "16:30", 90, [1, 3, 5], "全部用水点", ["dripping", "running", "hot_water"]),
        ("一楼快巡", "22:05", 30, [1, 2, 3, 4, 5, 6, 7], "明德楼1楼；b301", ["hazard"]),
    ]


def test_every_refusal_names_its_row_and_its_cell(messy: sheets.Workbook) -> None:
    assert faults_of(messy) == {
        "Sheet1": [
            (12, "H12", "formula_without_value"),
            (13, "C13", "duplicate"),
            (14, "F14", "not_a_count"),
            (15, "B15", "not_a_floor"),
            (15, "H15", "out_of_range"),
            (17, "C17", "cell_error"),
            (18, "A18", "missing"),
            (19, "G19", "unit_missing"),
            (20, "F20", "count_merged"),
            (21, "F21", "count_merged"),
            (22, "C22", "cell_is_date"),
        ],
        "water": [(4, "C4", "duplicate"), (5, "F5", "not_yes_no"), (6, "C6", "duplicate")],
        "3": [
            (7, "D7", "not_weekdays"),
            (7, "F7", "not_questions"),
            (8, "C8", "unit_missing"),
            (10, "A10", "duplicate"),
        ],
    }


def test_a_duplicate_names_the_first_one_even_on_another_sheet(messy: sheets.Workbook) -> None:
    assert row_of(messy, "Sheet1", 13).faults[0][2] == {"sheet": "Sheet1", "row": 11, "cell": "C11"}
    assert row_of(messy, "water", 4).faults[0][2] == {"sheet": "water", "row": 2, "cell": "C2"}


def test_a_room_of_a_building_with_a_space_in_its_name_is_not_another_building(
    messy: sheets.Workbook,
) -> None:
    assert row_of(messy, "water", 6).faults[0][2] == {"sheet": "Sheet1", "row": 5, "cell": "C5"}


def test_refusals_quote_the_cell_and_say_what_is_allowed(messy: sheets.Workbook) -> None:
    assert row_of(messy, "Sheet1", 14).faults[0][2] == {"value": "约2台", "allowed": "0–999"}
    assert row_of(messy, "Sheet1", 17).faults[0][2] == {"value": "#REF!"}
    assert row_of(messy, "Sheet1", 22).faults[0][2] == {"value": "2026-01-02"}
    assert row_of(messy, "Sheet1", 20).faults[0][2] == {"range": "F20:F21", "value": "4台"}


def test_totals_notes_and_repeated_headers_are_passed_over_and_reported(messy: sheets.Workbook) -> None:
    assert [(sheet, row, code) for sheet, row, _, code in messy.ignored] == [
        ("Sheet1", 10, "total_row"),
        ("Sheet1", 16, "header_again"),
        ("Sheet1", 23, "total_row"),
        ("Sheet1", 24, "note_row"),
        ("water", 7, "total_row"),
    ]


def test_what_concerns_a_whole_sheet_is_noted(messy: sheets.Workbook) -> None:
    assert messy.notes == [
        {"sheet": "Sheet1", "code": "columns_ignored", "params": {"headings": ["序号"]}},
        {"sheet": "Sheet1", "code": "blank_rows", "params": {"count": 1}},
        {"sheet": "Sheet1", "code": "power_unit_by_size", "params": {"cell": "G7", "count": 1}},
        {"sheet": "旧表", "code": "sheet_hidden", "params": {}},
        {
            "sheet": "填写说明",
            "code": "sheet_not_recognised",
            "params": {"headings": ["请按模板填写", "不要改表头"]},
        },
    ]


def test_a_heading_over_two_rows_is_read_as_one() -> None:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    sheet = book.add_worksheet()
    for index, heading in enumerate(["楼栋", "楼层", "房号"]):
        sheet.merge_range(0, index, 1, index, heading)
    sheet.merge_range("D1:E1", "空调")
    sheet.write_row("D2", ["台数", "功率(W)"])
    sheet.write_row("A3", ["明德楼", 1, 101, 2, 2600])
    book.close()
    (row,) = sheets.read(target.getvalue()).rows
    assert (row.row, row.faults) == (3, [])
    assert row.values == {
        "building": "明德楼",
        "floor": 1,
        "number": "101",
        "ac_count": 2,
        "ac_power_kw": Decimal("2.6"),
    }


def test_of_two_columns_for_one_thing_the_exact_heading_wins_and_the_other_is_named() -> None:
    book = sheets.read(workbook([["编号", "楼栋", "楼层", "房间号", "灯数"], [1, "明德楼", 1, "A101", 4]]))
    assert book.rows[0].values["number"] == "A101"
    assert book.notes == [{"sheet": "Sheet1", "code": "columns_ignored", "params": {"headings": ["编号"]}}]


def test_general_headings_mean_what_the_title_above_them_says() -> None:
    rows: list[list[object]] = [["楼栋", "楼层", "编号", "名称"], ["明德楼", 1, "X1", "洗手台"]]
    assert sheets.read(workbook(用水点=rows)).rows[0].noun == "tap"
    assert sheets.read(workbook([["我校房间一览"], *rows])).rows[0].noun == "room"
    with pytest.raises(WorkbookError) as caught:
        sheets.read(workbook(rows))
    assert caught.value.reason == "no_table"


def test_a_sheet_without_a_column_that_is_needed_is_refused_as_a_whole() -> None:
    book = sheets.read(workbook([["楼栋", "房号", "空调台数"], ["明德楼", "A101", 2]]))
    assert [(row.row, row.faults) for row in book.rows] == [
        (1, [(None, "column_missing", {"field": "floor", "allowed": "楼层"})])
    ]


def test_a_building_named_once_without_merging_is_not_guessed_for_the_rows_below() -> None:
    book = sheets.read(workbook([["楼栋", "楼层", "房号"], ["明德楼", 1, "A101"], [None, 1, "A102"]]))
    assert faults_of(book) == {"Sheet1": [(3, "A3", "missing")]}


def zipped(**entries: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return target.getvalue()


def with_entry(name: str, content: bytes, rows: int = 1) -> bytes:
    """Return a good workbook with one of its files replaced."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook(room_rows(rows)))) as good,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bad,
    ):
        for entry in good.namelist():
            bad.writestr(entry, content if entry == name else good.read(entry))
        if name not in good.namelist():
            bad.writestr(name, content)
    return target.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
LYING = bytearray(with_entry("xl/media/bomb.bin", b"\0" * 40_000_000))
_at = LYING.rindex(struct.pack("<L", 40_000_000))
LYING[_at : _at + 4] = struct.pack("<L", 10)
ENTITIES = (
    b'<!DOCTYPE z [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(
        b'<!ENTITY a%d "%s">' % (n, b"&a%s;" % (b"%d" % (n - 1) if n else b"") * 10) for n in range(12)
    )
    + b"]><worksheet><sheetData><row><c><v>&a11;</v></c></row></sheetData></worksheet>"
)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "not_xlsx", id="nothing"),
        pytest.param("楼栋,房号\n明德楼,A101\n".encode(), "not_xlsx", id="csv"),
        pytest.param(b"<html>", "not_xlsx", id="html"),
        pytest.param(zipped(**{"a.txt": b"a"}), "not_xlsx", id="some other zip"),
        pytest.param(workbook(room_rows(3))[:-200], "not_xlsx", id="cut off"),
        pytest.param(OLE + b"\0" * 600 + "Workbook".encode("utf-16-le"), "old_xls", id="xls"),
        pytest.param(OLE + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "password", id="password"),
        pytest.param(with_entry("xl/media/bomb.bin", b"\0" * 40_000_000), "too_large", id="bomb"),
        pytest.param(zipped(**{f"xl/{number}": b"" for number in range(600)}), "too_large", id="many files"),
        pytest.param(with_entry(SHEET, b"<worksheet><sheetData><row"), "damaged", id="broken sheet"),
        pytest.param(with_entry(SHEET, ENTITIES), "damaged", id="entities"),
        pytest.param(with_entry("xl/workbook.xml", b"<workbook"), "damaged", id="broken workbook"),
        pytest.param(workbook([["你好"]]), "no_table", id="no table"),
        pytest.param(workbook([]), "no_table", id="empty"),
    ],
)
def test_a_file_that_is_no_workbook_of_ours_is_refused_for_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(WorkbookError) as caught:
        sheets.read(content)
    assert caught.value.reason == reason


def test_a_bomb_that_lies_about_its_size_is_never_unpacked() -> None:
    # The entry says ten bytes; zipfile believes it and stops there, and nothing of ours asks for that entry at all.
    assert [row.label for row in sheets.read(bytes(LYING)).rows] == ["1号楼 R0"]


def sheet_xml(inside: bytes) -> bytes:
    return (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        + inside
        + b"</worksheet>"
    )


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        pytest.param(
            b'<sheetData><row r="1048576"><c r="A1048576"><v>1</v></c></row></sheetData>',
            "too_large",
            id="far row",
        ),
        pytest.param(
            b'<sheetData><row r="2147483647"><c r="A2147483647"><v>1</v></c></row></sheetData>',
            "damaged",
            id="row beyond Excel",
        ),
        pytest.param(
            b'<sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData>'
            b'<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>',
            "too_large",
            id="everything merged",
        ),
        pytest.param(
            b'<sheetData><row r="1"><c r="XFD1"><v>1</v></c></row></sheetData>', "no_table", id="far column"
        ),
    ],
)
def test_a_sheet_that_claims_to_be_enormous_takes_no_time(inside: bytes, reason: str) -> None:
    with pytest.raises(WorkbookError) as caught:
        sheets.read(with_entry(SHEET, sheet_xml(inside)))
    assert caught.value.reason == reason


def test_more_rows_than_a_school_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_ROWS", 100)
    assert len(sheets.read(workbook(room_rows(99))).rows) == 99
    with pytest.raises(WorkbookError) as caught:
        sheets.read(workbook(room_rows(100)))
    assert caught.value.reason == "too_large"


def test_a_wrong_size_written_into_the_sheet_hides_no_row() -> None:
    content = workbook(room_rows(3))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        xml = archive.read(SHEET)
    assert b'<dimension ref="A1:H4"/>' in xml
    lying = with_entry(SHEET, xml.replace(b'ref="A1:H4"', b'ref="A1"'), rows=3)
    assert len(sheets.read(lying).rows) == 3
