"""The commands that copy a whole school away and bring it back: backup, restore."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from campus_patrol.cli_keep import describe, show_outcome, sign_heads
from campus_patrol.terminal import bar, load_settings, out, require_school, say, with_database, working

if TYPE_CHECKING:
    from campus_patrol.engines import BackupError

FOLDER = click.Path(file_okay=False, path_type=Path)

# Why a backup or a restore did not happen; the values are those of BackupError.
REASONS = {
    "target_inside_data": say(
        "{target} 在数据文件夹里，备份要放到别处。",
        "{target} lies in the data folder; keep backups elsewhere.",
    ),
    "target_taken": say(
        "{target} 已经存在，请过一秒再试。", "{target} is there already; try again in a second."
    ),
    "no_backup": say("{folder} 不是备份。", "{folder} is not a backup."),
    "manifest_unreadable": say("备份清单读不出来：{what}。", "The backup's manifest cannot be read: {what}."),
    "file_missing": say("备份里少了 {file}。", "The backup lacks {file}."),
    "file_changed": say("备份里的 {file} 已损坏。", "The backup's {file} is damaged."),
    "database_damaged": say("备份里的数据库已损坏：{what}。", "The backup's database is damaged: {what}."),
    "counts_differ": say(
        "备份不完整：{table} 有 {count} 行，应有 {expected} 行。",
        "The backup is not whole: {table} holds {count} rows instead of {expected}.",
    ),
    "log_broken": say("{school} 的记录核对不通过：{fault}", "The records of {school} do not verify: {fault}"),
    "tool_missing": say(
        "这台机器上没有 {tool}，请安装 PostgreSQL 客户端。",
        "This machine has no {tool}; install PostgreSQL's client.",
    ),
    "tool_failed": say("{tool} 失败：{said}", "{tool} failed: {said}"),
    "scratch_refused": say(
        "核对备份需要一个临时数据库，而 {role} 不能建库。"
        "请运行 ALTER ROLE {role} CREATEDB，或用 --scratch-url 指定一个空数据库。",
        "Verifying needs a scratch database and {role} may not make one: ALTER ROLE {role} CREATEDB, or name an empty "
        "database with --scratch-url.",
    ),
    "engine_differs": say(
        "这是 {engine} 的备份，不能恢复到另一种数据库。",
        "The backup is of {engine} and cannot go into another engine.",
    ),
    "in_use": say(
        "数据正在使用。请先停止服务再恢复。", "The data are in use. Stop the server first, then restore."
    ),
    "not_empty": say(
        "数据文件夹里已经有数据。要换成备份，请加 --replace：原来的会移到一边，不会删除。",
        "The data folder holds data. Say --replace to put the backup in their place; they are moved aside, not lost.",
    ),
    "scratch_not_empty": say(
        "--scratch-url 的数据库不是空的。", "The database of --scratch-url is not empty."
    ),
}

scratch_option = click.option(
    "--scratch-url",
    metavar="URL",
    help=say(
        "PostgreSQL：用来核对备份的空数据库，用完清空；不填就临时建一个。",
        "PostgreSQL: an empty database to verify the backup in, emptied again; left out, one is made for the moment.",
    ),
)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what stops a backup into one sentence."""
    from campus_patrol.engines import BackupError

    try:
        yield
    except BackupError as error:
        raise click.ClickException(explain(error)) from None


def explain(error: "BackupError") -> str:
    """Say in one sentence why there is no backup."""
    values = dict(error.values)
    if "fault" in values:
        values["fault"] = describe(values["fault"])
    return REASONS[error.code].format_map(values)


