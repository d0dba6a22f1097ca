"""How the command line talks: one language, one sentence when something is wrong, bars, and a QR code to scan."""

import io
import locale
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from alembic.util import CommandError
from flask import Flask
from qrcode.constants import ERROR_CORRECT_L
from qrcode.main import QRCode
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import create_engine, select
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from campus_patrol.certificate import CertificateError
from campus_patrol.people.rules import ROLES
from campus_patrol.problems import Problem
from campus_patrol.settings import Settings, SettingsError

Step = Callable[[int, int], None]
Command = TypeVar("Command", bound=Callable[..., Any])
FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)

# Nothing is markup: rich would make an emoji of ":AB:" in a fingerprint, and swallow a name in brackets.
out = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
# Bars go where they cannot end up in a file that the output is sent to.
aside = Console(stderr=True)


def _speaks_chinese() -> bool:
    for variable in ("CAMPUS_PATROL_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if chosen := os.environ.get(variable):
            return chosen.lower().startswith("zh")
    return (locale.getlocale()[0] or "").lower().startswith(("zh", "chinese"))


CHINESE = _speaks_chinese()

_ROLES = dict(zip(ROLES, ("保安", "水电工", "检查员", "主管", "管理员", "区县管理"), strict=True))

# Problems that a command can meet, by code, and unreadable workbooks by reason.
_IN_CHINESE = {
    "account_taken": "这个账号已经有人用了。",
    "account_needed": "这个岗位要登录值班台，请用 --account 给一个账号。",
    "nothing_to_print": "没有符合条件的标签。",
    "address_not_printable": "这个地址印不进二维码：要有一个真实的域名，最长 253 个字符。",
    "label_font_missing": "标签字体没有装上，请在源码文件夹里重新运行 pip install .",
    "not_xlsx": "这不是 Excel 工作簿（.xlsx）。",
    "old_xls": "这是旧的 .xls 文件，请先另存为 .xlsx。",
    "password": "表格有密码，请先另存一份没有密码的。",
    "too_large": "表格太大，读不了。",
    "damaged": "表格已损坏，读不了。",
    "no_table": "没有一页带房间、用水点或巡查路线的表头。",
}


def say(zh: str, en: str) -> str:
    """Choose the sentence in the language of this terminal."""
    return zh if CHINESE else en


def role_word(role: str) -> str:
    """Name a role in the language of this terminal, in the words of the desk."""
    return say(_ROLES[role], role)


data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help=say(
        "数据文件夹：数据库、照片、密钥都在里面。也可用环境变量 CAMPUS_PATROL_DATA；"
        "默认是当前目录下的 campus-patrol-data。",
        "The data folder: database, photos and keys live in it. Also CAMPUS_PATROL_DATA; "
        "by default campus-patrol-data in the current folder.",
    ),
)
database_option = click.option(
    "--database-url",
    metavar="URL",
    help=say(
        "改用 PostgreSQL 时的数据库地址，如 postgresql://user:pass@host/name；不填就是数据文件夹里的 SQLite 文件。",
        "The database's address, as postgresql://user:pass@host/name; left out, an SQLite file in the data folder.",
    ),
)
public_url_option = click.option(
    "--public-url",
    metavar="https://HOST",
    help=say(
        "手机访问本系统的地址，会印在标签上，如 https://patrol.example.cn。",
        "The address at which phones reach this server, printed on tags, as https://patrol.example.cn.",
    ),
)


def with_database(command: Command) -> Command:
    """Add the options that say where the data are."""
    return data_option(database_option(command))


