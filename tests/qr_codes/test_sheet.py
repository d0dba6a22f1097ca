"""The label sheets: every label is there, whole, large enough, and reads back from the printed page."""

import random
import re
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
import zxingcpp
from PIL import Image, ImageChops

from qr_codes import sheet
from qr_codes.payload import TagCode, new_code, new_short, parse, spaced, tag_url
from qr_codes.sheet import (
    LABEL_HEIGHT,
    LABEL_WIDTH,
    PER_PAGE,
    SYMBOL_BOX,
    SYMBOL_TOP,
    FontMissingError,
    Label,
    label_sheet,
)
from qr_codes.symbol import QUIET_ZONE, matrix

CAMPUS = Path(__file__).parents[2] / "backend/campus_patrol/demo/campus.xlsx"
LONG = "国际部综合实验楼三层东侧洗手台"
DPI = 150


def label(
    name: str = "七年级1班", *, base: str = "https://xc.mdsx.cn", floor: int = 1, **words: str
) -> Label:
    return Label(
        url=tag_url(base, new_code()),
        short=new_short(),
        name=name,
        number=words.get("number", "A101"),
        building=words.get("building", "明德楼"),
        floor=floor,
    )


def pages(pdf: bytes, folder: Path, *, dpi: int = DPI, only: int | None = None) -> list[Image.Image]:
    """The pages as a printer would see them, grey."""
    assert shutil.which("pdftoppm"), "this test needs pdftoppm (package poppler-utils)"
    (folder / "sheet.pdf").write_bytes(pdf)
    some = ["-f", str(only), "-l", str(only)] if only else []
    subprocess.run(
        ["pdftoppm", "-gray", "-r", str(dpi), *some, folder / "sheet.pdf", folder / "page"],
        check=True,
        capture_output=True,
    )
    images = []
    for file in sorted(folder.glob("page-*.pgm")):
        with Image.open(file) as image:
            images.append(image.copy())
    return images


def words(pdf: bytes, folder: Path) -> str:
    (folder / "sheet.pdf").write_bytes(pdf)
    command = ["pdftotext", "-layout", folder / "sheet.pdf", "-"]
    return subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout


def campus_labels() -> list[Label]:
    """A label for each of the 358 rooms and 66 water points of a whole school."""
    book = openpyxl.load_workbook(CAMPUS, read_only=True)
    rows = [
        row[:4]
        for name in ("房间", "用水点")
        for row in book[name].iter_rows(min_row=2, values_only=True)
        if row[0]
    ]
    book.close()
    return [
        label(name or number, number=number, building=building, floor=int(floor))
        for building, floor, number, name in rows
    ]


def test_all_words_of_a_label_stand_on_it(tmp_path: Path):
    one = label("物理实验室", building="实验楼", number="S302", floor=3)
    text = words(label_sheet([one], school_name="明德实验学校"), tmp_path)
    for expected in ("物理实验室", "S302", "3层", "第1页，共1页"):
        assert expected in text.replace(" ", "")
    assert spaced(one.short).replace(" ", "") in re.sub(r"\s", "", text)
    # On the label, and in the heading of the page.
    assert text.count("明德实验学校") == 2


def test_an_english_school_gets_english_words(tmp_path: Path):
    text = words(label_sheet([label(floor=-1)], school_name="Mingde School", language="en"), tmp_path)
    assert "page 1 of 1" in text
    assert "basement 1" in text
    assert "第" not in text


