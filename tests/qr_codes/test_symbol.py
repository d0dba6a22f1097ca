"""The symbol: small, valid, and readable by an independent reader."""

import io
from xml.etree import ElementTree as ET

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from qr_codes.payload import new_code, tag_url
from qr_codes.symbol import QUIET_ZONE, matrix, png, runs, svg

URL = tag_url("https://xc.mdsx.cn", new_code())


def read(image: Image.Image) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(image.convert("L"))]


def test_a_tag_with_a_usual_host_fits_25_modules_at_level_q():
    assert len(URL) == 29
    assert len(matrix(URL)) == 25
    found = zxingcpp.read_barcode(Image.open(io.BytesIO(png(URL))).convert("L"))
    assert (found.text, found.ec_level) == (URL, "Q")


def test_lower_case_would_have_cost_a_larger_symbol():
    assert len(matrix(URL.lower())) > len(matrix(URL))


def test_the_png_is_pure_black_and_white_with_four_light_modules_all_round():
    image = Image.open(io.BytesIO(png(URL, scale=3)))
    side = (len(matrix(URL)) + 2 * QUIET_ZONE) * 3
    assert image.size == (side, side)
    assert image.mode == "1"
    dark = image.convert("L").point(lambda value: 255 - value).getbbox()
    assert dark == (QUIET_ZONE * 3, QUIET_ZONE * 3, side - QUIET_ZONE * 3, side - QUIET_ZONE * 3)


def test_the_svg_is_one_path_that_draws_exactly_the_modules():
    document = ET.fromstring(svg(URL, title='A101 <"&>'))
    names = [element.tag.rpartition("}")[2] for element in document]
    assert names == ["title", "rect", "path"]
    assert document[0].text == 'A101 <"&>'
    modules = matrix(URL)
    side = len(modules) + 2 * QUIET_ZONE
    assert document.get("viewBox") == f"0 0 {side} {side}"
    image = Image.new("L", (side, side), 255)
    for bar in document[2].get("d").removesuffix("z").split("z"):
        move, rest = bar[1:].split("h", 1)
        x, y = map(int, move.split())
        ImageDraw.Draw(image).line((x, y, x + int(rest.split("v")[0]) - 1, y), fill=0)
    drawn = [
        [image.getpixel((x + QUIET_ZONE, y + QUIET_ZONE)) == 0 for x in range(len(modules))]
        for y in range(len(modules))
    ]
    assert drawn == modules


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=1, max_size=6))
def test_bars_cover_every_dark_module_once_and_no_light_one(modules: list[list[bool]]):
    covered = [(x + n, y) for x, y, length in runs(modules) for n in range(length)]
    dark = [(x, y) for y, row in enumerate(modules) for x, is_dark in enumerate(row) if is_dark]
    assert sorted(covered) == sorted(dark)


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=120))
def test_any_plain_text_reads_back(text: str):
    assert read(Image.open(io.BytesIO(png(text, scale=4)))) == [text]


@pytest.mark.parametrize("text", ["学校夜巡", "https://patrol.example.cn/#enrol=0123456789ABCDEFGHJKMNPQRS"])
def test_chinese_and_enrolment_codes_read_back(text: str):
    assert read(Image.open(io.BytesIO(png(text)))) == [text]


def test_a_text_that_no_symbol_holds_is_refused_with_its_length():
    with pytest.raises(ValueError, match="5000 characters"):
        matrix("A" * 5000)


def test_a_symbol_survives_a_torn_corner():
    image = Image.open(io.BytesIO(png(URL, scale=8))).convert("L")
    side = image.width
    # A strip as wide as a thumb across the lower right, where no finder pattern is: level Q carries a quarter lost.
    ImageDraw.Draw(image).rectangle((side - 96, side - 96, side, side), fill=255)
    assert read(image) == [URL]