class Program(click.Group):
    """A group of commands in which whatever the person got wrong ends in one sentence and exit code 2."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run a command; with standalone_mode off, errors are the caller's."""
        if not standalone_mode:
            return super().main(*args, standalone_mode=False, **extra)
        try:
            result = super().main(*args, standalone_mode=False, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(2)
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "campus-patrol"
            _fail(f"{error.format_message()} " + say(f"用法见 {command} --help。", f"See {command} --help."))
        except click.ClickException as error:
            _fail(error.format_message())
        except click.Abort:
            _fail(say("已中止。", "Stopped."), code=130)
        except Problem as error:
            known = _IN_CHINESE.get(error.extra.get("reason", error.code))
            _fail(say(known, error.detail or error.title) if known else error.detail or error.title)
        except (SettingsError, CertificateError) as error:
            _fail(str(error))
        except OSError as error:
            _fail(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error))
        sys.exit(result if isinstance(result, int) else 0)


def _fail(sentence: str, *, code: int = 2) -> NoReturn:
    click.echo(f"campus-patrol: {' '.join(sentence.split())}", err=True)
    sys.exit(code)


@contextmanager
def bar(label: str) -> Iterator[Step]:
    """Show a bar while long work goes on; yields what the work calls with (done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=aside, transient=True, disable=not aside.is_terminal) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def table(*columns: str) -> Table:
    """Make a table without lines, so that it can be copied out of the terminal."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def show_qr(text: str) -> None:
    """Draw a QR code in block characters, dark on light whatever the terminal's colours are."""
    code = QRCode(error_correction=ERROR_CORRECT_L, border=2)
    code.add_data(text)
    drawing = io.StringIO()
    code.print_ascii(out=drawing)
    for line in drawing.getvalue().splitlines():
        out.print(line, style="black on white", no_wrap=True)


def load_settings(data: Path | None, **overrides: Any) -> Settings:
    """Read the settings; the folder may be named before or after the command."""
    return Settings.load(data=data or click.get_current_context().obj, **overrides)


@contextmanager
def working(settings: Settings, *, school: bool = True) -> Iterator[Flask]:
    """Work in the database as one request does: one commit at the end, or a rollback when anything is raised.

    With `school`, works for the school in the data folder, and stops with a sentence when there is none.
    """
    from campus_patrol.app import create_app
    from campus_patrol.database import any_school, db, use_school
    from campus_patrol.people.models import School

    if school:
        require_school(settings)
    else:
        prepare(settings)
    app = create_app(settings)
    with app.app_context():
        try:
            if school:
                with any_school():
                    found = db.session.scalars(select(School).order_by(School.created_at).limit(1)).one()
                    use_school(found.id)
            yield app
            db.session.commit()
        except OperationalError as error:
            db.session.rollback()
            raise _unusable(error) from None
        except BaseException:
            db.session.rollback()
            raise
        finally:
            db.session.remove()
            db.engine.dispose()


def require_school(settings: Settings) -> None:
    """Stop with a sentence unless there is a school to serve; without the application, which takes time to load."""
    from campus_patrol.people.models import School

    if settings.database.startswith("sqlite") and not settings.data.exists():
        raise _no_school(settings)
    prepare(settings)
    engine = create_engine(settings.database)
    with engine.connect() as connection:
        found = connection.execute(select(School.id).limit(1)).first()
    engine.dispose()
    if found is None:
        raise _no_school(settings)


def _no_school(settings: Settings) -> click.ClickException:
    return click.ClickException(
        say(
            f"{settings.data} 里还没有学校，请先运行 campus-patrol init。",
            f"There is no school in {settings.data} yet; run campus-patrol init first.",
        )
    )


def prepare(settings: Settings) -> None:
    """Make the data folder, for its owner only, and bring the database to this version's tables."""
    from campus_patrol.database import upgrade

    if not settings.data.exists():
        settings.data.mkdir(parents=True, mode=0o700)
    before = os.umask(0o077)
    try:
        upgrade(settings)
    except (ArgumentError, ModuleNotFoundError):
        raise click.ClickException(
            say(
                "数据库地址写得不对，应像 postgresql://user:pass@host/name。",
                "The database's address must look like postgresql://user:pass@host/name.",
            )
        ) from None
    except CommandError:
        raise click.ClickException(
            say(
                f"{settings.data} 的数据是更新的版本写的，请安装新版本。",
                f"The data in {settings.data} were written by a newer version; install that one.",
            )
        ) from None
    except DatabaseError as error:
        raise _unusable(error) from None
    finally:
        os.umask(before)