def test_symbols_read_back_and_stand_in_the_order_given(tmp_path: Path):
    labels = [label(f"七年级{n}班") for n in range(1, PER_PAGE + 1)]
    (image,) = pages(label_sheet(labels, school_name="明德实验学校"), tmp_path)
    found = sorted(
        zxingcpp.read_barcodes(image), key=lambda f: (f.position.top_left.y // 50, f.position.top_left.x)
    )
    assert [one.text for one in found] == [one.url for one in labels]


@pytest.mark.parametrize(
    "base",
    [
        "https://xc.mdsx.cn",
        "https://localhost:8443",
        "https://campus-patrol.mingde-experimental-school.edu.cn:8443",
    ],
)
def test_a_symbol_is_at_least_28_mm_wide_with_a_clean_quiet_zone_of_four_modules(base: str, tmp_path: Path):
    one = label("国际部综合实验楼" * 5, base=base)
    dpi = 300
    (image,) = pages(label_sheet([one], school_name="一所名字很长的实验学校附属国际部"), tmp_path, dpi=dpi)
    (found,) = zxingcpp.read_barcodes(image)
    assert found.text == one.url
    corners = found.position
    width = (corners.top_right.x - corners.top_left.x) / dpi * 25.4
    modules = len(matrix(one.url))
    assert width >= 28
    assert width == pytest.approx(SYMBOL_BOX * modules / (modules + 2 * QUIET_ZONE), abs=0.4)
    quiet = int(SYMBOL_BOX * QUIET_ZONE / (modules + 2 * QUIET_ZONE) / 25.4 * dpi) - 2
    left, top = corners.top_left.x - quiet, corners.top_left.y - quiet
    right, bottom = corners.bottom_right.x + quiet, corners.bottom_right.y + quiet
    around = image.crop((left, top, right, bottom)).convert("L")
    inside = (quiet - 2, quiet - 2, around.width - quiet + 2, around.height - quiet + 2)
    around.paste(255, inside)
    assert around.getextrema()[0] > 200, "something is printed in the quiet zone"


@pytest.mark.parametrize(
    "name",
    [
        "厕",
        LONG,
        LONG + LONG,
        "高三年级组办公室（含打印间、茶水间及教师休息区）",
        "Mathematics and Science Resource Centre, Room 3",
        "ABCDEFGHIJ" * 8,
        "国" * 80,
        " ",
    ],
    ids=lambda name: name[:12],
)
def test_a_name_of_any_length_stays_inside_its_label(name: str, tmp_path: Path):
    full = label("")
    # The middle label of the page's second row, so that there are neighbours on three sides to run into.
    labels = [full] * 5
    (blank,) = pages(label_sheet(labels, school_name="明德实验学校"), tmp_path, dpi=100)
    labels[4] = replace(full, name=name)
    (image,) = pages(label_sheet(labels, school_name="明德实验学校"), tmp_path, dpi=100)
    changed = ImageChops.difference(image, blank).point(lambda value: 255 * (value > 60)).getbbox()
    if not name.strip():
        assert changed is None
        return
    left, top, right, bottom = (edge / 100 * 25.4 for edge in changed)
    x, y = sheet.LEFT + LABEL_WIDTH, sheet.TOP + LABEL_HEIGHT
    assert x + 3 <= left < right <= x + LABEL_WIDTH - 3
    assert y + SYMBOL_TOP + SYMBOL_BOX < top < bottom <= y + LABEL_HEIGHT - 4


@pytest.mark.parametrize("name", [LONG, LONG + LONG, "高三年级组办公室（含打印间、茶水间及教师休息区）"])
def test_wrapping_loses_no_character_and_leaves_none_alone(name: str):
    document = sheet._Sheet(sheet._WORDS["zh-CN"], "学校")
    document.add_page()
    drawn: list[str] = []
    document._line = lambda text, *_, **__: drawn.append(text)  # type: ignore[method-assign]
    document._name(name, 50, 50, 8.5)
    document.fonts["sans"].close()
    assert "".join(drawn) == name
    assert min(map(len, drawn)) >= max(map(len, drawn)) * 0.6
    assert not any(line[0] in "）、，。" for line in drawn)


def test_pages_are_numbered_and_progress_is_told(tmp_path: Path):
    told: list[tuple[int, int]] = []
    labels = [label() for _ in range(PER_PAGE + 1)]
    pdf = label_sheet(labels, school_name="学校", progress=lambda done, total: told.append((done, total)))
    assert told == [(n, 13) for n in range(1, 14)]
    text = words(pdf, tmp_path).replace(" ", "")
    assert "第1页，共2页" in text
    assert "第2页，共2页" in text


def test_a_whole_schools_labels_take_seconds_and_stay_small():
    labels = campus_labels()
    assert len(labels) == 358 + 66
    began = time.perf_counter()
    pdf = label_sheet(labels, school_name="明德实验学校")
    assert time.perf_counter() - began < 10
    assert len(pdf) < 1_500_000, "the font must go in as a subset"


@pytest.mark.e2e
def test_all_424_labels_of_a_school_read_back_from_the_rasterised_pages(tmp_path: Path):
    labels = campus_labels()
    read: list[str] = []
    for image in pages(label_sheet(labels, school_name="明德实验学校"), tmp_path):
        read += [found.text for found in zxingcpp.read_barcodes(image)]
    assert sorted(read) == sorted(one.url for one in labels)
    assert all(isinstance(parse(text), TagCode) for text in read)


def test_a_photographed_page_still_reads(tmp_path: Path):
    """A page seen by a poor camera: small, turned, grey and noisy."""
    labels = [label() for _ in range(PER_PAGE)]
    (image,) = pages(label_sheet(labels, school_name="明德实验学校"), tmp_path)
    chance = random.Random(7)
    image = image.rotate(7, expand=True, fillcolor=255).point(lambda value: 60 + value * 0.5)
    noise = Image.frombytes(
        "L", image.size, bytes(chance.randrange(256) for _ in range(image.width * image.height))
    )
    image = Image.blend(image, noise, 0.12)
    assert {found.text for found in zxingcpp.read_barcodes(image)} == {one.url for one in labels}


def test_no_labels_make_no_sheet():
    with pytest.raises(ValueError, match="at least one"):
        label_sheet([], school_name="学校")


def test_a_missing_font_says_what_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(sheet, "FONT", tmp_path / "none.ttf")
    with pytest.raises(FontMissingError, match="pip install"):
        label_sheet([label()], school_name="学校")


def test_the_sheet_is_a4(tmp_path: Path):
    (image,) = pages(label_sheet([label()], school_name="学校"), tmp_path, dpi=254)
    assert image.size == pytest.approx((2100, 2970), abs=1)
