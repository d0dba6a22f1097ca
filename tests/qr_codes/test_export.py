"""Codes as files: named so that a person finds them, safe on every system, and readable."""

import io
import zipfile
from pathlib import PurePosixPath

import pytest
import zxingcpp
from PIL import Image

from qr_codes.export import file_name, symbol_file, symbols_zip
from qr_codes.payload import new_code, new_short, spaced, tag_url
from qr_codes.sheet import Label


def label(number: str = "A101", name: str = "七年级1班", building: str = "明德楼") -> Label:
    return Label(tag_url("https://xc.mdsx.cn", new_code()), new_short(), name, number, building, 1)


def unpacked(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_zip_has_a_folder_a_building_and_a_file_named_after_each_place():
    labels = [label(), label("A102", "七年级2班"), label("S302", "物理实验室", "实验楼")]
    files = unpacked(symbols_zip(labels, kind="png"))
    assert list(files) == [
        "明德楼/A101 七年级1班.png",
        "明德楼/A102 七年级2班.png",
        "实验楼/S302 物理实验室.png",
    ]
    for one, content in zip(labels, files.values(), strict=True):
        (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(content)).convert("L"))
        assert found.text == one.url


def test_an_svg_carries_the_places_name_and_is_the_same_file_alone():
    one = label(name="<七年级>")
    (content,) = unpacked(symbols_zip([one], kind="svg")).values()
    assert content == symbol_file(one, "svg")
    assert "<title>A101 &lt;七年级&gt;</title>" in content.decode()


def test_progress_is_told_for_every_symbol():
    told: list[tuple[int, int]] = []
    symbols_zip([label(), label("A102")], kind="svg", progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


HOSTILE = [
    ("../../etc/passwd", "x"),
    ("/absolute", "x"),
    ("C:\\Windows", "x"),
    ("A:1*?", 'say "hi" <now>|'),
    ("CON", ""),
    ("", "nul.txt"),
    ("...", ""),
    (" ", " "),
    ("A\x00B\n", "tab\there"),
    ("長" * 40, "名" * 80),
    ("gpj\u202e", "txt"),
]


@pytest.mark.parametrize(("number", "name"), HOSTILE)
def test_no_name_leaves_its_folder_or_is_refused_by_windows(number: str, name: str):
    (path,) = unpacked(symbols_zip([label(number, name, building=f"{number}{name}")], kind="svg"))
    parts = PurePosixPath(path).parts
    assert len(parts) == 2
    for part in parts:
        stem = part.removesuffix(".svg")
        assert stem == stem.strip(" .")
        assert stem
        assert not set(stem) & set('<>:"/\\|?*\u202e')
        assert stem.isprintable()
        assert stem.split(".")[0].upper() not in {"CON", "NUL", "AUX", "PRN"}
        assert len(part.encode()) <= 255


def test_two_places_whose_names_meet_keep_a_file_each():
    labels = [label("a101"), label("A101"), label("A/1", "x"), label("A:1", "x")]
    files = unpacked(symbols_zip(labels, kind="svg"))
    assert len({name.casefold() for name in files}) == 4
    assert f"明德楼/A101 七年级1班 {labels[1].short}.svg" in files


def test_a_label_without_a_place_is_named_by_its_short_number():
    blank = Label(tag_url("https://xc.mdsx.cn", new_code()), new_short())
    assert file_name(blank, "svg") == f"{spaced(blank.short)}.svg"
    assert list(unpacked(symbols_zip([blank], kind="svg"))) == [f"{spaced(blank.short)}.svg"]