def _unusable(error: DatabaseError) -> click.ClickException:
    reason = str(error.orig).strip().splitlines()[0].rstrip(".")
    return click.ClickException(say(f"数据库不能用：{reason}。", f"The database cannot be used: {reason}."))


# What the report's codes mean; a cell of any other code simply does not read as what its column holds.
REASONS = {
    "missing": say("{field}没有填", "{field} is empty"),
    "column_missing": say("没有“{field}”这一列", "there is no column for {field}"),
    "cell_error": say("单元格是错误值 {value}", "the cell shows the error {value}"),
    "formula_without_value": say(
        "公式没有结果，请用 Excel 打开并保存", "a formula without its result: save the file in Excel"
    ),
    "cell_is_date": say("{value} 被 Excel 存成了日期", "Excel turned it into the date {value}"),
    "count_merged": say(
        "合并单元格 {range} 里的数量不知道归谁", "a count in the merged cells {range} belongs to no one row"
    ),
    "unit_missing": say("{value} 缺少单位", "{value} has no unit"),
    "out_of_range": say("{value} 不在 {min} 到 {max} 之间", "{value} is not between {min} and {max}"),
    "too_long": say("{length} 个字，最多 {max} 个", "{length} letters, at most {max}"),
    "duplicate": say("与“{sheet}”第 {row} 行重复", "the same as row {row} of {sheet}"),
    "kind_conflict": say("这个编号已经是另一类点位", "another kind of place has this number"),
    "scope_unknown": say("没有“{part}”这个地方", "no place is called {part}"),
    "scope_ambiguous": say("“{part}”不止一个", "{part} is more than one place"),
    "scope_empty": say("“{part}”里没有点位", "there are no places in {part}"),
}


# The columns a row cannot do without, as a Chinese sheet heads them.
COLUMNS = {
    "building": "楼栋",
    "floor": "楼层",
    "number": "编号",
    "name": "名称",
    "start": "开始时间",
    "window": "时限",
}
COLUMNS |= {"weekdays": "星期", "scope": "巡查范围", "questions": "检查内容"}


def reason(code: str, params: dict[str, Any]) -> str:
    """Say why a row was refused, and what would have been taken where the report knows."""
    field = params.get("field", "")
    text = REASONS.get(code, say("看不懂“{value}”", "cannot read {value}"))
    sentence = text.format_map({"value": "", **params, "field": say(COLUMNS.get(field, field), field)})
    allowed = params.get("allowed")
    if not allowed:
        return sentence
    given = "、".join(map(str, allowed)) if isinstance(allowed, list | tuple) else str(allowed)
    return sentence + say(f"（可以是：{given}）", f" (allowed: {given})")


def show_report(report: dict[str, Any]) -> None:
    """Print an import's report: the counts, then every refused row with its cell and the reason."""
    sheets = {
        "rooms": say("房间", "rooms"),
        "taps": say("用水点", "water points"),
        "routes": say("巡查路线", "routes"),
    }
    statuses = ("new", "changed", "unchanged", "refused")
    counts = table(
        "", say("新增", "new"), say("变更", "changed"), say("不变", "unchanged"), say("拒绝", "refused")
    )
    for kind, count in report["counts"].items():
        counts.add_row(sheets.get(kind, kind), *(str(count[status]) for status in statuses))
    out.print(counts)
    refused = [row for row in report["rows"] if row["status"] == "refused"]
    if refused:
        rows = table(say("工作表", "sheet"), say("位置", "where"), say("内容", "what"), say("原因", "why"))
        for row in refused:
            where = row["cell"] or say(f"第 {row['row']} 行", f"row {row['row']}")
            rows.add_row(row["sheet"], where, str(row["what"] or ""), reason(row["code"], row["params"]))
        out.print(rows)
    if report["dry_run"]:
        out.print(say("只是检查，没有写入任何内容。", "This was a check; nothing was written."))
