"""Printing tags from the command line: labels as a PDF, bare codes as files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy import select

from campus_patrol.settings import Settings
from campus_patrol.terminal import bar, load_settings, out, public_url_option, say, with_database, working
from qr_codes.papers import PAPERS

Command = TypeVar("Command", bound=Callable[..., Any])
_TYPES = ("svg", "png")


@click.group(help=say("打印标签，导出二维码。", "Print tags, export their codes."))
def tags() -> None:
    """Tags."""


def _choosing(command: Command) -> Command:
    """Add the options that say which tags."""
    for option in reversed(
        (
            click.option("--building", metavar="NAME", help=say("只要这栋楼。", "Only this building.")),
            click.option(
                "--kind",
                type=click.Choice(["room", "tap", "facility"]),
                help=say("只要这类点位。", "Only places of this kind."),
            ),
            click.option(
                "--number",
                metavar="NUMBER",
                help=say("只要这个编号的点位。", "Only the place of this number."),
            ),
            click.option(
                "--unprinted",
                is_flag=True,
                help=say("只要还没打印过的。", "Only those that were not printed yet."),
            ),
            public_url_option,
        )
    ):
        command = option(command)
    return with_database(command)


@tags.command(
    help=say(
        "生成标签 PDF：二维码、点位名称、短码、报修提示，用水点还有阀门位置。打印时选“实际大小”。\n\n"
        "纸张 --paper：a4（每页 12 张，裁切），a5（每页 4 张大标签），roll40、roll50、roll60（标签卷，每页一张：40×60、"
        "50×70、60×80 毫米），small25（25 毫米宽的小标签，A4 每页 42 张）。",
        "Make a PDF of labels: code, place, short code, where to report a fault, and a tap's valve. Print it at actual "
        "size.\n\n--paper: a4 (12 a page, to cut), a5 (4 large ones a page), roll40, roll50, roll60 (label rolls, one "
        "a page: 40×60, 50×70, 60×80 mm), small25 (25 mm wide, 42 on an A4 page).",
    )
)
@click.argument("pdf", type=click.Path(dir_okay=False, writable=True, path_type=Path), metavar="OUT.pdf")
@click.option(
    "--paper",
    type=click.Choice(list(PAPERS)),
    default="a4",
    show_default=True,
    help=say("打印在什么纸上。", "What to print on."),
)
@click.option(
    "--blank",
    type=click.IntRange(1, 500),
    help=say(
        "新做这么多张空白标签来打印：先贴上墙，保安扫到时再选点位。",
        "Make this many blank tags and print those: hang them up first, a guard picks the place when scanning one.",
    ),
)
@_choosing
def sheet(
    pdf: Path,
    paper: str,
    blank: int | None,
    building: str | None,
    kind: str | None,
    number: str | None,
    unprinted: bool,
    public_url: str | None,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Write the labels to a file."""
    from campus_patrol.tags import service

    if blank and (building or kind or number or unprinted):
        raise click.UsageError(
            say(
                "空白标签还没有点位，不能和 --building、--kind、--number、--unprinted 一起用。",
                "Blank tags have no place yet: leave out --building, --kind, --number and --unprinted.",
            )
        )
    settings = _ready(pdf, data, database_url, public_url)
    with working(settings), bar(pdf.name) as step:
        printing = service.printing(base_url=settings.public_url)
        made = [tag.id for tag in service.make_blank_tags(count=blank)] if blank else None
        content = service.render_sheet(
            tag_ids=made,
            **_choice(building=building, kind=kind, number=number, unprinted=unprinted),
            paper=paper,
            base_url=settings.public_url,
            progress=step,
        )
        # Before the tags are marked as printed.
        _write(pdf, content)
    out.print(say(f"已写入 {pdf}，打印时选“实际大小”。", f"Wrote {pdf}; print it at actual size."))
    _warn(printing, paper)


