"""The command line: what a school's IT teacher types."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from marshmallow import ValidationError
from sqlalchemy import select

from campus_patrol import __version__, cli_backup, cli_keep
from campus_patrol.cli_serve import demo, serve
from campus_patrol.people.rules import ROLES
from campus_patrol.settings import Settings
from campus_patrol.terminal import (
    FILE,
    Program,
    bar,
    data_option,
    load_settings,
    out,
    public_url_option,
    role_word,
    say,
    show_report,
    with_database,
    working,
)


@click.group(
    cls=Program,
    context_settings={"max_content_width": 100},
    help=say(
        "夜巡：扫码夜间巡查，没有信号也能用。\n\n先试用：campus-patrol demo。正式使用：init 建校，import 导入表格，"
        "tags sheet 打印标签，serve 启动服务。",
        "Campus Patrol (夜巡): night patrols with printed QR tags that work without a signal.\n\n"
        "To look around: campus-patrol demo. For real: init, then import, tags sheet, serve.",
    ),
)
@click.version_option(__version__, prog_name="campus-patrol")
@data_option
@click.pass_context
def main(context: click.Context, data: Path | None) -> None:
    """Remember the data folder for the command that follows."""
    context.obj = data


main.add_command(demo)
main.add_command(serve)
for command in (*cli_keep.COMMANDS, *cli_backup.COMMANDS):
    main.add_command(command)

# ---------------------------------------------------------------- init, person add


@main.command(
    help=say(
        "建立学校和第一个管理员。\n\n给了 --school 和 --admin，或没有终端可问时，不再提问；"
        "没有给密码就生成一个，只显示一次。",
        "Make the school and its first administrator.\n\nAsks nothing when given --school and --admin, or when "
        "there is no terminal to ask at. Without a password file it makes a password and prints it once.",
    )
)
@click.option(
    "--school", metavar="NAME", help=say("学校名称。", "The school's name, as it is printed on tags.")
)
@click.option(
    "--admin",
    metavar="ACCOUNT",
    help=say("管理员的登录账号。", "The account the administrator signs in with."),
)
@click.option(
    "--admin-name",
    metavar="NAME",
    help=say("管理员姓名，默认与账号相同。", "Their name; by default the account."),
)
@click.option(
    "--password-file",
    type=FILE,
    help=say("从文件里读管理员密码（第一行）。", "Read the password from this file's first line."),
)
@click.option(
    "--zone",
    default="Asia/Shanghai",
    show_default=True,
    help=say("学校所在时区。", "The school's time zone."),
)
@click.option(
    "--language",
    type=click.Choice(["zh-CN", "en"]),
    default="zh-CN",
    show_default=True,
    help=say("手机和值班台的语言。", "The language phones start in."),
)
@with_database
def init(
    school: str | None,
    admin: str | None,
    admin_name: str | None,
    password_file: Path | None,
    zone: str,
    language: str,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Make the school and its first administrator."""
    from campus_patrol.database import any_school, db
    from campus_patrol.people import service
    from campus_patrol.people.models import School

    settings = load_settings(data, database_url=database_url)
    asking = sys.stdin.isatty() and not (school and admin)
    with working(settings, school=False):
        with any_school():
            there = db.session.scalars(select(School)).first()
        if there is not None:
            raise click.ClickException(
                say(
                    f"{settings.data} 里已经有学校“{there.name}”。",
                    f"{settings.data} already holds the school {there.name}.",
                )
            )
        password = None
        if asking:
            school = school or click.prompt(say("学校名称", "School"))
            admin = admin or click.prompt(say("管理员账号", "Administrator's account"), default="admin")
        if password_file:
            password = (password_file.read_text(encoding="utf-8").splitlines() or [""])[0]
        elif asking:
            text = say("密码（直接回车就生成一个）", "Password (Enter makes one)")
            password = (
                click.prompt(text, default="", hide_input=True, confirmation_prompt=True, show_default=False)
                or None
            )
        school = (school or say("我的学校", "My school")).strip()
        admin = admin or "admin"
        person = checked_person(
            name=(admin_name or admin).strip(), role="admin", account=admin, password=password
        )
        if not 1 <= len(school) <= 120:
            raise click.BadParameter(
                say("学校名称要 1 到 120 个字。", "A school's name has 1 to 120 letters.")
            )
        try:
            service.create_school(name=school, zone=zone, language=language)
        except ValueError:
            raise click.BadParameter(
                say(
                    f"没有叫 {zone} 的时区，应像 Asia/Shanghai。",
                    f"No time zone is called {zone}; one is Asia/Shanghai.",
                )
            ) from None
        _, made = service.add_person(**person)
    out.print(
        say(
            f"已建立“{school}”，数据在 {settings.data}。",
            f"Made the school {school}; its data are in {settings.data}.",
        )
    )
    show_secrets(admin, made)
    out.print(
        say(
            "下一步：campus-patrol import 表格.xlsx，然后 campus-patrol serve --tls local",
            "Next: campus-patrol import FILE.xlsx, then campus-patrol serve --tls local",
        )
    )


