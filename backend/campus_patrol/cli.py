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
from campus_patrol.cli_tags import tags
from campus_patrol.people.rules import ROLES
from campus_patrol.settings import Settings
from campus_patrol.terminal import (
    FILE,
    Program,
    bar,
    data_option,
    load_settings,
    out,
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
main.add_command(tags)
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


# ---------------------------------------------------------------- import, openapi


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
