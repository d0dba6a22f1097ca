"""The commands that keep what was recorded: verify it, sign it every day."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from marshmallow import EXCLUDE, ValidationError

from campus_patrol.terminal import (
    FILE,
    bar,
    load_settings,
    out,
    require_school,
    say,
    show_qr,
    with_database,
    working,
)

if TYPE_CHECKING:
    from campus_patrol.audit.rules import Fault, SignedHead
    from campus_patrol.audit.service import Outcome

# What each fault means; the values are those of audit.rules.Fault.
FAULTS = {
    "log_gap": say(
        "记录 {other} 不见了，后面是 {log_number}", "record {other} is missing; {log_number} follows"
    ),
    "log_twice": say(
        "编号 {log_number} 重复，应是 {other}", "number {log_number} comes again instead of {other}"
    ),
    "stream_gap": say("本机序号应是 {other}", "the stream's number should be {other}"),
    "line_changed": say("内容被改动", "the line was changed"),
    "hash_changed": say("哈希被改动", "the hash was changed"),
    "log_hash_changed": say("总账哈希被改动", "the log's hash was changed"),
    "id_changed": say("记录的 id 被改动", "the record's id was changed"),
    "log_short": say(
        "末尾少了记录：应有 {other} 条", "records are missing at the end: there should be {other}"
    ),
    "log_long": say("末尾多了记录：应有 {other} 条", "there are records too many: there should be {other}"),
    "log_head": say("学校的总账哈希被改动", "the school's log hash was changed"),
    "stream_head": say(
        "数据流应到 {n}，却写着 {other}", "the stream ends at {n} but is said to end at {other}"
    ),
    "unreadable": say("数据库读不出来：{other}", "the database cannot be read: {other}"),
    "head_contradicts": say("与签过名的账首不符", "a signed head says otherwise"),
    "head_beyond": say(
        "签过名的账首到 {log_number}，总账只到 {other}",
        "a head was signed at {log_number}; the log ends at {other}",
    ),
    "head_signature": say("账首的签名不是本服务器的", "the head's signature is not this server's"),
    "head_unknown": say("账首属于别的学校", "the head is of a school that is not here"),
    "receipt_contradicts": say("与发给手机的回执不符", "the receipt given to the phone says otherwise"),
    "receipt_beyond": say(
        "回执确认到 {n}，数据流只到 {other}", "the receipt confirms up to {n}; the stream ends at {other}"
    ),
    "receipt_signature": say("回执的签名不是本服务器的", "the receipt's signature is not this server's"),
    "receipt_unknown": say("回执里的数据流这里没有", "the receipt's stream is not here"),
    "before_restore": say(
        "是恢复备份以前签的；恢复时回到了 {other}", "was signed before a restore, which went back to {other}"
    ),
    "no_key": say("没有服务器密钥，签名没有检查", "there is no server key, so no signature was checked"),
}


@click.command(
    help=say(
        "核对全部记录：从原始内容重算每条数据流和全校总账的哈希链，再与签过名的账首比较。\n\n"
        "指出第一条有问题的记录。有问题时退出码是 1。不改动数据，服务运行时也可以用。设备和到达时间不在哈希链里。",
        "Check every record: recompute each stream's chain and the school's log from the stored bytes and compare "
        "them with the signed heads.\n\nNames the first bad record. Exit code 1 when anything is wrong. Changes "
        "nothing and may run while the server does. A record's device and time of arrival are not in the chains.",
    )
)
@click.option("--school", metavar="NAME", help=say("只核对这所学校。", "Only this school."))
@click.option(
    "--head",
    "texts",
    multiple=True,
    metavar="TEXT",
    help=say(
        "run-daily 打印过的账首，整行粘贴，可以多次。",
        "A head that run-daily printed, the whole line; repeatable.",
    ),
)
@click.option(
    "--receipt",
    "files",
    multiple=True,
    type=FILE,
    help=say("手机收到的回执（JSON），可以多次。", "A receipt a phone got, as JSON; repeatable."),
)
@with_database
def verify(
    school: str | None,
    texts: tuple[str, ...],
    files: tuple[Path, ...],
    data: Path | None,
    database_url: str | None,
) -> int:
    """Verify the log; 1 when something is wrong."""
    from campus_patrol.audit import service

    settings = load_settings(data, database_url=database_url)
    require_school(settings)
    heads = [_read_head(text) for text in texts]
    receipts = [receipt for file in files for receipt in _read_receipts(file)]
    with bar(say("核对", "verifying")) as step:
        outcomes = service.verify(
            database=settings.database,
            keys=settings.keys,
            school=school,
            heads=heads,
            receipts=receipts,
            progress=step,
        )
    if not outcomes:
        raise click.BadParameter(
            say(f"没有学校叫“{school}”。", f"No school is called {school}."), param_hint="--school"
        )
    for outcome in outcomes:
        show_outcome(outcome)
    return 1 if any(outcome.faults for outcome in outcomes) else 0


def _read_head(text: str) -> "SignedHead":
    from campus_patrol.audit.rules import SignedHead

    try:
        return SignedHead.parse(text)
    except ValueError:
        raise click.BadParameter(
            say("应是 run-daily 打印的整行。", "Give the whole line that run-daily printed."),
            param_hint="--head",
        ) from None


def _read_receipts(file: Path) -> list[Mapping[str, Any]]:
    from campus_patrol.sync.schemas import SyncAnswer

    shape = SyncAnswer(unknown=EXCLUDE, partial=("request", "quarantined", "want_photos"))
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
        return shape.load(read if isinstance(read, list) else [read], many=True)
    except (ValueError, ValidationError):
        raise click.BadParameter(
            say(f"{file} 不是回执。", f"{file} is not a receipt."), param_hint="--receipt"
        ) from None


def show_outcome(outcome: "Outcome") -> None:
    """Print what verifying one school found."""
    if outcome.name:
        counted = say(
            f"{outcome.name}：{outcome.records} 条记录，{outcome.streams} 条数据流，{outcome.heads} 个账首。",
            f"{outcome.name}: {outcome.records} records, {outcome.streams} streams, {outcome.heads} heads.",
        )
        out.print(
            counted + (say(" 有问题：", " Wrong:") if outcome.faults else say(" 没有问题。", " Sound."))
        )
    for fault in (*outcome.faults, *outcome.notes):
        out.print(f"  {describe(fault)}")


def describe(fault: "Fault") -> str:
    """Say where a fault is and what is wrong."""
    where = []
    if fault.log_number is not None:
        where.append(say(f"总账 {fault.log_number}", f"log number {fault.log_number}"))
    if fault.stream is not None:
        where.append(say(f"数据流 {fault.stream}", f"stream {fault.stream}"))
    if fault.n is not None:
        where.append(say(f"序号 {fault.n}", f"n {fault.n}"))
    values = {"log_number": fault.log_number, "n": fault.n, "other": fault.other}
    sentence = FAULTS[fault.code].format_map(values)
    place = say("，", ", ").join(where)
    return f"{place}{say('：', ': ') if place else ''}{sentence}{say('。', '.')}"


@click.command(
    "run-daily",
    help=say(
        "每天一次的工作：给每所学校的总账签一个账首并打印。\n\n"
        "把打印的一行留在别处（纸上、邮件里），以后用 verify --head 核对：谁删改过历史，一比就知道。"
        "一天运行多次也没关系。",
        "The work of every day: sign how far each school's log has grown, and print it.\n\nKeep the printed line "
        "elsewhere, on paper or in a mail: verify --head tells by it when history was cut or changed. Running it "
        "twice a day does no harm.",
    ),
)
@click.option("--qr", is_flag=True, help=say("也打印成二维码。", "Draw it as a QR code too."))
@with_database
def run_daily(qr: bool, data: Path | None, database_url: str | None) -> None:
    """Sign every school's head."""
    settings = load_settings(data, database_url=database_url)
    require_school(settings)
    with working(settings, school=False):
        heads = sign_heads(settings.keys)
    for name, head in heads:
        out.print(f"{name}\n{head.text()}")
        if qr:
            show_qr(head.text())


def sign_heads(keys: Path, *, daily: bool = True) -> list[tuple[str, "SignedHead"]]:
    """Sign the head of every school in the database; return each school's name with its newest head."""
    from sqlalchemy import select

    from campus_patrol.audit import service
    from campus_patrol.database import any_school, db, use_school
    from campus_patrol.people.models import School

    with any_school():
        schools = db.session.execute(
            select(School.id, School.name).order_by(School.created_at, School.id)
        ).all()
    signed = []
    for school_id, name in schools:
        use_school(school_id)
        signed.append((name, service.sign_head(keys=keys, daily=daily)))
        db.session.flush()
    return signed


COMMANDS = (verify, run_daily)