@click.command(
    help=say(
        "备份到 TARGET 下的新文件夹：数据库、照片和清单。服务运行时也可以备份。\n\n"
        "每份备份都会先恢复到临时位置并核对，通过了才算数。放在别的机器或可移动硬盘上的，加 --off-machine："
        "这样手机才能删掉已经备份的记录。照片缺失时退出码是 1。",
        "Back up into a new folder under TARGET: database, photos and a manifest. The server may go on running.\n\n"
        "Each backup is restored into a scratch place and verified there before it counts. Say --off-machine for a "
        "place that survives this machine: only then may phones forget what it holds. Exit code 1 when photos are "
        "missing.",
    )
)
@click.argument("target", type=FOLDER, metavar="TARGET")
@click.option(
    "--off-machine",
    is_flag=True,
    help=say("TARGET 不在这台机器上：坏了硬盘也还在。", "TARGET survives the loss of this machine."),
)
@click.option(
    "--with-keys",
    is_flag=True,
    help=say(
        "连密钥一起备份（仅本人可读）。谁拿到它就能伪造回执。",
        "Include the keys, readable by their owner alone. Who has them can forge receipts.",
    ),
)
@click.option(
    "--keep",
    type=click.IntRange(1),
    metavar="N",
    help=say("只保留最新的 N 份。", "Keep the newest N backups and remove older ones."),
)
@scratch_option
@with_database
def backup(
    target: Path,
    off_machine: bool,
    with_keys: bool,
    keep: int | None,
    scratch_url: str | None,
    data: Path | None,
    database_url: str | None,
) -> int:
    """Make a verified backup; 1 when photos are missing."""
    from campus_patrol.backups import service

    settings = load_settings(data, database_url=database_url)
    require_school(settings)
    with working(settings, school=False):
        sign_heads(settings.keys, daily=False)
    with explained(), bar(say("备份", "backing up")) as step:
        folder, manifest = service.make(
            settings=settings,
            target=target,
            off_machine=off_machine,
            with_keys=with_keys,
            keep=keep,
            scratch_url=scratch_url,
            progress=step,
        )
    with working(settings, school=False):
        service.let_go(folder=folder, manifest=manifest)
    records = manifest.counts["record"]
    pictures = sum(name.endswith(".full.jpg") for name in manifest.files)
    out.print(
        say(
            f"已备份并核对：{folder}，{records} 条记录，{pictures} 张照片。",
            f"Backed up and verified: {folder}, {records} records, {pictures} photos.",
        )
    )
    if off_machine and target.stat().st_dev == settings.data.stat().st_dev:
        out.print(
            say(
                "注意：备份和数据在同一块硬盘上。硬盘坏了，两份一起丢。",
                "Note: backup and data are on one disk. If it fails, both are gone.",
            )
        )
    if not with_keys:
        out.print(
            say(
                f"密钥不在备份里，请另行保管 {settings.keys}。",
                f"The keys are not in it; keep a copy of {settings.keys} elsewhere.",
            )
        )
    for name in manifest.missing_photos:
        out.print(say(f"缺少照片 {name}", f"missing: {name}"))
    return 1 if manifest.missing_photos else 0


@click.command(
    help=say(
        "把备份 SOURCE 恢复到数据文件夹，先停止服务。\n\n"
        "原来的数据移到一边，不会删除。恢复后会核对全部记录；手机下次同步时，会把备份之后的记录自动补上。",
        "Put the backup SOURCE into the data folder; stop the server first.\n\nWhat was there is moved aside, never "
        "deleted. All records are verified afterwards. Phones bring what they recorded since the backup by themselves "
        "with their next sync.",
    )
)
@click.argument("source", type=FOLDER, metavar="SOURCE")
@click.option(
    "--replace",
    is_flag=True,
    help=say("数据文件夹里有数据时，先移到一边。", "Move data that are there aside first."),
)
@with_database
def restore(source: Path, replace: bool, data: Path | None, database_url: str | None) -> int:
    """Restore a backup and verify the result; 1 when it does not verify."""
    from campus_patrol.audit import service as audit
    from campus_patrol.backups import service
    from campus_patrol.keys import read_server_key

    settings = load_settings(data, database_url=database_url)
    with explained(), bar(say("恢复", "restoring")) as step:
        with service.staged(settings=settings, source=source, replace=replace, progress=step) as staged:
            had_key = read_server_key(staged.keys) is not None
            with working(staged.settings, school=False):
                service.begin_again(staged=staged, name=source.resolve().name)
            aside = service.put_in_place(settings=settings, staged=staged)
        outcomes = audit.verify(database=settings.database, keys=settings.keys, progress=step)
    made_at = staged.manifest.made_at
    out.print(say(f"已恢复 {made_at} 的备份。", f"Restored the backup of {made_at}."))
    if aside:
        out.print(say(f"原来的数据在 {aside}。", f"What was there is in {aside}."))
    out.print(
        say(
            "备份以后停用的手机、改过的人员和密码要重新处理。",
            "Phones revoked and people or passwords changed since the backup must be done again.",
        )
    )
    if not had_key:
        out.print(
            say(
                "没有密钥，已生成新的：以前签的账首不再能核对，手机会提示回执不是原来的服务器签的。",
                "There was no key, so a new one was made: heads signed before cannot be checked any more, and phones "
                "will not know the signature of their receipts.",
            )
        )
    for outcome in outcomes:
        show_outcome(outcome)
    return 1 if any(outcome.faults for outcome in outcomes) else 0


COMMANDS = (backup, restore)