@tags.command(
    help=say(
        "导出二维码图形，给印刷厂或别的软件用。\n\nOUT.zip 得到全部，按“楼栋/编号 名称”命名，--type 选 svg 或 png；"
        "OUT.svg 或 OUT.png 只得到一个，用 --number 说明是哪个。不算作已打印。",
        "Export bare codes, for a print shop or another program.\n\nOUT.zip gets all of them, named "
        "BUILDING/NUMBER NAME, with --type svg or png; OUT.svg or OUT.png gets one: "
        "say which with --number. They do not count as printed.",
    )
)
@click.argument(
    "file", type=click.Path(dir_okay=False, writable=True, path_type=Path), metavar="OUT.zip|OUT.svg|OUT.png"
)
@click.option(
    "--type",
    "file_type",
    type=click.Choice(_TYPES),
    default="svg",
    show_default=True,
    help=say("ZIP 里的文件类型。", "What kind of files a ZIP holds."),
)
@_choosing
def export(
    file: Path,
    file_type: str,
    building: str | None,
    kind: str | None,
    number: str | None,
    unprinted: bool,
    public_url: str | None,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Write codes to a file."""
    from campus_patrol.tags import service

    suffix = file.suffix.lower().removeprefix(".")
    if suffix not in ("zip", *_TYPES):
        raise click.UsageError(
            say("文件名要以 .zip、.svg 或 .png 结尾。", "The file's name must end in .zip, .svg or .png.")
        )
    settings = _ready(file, data, database_url, public_url)
    with working(settings), bar(file.name) as step:
        printing = service.printing(base_url=settings.public_url)
        choice = _choice(building=building, kind=kind, number=number, unprinted=unprinted)
        if suffix == "zip":
            content = service.pack_symbols(
                **choice,
                file_type=file_type,  # type: ignore[arg-type]
                base_url=settings.public_url,
                progress=step,
            )
        else:
            chosen = service.tags_to_print(**choice)
            if len(chosen) > 1:
                raise click.ClickException(
                    say(
                        f"符合条件的有 {len(chosen)} 个，请用 --number 选一个，或写成 .zip。",
                        f"{len(chosen)} tags fit; choose one with --number, or write a .zip.",
                    )
                )
            _, content = service.symbol(
                tag_id=chosen[0].id,
                file_type=suffix,  # type: ignore[arg-type]
                base_url=settings.public_url,
            )
        _write(file, content)
    out.print(say(f"已写入 {file}。", f"Wrote {file}."))
    _warn(printing, "a4")


def _ready(file: Path, data: Path | None, database_url: str | None, public_url: str | None) -> Settings:
    settings = load_settings(data, database_url=database_url, public_url=public_url)
    if not settings.public_url:
        raise click.UsageError(
            say(
                "请用 --public-url https://… 说明手机访问的地址，它会印进二维码。",
                "Say with --public-url https://… at which address phones reach this server; it goes into the codes.",
            )
        )
    if not file.parent.is_dir():
        raise click.ClickException(say(f"没有文件夹 {file.parent}。", f"There is no folder {file.parent}."))
    return settings


def _choice(*, building: str | None, kind: str | None, number: str | None, unprinted: bool) -> dict[str, Any]:
    """Find the building and the place that the person named."""
    from campus_patrol.database import db
    from campus_patrol.places.models import Building, Place

    building_id, places = None, None
    if building:
        building_id = db.session.scalar(select(Building.id).where(Building.name == building))
        if building_id is None:
            names = "、".join(db.session.scalars(select(Building.name).order_by(Building.name)))
            raise click.ClickException(
                say(
                    f"没有叫“{building}”的楼；有：{names or '无'}。",
                    f"No building is called {building}; known are: {names or 'none'}.",
                )
            )
    if number:
        wanted = select(Place.id).where(Place.number == number, Place.active)
        if building_id:
            wanted = wanted.where(Place.building_id == building_id)
        places = db.session.scalars(wanted).all()
        if not places:
            raise click.ClickException(
                say(f"没有编号是“{number}”的点位。", f"No place has the number {number}.")
            )
    return {"building": building_id, "kind": kind, "place_ids": places, "unprinted": unprinted}


def _write(file: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    part = file.with_name(file.name + ".part")
    part.write_bytes(content)
    part.replace(file)


def _warn(printing: dict[str, Any], key: str) -> None:
    """Say what a long address costs; it never keeps anybody from printing."""
    characters, enough = printing["characters"], printing["short_enough"]
    if characters <= enough:
        return
    paper = next(one for one in printing["papers"] if one["key"] == key)
    out.print(
        say(
            f"提示：这个地址让每个码有 {characters} 个字符，{enough} 个以内最好认。实测的昏暗、倾斜、模糊画面，"
            f"码宽 {paper['symbol']:.0f} 毫米时一次读出 {paper['read']:.0%}，同一张纸上 {enough} 个字符时是 "
            f"{paper['read_short']:.0%}。有短一点的域名更好；不改也能用。",
            f"Note: with this address a code carries {characters} characters; up to {enough} read best. Of the "
            f"measured dark, tilted and blurred frames {paper['read']:.0%} were read at once from a code "
            f"{paper['symbol']:.0f} mm wide, {paper['read_short']:.0%} with {enough} characters on the same paper. "
            "A shorter host name helps; these work as well.",
        )
    )