def checked_person(**given: Any) -> dict[str, Any]:
    """Check a person by the same schema as the API does."""
    from campus_patrol.people.schemas import NewPerson

    hints = {
        "name": say(
            "姓名要 1 到 60 个字，首尾没有空格。", "A name has 1 to 60 letters and no space at its ends."
        ),
        "account": say(
            "账号要 2 到 60 个字母、数字或 _ . @ -。", "An account has 2 to 60 letters, digits or _ . @ -."
        ),
        "password": say("密码至少 8 个字符。", "A password has 8 characters or more."),
        "pin": say("PIN 要 6 到 8 位数字。", "A PIN has 6 to 8 digits."),
    }
    try:
        return NewPerson().load(given)
    except ValidationError as error:
        wrong = next(iter(error.messages_dict))
        raise click.ClickException(hints.get(wrong, str(error))) from None


def show_secrets(account: str | None, made: dict[str, str]) -> None:
    """Print what was generated, once."""
    labels = {"password": say("密码", "password"), "pin": "PIN"}
    for kind, secret in made.items():
        whose = f"{say('账号', 'account')} {account}  " if account and kind == "password" else ""
        out.print(f"  {whose}{labels[kind]} {secret}", style="bold")
    if made:
        out.print(say("请现在记下，以后不再显示。", "Write it down now: it is not shown again."))


@main.group(help=say("添加人员。", "Add people."))
def person() -> None:
    """People."""


@person.command(
    "add",
    help=say(
        "添加一个人。保安、水电工、检查员得到 6 位 PIN；主管和管理员还需要账号。生成的 PIN 和密码只显示一次。",
        "Add a person. Guards, repairers and inspectors get a PIN of 6 digits; supervisors and administrators need an "
        "account. What is generated is printed once.",
    ),
)
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help=say("岗位。", "What they do."))
@click.option("--account", help=say("登录值班台的账号。", "The account for signing in to the desk."))
@with_database
def add_person(
    name: str, role: str, account: str | None, data: Path | None, database_url: str | None
) -> None:
    """Add a person and print what was generated for them."""
    from campus_patrol.people import service

    given = checked_person(name=name.strip(), role=role, account=account)
    with working(load_settings(data, database_url=database_url)):
        _, made = service.add_person(**given)
    out.print(say(f"已添加 {name}（{role_word(role)}）。", f"Added {name} ({role_word(role)})."))
    show_secrets(account, made)


# ---------------------------------------------------------------- import, tags sheet, openapi


@main.command(
    "import",
    help=say(
        "从 Excel 表格导入房间、用水点和巡查路线。\n\n先用 --dry-run 看结果：哪些新增、变更、拒绝，"
        "原因和单元格都会列出。"
        "同一张表导入两次不会重复。有行被拒绝时退出码是 1。",
        "Import rooms, water points and routes from a spreadsheet.\n\nTry --dry-run first: it says what would be new, "
        "changed or refused, with cell and reason. Importing a file twice changes nothing. "
        "Exit code 1 when rows are refused.",
    ),
)
@click.argument("file", type=FILE, metavar="FILE.xlsx")
@click.option("--dry-run", is_flag=True, help=say("只检查，不写入。", "Only check; write nothing."))
@with_database
def import_file(file: Path, dry_run: bool, data: Path | None, database_url: str | None) -> int:
    """Import a spreadsheet and report what happened to its rows; 1 when some were refused."""
    from campus_patrol.imports import service

    with working(load_settings(data, database_url=database_url)), bar(file.name) as step:
        report = service.import_workbook(
            content=file.read_bytes(), filename=file.name, dry_run=dry_run, progress=step
        )
    show_report(report)
    return 1 if any(counts["refused"] for counts in report["counts"].values()) else 0


