"""Symbols as files for other programs and print shops: one a tag, or all of them in a ZIP."""

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from typing import Literal

from qr_codes.payload import spaced
from qr_codes.sheet import Label
from qr_codes.symbol import png, svg

FileType = Literal["svg", "png"]

# Prints 33 modules, quiet zone included, 5.5 cm wide at 300 dpi; a whole number of pixels a module keeps edges sharp.
_SCALE = 20
# What Windows does not take in a name, and what no name needs; a slash must not begin a folder.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069<>:"/\\|?*]+')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_LONGEST = 60


def symbol_file(label: Label, kind: FileType) -> bytes:
    """Draw one label's symbol, with its quiet zone and without words, as an SVG or PNG file."""
    if kind == "png":
        return png(label.url, scale=_SCALE)
    return svg(label.url, title=_title(label)).encode()


def file_name(label: Label, kind: FileType) -> str:
    """Name a label's file after its number and name, or after its short number when it has no place."""
    return f"{_safe(_title(label))}.{kind}"


def symbols_zip(
    labels: Sequence[Label], *, kind: FileType, progress: Callable[[int, int], None] | None = None
) -> bytes:
    """Pack the symbols of labels as BUILDING/NUMBER NAME.svg or .png; ``progress`` is as for label_sheet."""
    content = io.BytesIO()
    taken: set[str] = set()
    # PNG and ZIP squeeze with the same method, and doing it twice gains nothing.
    method = zipfile.ZIP_STORED if kind == "png" else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(content, "w", method) as archive:
        for done, label in enumerate(labels, start=1):
            folder = f"{_safe(label.building)}/" if label.building else ""
            name = folder + file_name(label, kind)
            if name.casefold() in taken:
                # Two numbers that differ in a letter's case or in a character no file name takes.
                name = f"{name.removesuffix('.' + kind)} {label.short}.{kind}"
            taken.add(name.casefold())
            archive.writestr(zipfile.ZipInfo(name), symbol_file(label, kind), method)
            if progress:
                progress(done, len(labels))
    return content.getvalue()


def _title(label: Label) -> str:
    return f"{label.number} {label.name}".strip() or spaced(label.short)


def _safe(name: str) -> str:
    clean = " ".join(_UNSAFE.sub("_", name).split())[:_LONGEST].strip(" .")
    return f"_{clean}" if not clean or _RESERVED.match(clean) else clean