@main.group(help=say("打印标签。", "Print tags."))
def tags() -> None:
    """Tags."""


@tags.command(
    help=say(
        "生成 A4 标签 PDF：二维码、点位名称、短码、裁切线。打印时选“实际大小”。",
        "Make a PDF of A4 label sheets: code, place, short code, cut marks. Print it at actual size.",
    )
)
@click.argument("pdf", type=click.Path(dir_okay=False, writable=True, path_type=Path), metavar="OUT.pdf")
@click.option("--building", metavar="NAME", help=say("只要这栋楼。", "Only this building."))
@click.option(
    "--kind",
    type=click.Choice(["room", "tap", "facility"]),
    help=say("只要这类点位。", "Only places of this kind."),
)
@click.option(
    "--blank",
    type=click.IntRange(1, 500),
    help=say(
        "新做这么多张空白标签来打印：先贴上墙，保安扫到时再选点位。",
        "Make this many blank tags and print those: hang them up first, a guard picks the place when scanning one.",
    ),
)
@public_url_option
@with_database
def sheet(
    pdf: Path,
    building: str | None,
    kind: str | None,
    blank: int | None,
    public_url: str | None,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Write the label sheets to a file."""
    from campus_patrol.database import db
    from campus_patrol.places.models import Building
    from campus_patrol.tags import service

    settings = load_settings(data, database_url=database_url, public_url=public_url)
    if not settings.public_url:
        raise click.UsageError(
            say(
                "请用 --public-url https://… 说明手机访问的地址，它会印进二维码。",
                "Say with --public-url https://… at which address phones reach this server; it goes into the codes.",
            )
        )
    if blank and (building or kind):
        raise click.UsageError(
            say(
                "空白标签还没有点位，不能和 --building、--kind 一起用。",
                "Blank tags have no place yet: leave out --building and --kind.",
            )
        )
    if not pdf.parent.is_dir():
        raise click.ClickException(say(f"没有文件夹 {pdf.parent}。", f"There is no folder {pdf.parent}."))
    with working(settings), bar(pdf.name) as step:
        building_id = None
        if building:
            building_id = db.session.scalar(select(Building.id).where(Building.name == building))
            if building_id is None:
                names = "、".join(db.session.scalars(select(Building.name).order_by(Building.name))) or say(
                    "无", "none"
                )
                raise click.ClickException(
                    say(
                        f"没有叫“{building}”的楼；有：{names}。",
                        f"No building is called {building}; known are: {names}.",
                    )
                )
        made = [tag.id for tag in service.make_blank_tags(count=blank)] if blank else None
        content = service.render_sheet(
            tag_ids=made, building=building_id, kind=kind, base_url=settings.public_url, progress=step
        )
        # Written whole or not at all, and before the tags are marked as printed.
        part = pdf.with_name(pdf.name + ".part")
        part.write_bytes(content)
        part.replace(pdf)
    out.print(say(f"已写入 {pdf}，打印时选“实际大小”。", f"Wrote {pdf}; print it at actual size."))


@main.command(
    help=say(
        "输出接口说明（OpenAPI 3.1，JSON），供写程序对接的人使用。不需要数据文件夹。",
        "Print the API's contract as OpenAPI 3.1 in JSON, for whoever writes programs against it. "
        "Needs no data folder.",
    )
)
def openapi() -> None:
    """Print the OpenAPI document; needs no data."""
    from campus_patrol.app import create_app

    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings.load(data=folder, database_url="sqlite://"))
        with app.test_request_context():
            document = app.extensions["openapi"]()
        click.echo(app.json.dumps(document, indent=2))
