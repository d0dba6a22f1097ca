"""The two commands that keep running: serve, for a school, and demo, for somebody who looks around."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from flask import g
from sqlalchemy import select

from campus_patrol import certificate, trust_page
from campus_patrol.certificate import Certificate
from campus_patrol.server import Listener, PortError, check_port
from campus_patrol.server import serve as keep_serving
from campus_patrol.settings import Settings
from campus_patrol.terminal import (
    bar,
    data_option,
    load_settings,
    out,
    prepare,
    public_url_option,
    require_school,
    role_word,
    say,
    show_qr,
    table,
    with_database,
    working,
)

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104 - phones must reach it; only with TLS or when asked for
PORT = click.IntRange(1, 65535)


@click.command(
    help=say(
        "启动服务，按 Ctrl+C 停止。\n\n手机要用摄像头和离线功能，必须是受信任的 HTTPS："
        "最好是正式域名的证书（--tls 证书,私钥），"
        "其次是 --tls local（本机自签，每部手机要按提示信任一次）。没有 --tls 时只有本机能访问，供前面的反向代理使用。",
        "Serve until Ctrl+C.\n\nPhones give a page camera and offline use on trusted HTTPS only: best a certificate "
        "for a public name (--tls CERT,KEY), else --tls local, which every phone must be told to trust once. Without "
        "--tls only this machine is served, as for a reverse proxy in front.",
    )
)
@click.option(
    "--host", help=say("监听地址。", "Address to listen at: with --tls all, otherwise this machine only.")
)
@click.option(
    "--port", type=PORT, help=say("端口，默认 8000，用 --tls 时 8443。", "Port; 8000, or 8443 with --tls.")
)
@click.option(
    "--tls",
    metavar="local|CERT,KEY",
    help=say(
        "local，或证书和私钥两个 PEM 文件，用逗号隔开。",
        "local, or the PEM files of a certificate and its key.",
    ),
)
@click.option(
    "--trust-port",
    type=PORT,
    help=say(
        "--tls local 的手机信任页端口，默认端口加 1。",
        "Port of the page that shows phones how to trust; port + 1.",
    ),
)
@public_url_option
@with_database
def serve(
    host: str | None,
    port: int | None,
    tls: str | None,
    trust_port: int | None,
    public_url: str | None,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Serve a school."""
    settings = load_settings(data, database_url=database_url, public_url=public_url)
    require_school(settings)
    warn_without_pages()
    host = host or (EVERYWHERE if tls else LOOPBACK)
    port = port or (8443 if tls else 8000)
    wanted = urlsplit(settings.public_url).hostname
    trusted = read_tls(
        tls, settings, [name for name in (host, wanted) if name and name not in (EVERYWHERE, "::")]
    )
    if trusted is None:
        if host not in (LOOPBACK, "::1", "localhost"):
            warn(NO_TLS)
    else:
        for sentence in certificate.warnings(trusted, wanted):
            warn(sentence)
    local = trusted is not None and trusted.authority is not None
    listener = Listener(host, port, trusted, (trust_port or port + 1) if local else None)
    keep_serving(settings, [listener], ready=partial(announce, listener, settings.public_url))


NO_TLS = say(
    "没有受信任的 HTTPS，手机打不开摄像头，也不能离线使用；请在前面放 HTTPS 反向代理，或加 --tls。",
    "Without trusted HTTPS a phone has no camera and no offline use: put an https proxy in front, or add --tls.",
)


def read_tls(tls: str | None, settings: Settings, names: Sequence[str]) -> Certificate | None:
    """Turn the text of --tls into a certificate that was checked."""
    if not tls:
        return None
    if tls == "local":
        return certificate.make_local(settings.data / "tls", certificate.machine_names(names))
    cert, comma, key = tls.partition(",")
    if not comma or not cert or not key:
        raise click.BadParameter(
            say("应是 local，或“证书,私钥”两个文件。", "Give local, or two files as CERT,KEY."),
            param_hint="--tls",
        )
    return certificate.read_given(Path(cert), Path(key))


def announce(listener: Listener, public_url: str) -> None:
    """Print where the server answers, and how phones get to trust it."""
    addresses = table(say("手机页", "phone page"), say("值班台", "desk"))
    public = [public_url.rstrip("/") + "/"] if public_url else []
    for address in dict.fromkeys(public + listener.addresses()):
        addresses.add_row(address, f"{address}desk")
    out.print(addresses)
    show_trust(listener)
    out.print(say("按 Ctrl+C 停止。", "Press Ctrl+C to stop."))


def show_trust(listener: Listener) -> None:
    """Print the way to the trust page, its QR code, and the fingerprint to compare."""
    if listener.trust_port is None or listener.certificate is None or listener.certificate.authority is None:
        return
    out.print(
        say(
            "\n手机第一次使用：扫下面的码，照页面上的步骤信任本机证书。"
            "没有受信任的 HTTPS，手机打不开摄像头，也不能离线。",
            "\nEach phone, once: scan this and follow the page to trust this machine's certificate. Without trusted "
            "HTTPS a phone has no camera and no offline use.",
        )
    )
    hosts = [
        name for name in certificate.lan_addresses() if certificate.covers(listener.certificate.names, name)
    ]
    page = trust_page.address(hosts[0] if hosts else "localhost", listener.trust_port, secure=False)
    show_qr(page)
    out.print(f"  {page}")
    fingerprint = certificate.fingerprint(listener.certificate.authority)
    out.print(say("  证书指纹（SHA-256）", "  Fingerprint (SHA-256)") + f" {fingerprint}")
    if listener.certificate.new_authority:
        out.print(
            say(
                "  证书是新做的，以前信任过的手机要再信任一次。",
                "  It is newly made: phones that trusted an earlier one must do so again.",
            )
        )


def warn(sentence: str) -> None:
    """Print what is not wrong but deserves a look."""
    click.secho(f"{say('注意：', 'Note: ')}{sentence}", fg="yellow", err=True)


def warn_without_pages() -> None:
    """Say so when the pages were never built, as in a checkout that was not installed."""
    if not (Path(__file__).parent / "pwa" / "index.html").is_file():
        warn(
            say(
                "网页还没有构建，请在源码目录运行 pip install . ",
                "The pages were not built; run pip install . in the checkout.",
            )
        )


# ---------------------------------------------------------------- demo


@click.command(
    help=say(
        "用一所示例学校试用：358 个房间、66 个用水点、各种岗位的人、14 夜的记录。按 Ctrl+C 停止。\n\n"
        "数据都是编造的，放在自己的文件夹里，不会碰真实数据。不给 --data 时用临时文件夹，停止后删除。",
        "Look around in a made-up school: 358 rooms, 66 water points, people of every role, 14 nights of records. "
        "Stop with Ctrl+C.\n\nAll of it is invented and lives in a folder of its own. Without --data that is a "
        "temporary one, deleted when you stop.",
    )
)
@click.option(
    "--port", type=PORT, default=8000, show_default=True, help=say("端口。", "Port on this machine.")
)
@click.option(
    "--phones/--no-phones",
    default=True,
    help=say("是否让同一网络里的手机也能访问。", "Whether phones on the same network can reach it too."),
)
@data_option
def demo(port: int, phones: bool, data: Path | None) -> None:
    """Serve a made-up school."""
    chosen = (
        load_settings(data).data
        if data or click.get_current_context().obj or os.environ.get("CAMPUS_PATROL_DATA")
        else None
    )
    check_port(LOOPBACK, port)
    with folder_for(chosen) as folder:
        settings = Settings(data=folder)
        card = prepare_demo(settings)
        warn_without_pages()
        listeners = [Listener(LOOPBACK, port)]
        if phones:
            trusted = certificate.make_local(folder / "tls", certificate.machine_names())
            secure = free_pair(port + 443)
            listeners.append(Listener(EVERYWHERE, secure, trusted, secure + 1))
            # The desk is open on this machine as localhost, but the codes it shows are for phones.
            outside = [a for a in listeners[1].addresses() if "//localhost" not in a]
            settings = replace(settings, public_url=outside[0].rstrip("/") if outside else "")
        keep_serving(settings, listeners, ready=partial(show_card, card, listeners, chosen))


@contextmanager
def folder_for(chosen: Path | None) -> Iterator[Path]:
    """Yield the folder that was asked for, or one that is gone afterwards."""
    if chosen:
        yield chosen
        return
    folder = Path(tempfile.mkdtemp(prefix="campus-patrol-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_pair(port: int) -> int:
    """Return the first port from here on that is free together with the next, for phones and the trust page."""
    for candidate in range(port, port + 200, 2):
        try:
            check_port(EVERYWHERE, candidate)
            check_port(EVERYWHERE, candidate + 1)
        except PortError:
            continue
        return candidate
    raise PortError(
        say(
            "没有空闲端口给手机用，请加 --no-phones。",
            "No port is free for phones; try again with --no-phones.",
        )
    )


def prepare_demo(settings: Settings) -> dict[str, Any]:
    """Make the made-up school, or find the one an earlier run made; return what its card says."""
    from campus_patrol.database import any_school, db, use_school
    from campus_patrol.demo import service
    from campus_patrol.people.models import Person, School
    from campus_patrol.people.service import make_enrolment
    from campus_patrol.places.models import Place
    from campus_patrol.tags.models import Tag

    card_file = settings.data / "demo.json"
    prepare(settings)
    with working(settings, school=False):
        with any_school():
            school = db.session.scalars(select(School)).first()
        if school is None:
            with bar(say("正在准备示例学校", "Making the school")) as step:
                made = service.make_demo(progress=step)
            card = {"sign_ins": made["sign_ins"]}
            _write_card(card_file, card)
        elif not school.is_demo or not card_file.is_file():
            raise click.ClickException(
                say(
                    f"{settings.data} 里有真实数据“{school.name}”，演示不会碰它，请换一个文件夹。",
                    f"{settings.data} holds the real school {school.name}, which the demo does not touch; "
                    "name another folder.",
                )
            )
        else:
            use_school(school.id)
            card = json.loads(card_file.read_text(encoding="utf-8"))
        card["school"] = db.session.scalars(select(School)).one().name
        card["tags"] = [
            tuple(row)
            for row in db.session.execute(
                select(Tag.short, Place.name)
                .join(Place, Place.id == Tag.place_id)
                .where(Tag.revoked_at.is_(None))
                .limit(3)
            )
        ]
        g.person = db.session.scalars(select(Person).where(Person.role == "admin")).first()
        card["enrol"] = make_enrolment(name=None)[1]
    return card


def _write_card(file: Path, card: dict[str, Any]) -> None:
    with os.fdopen(
        os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as opened:
        json.dump(card, opened, ensure_ascii=False)


def show_card(card: dict[str, Any], listeners: Sequence[Listener], kept: Path | None) -> None:
    """Print where the demo is, how to sign in as whom, and how a phone gets in."""
    here = listeners[0].addresses()[0]
    out.rule(say("演示", "Demo"))
    out.print(
        say(
            f"这是演示：“{card['school']}”的人员和记录都是编造的，密码就印在下面，不要放真实数据。",
            f"This is a demo: people and records of {card['school']} are invented and the passwords stand below. "
            "Put no real data in.",
        ),
        style="bold",
    )
    out.print(f"\n  {say('值班台', 'Desk')}    {here}desk")
    out.print(
        f"  {say('手机页', 'Phone')}   {here}#enrol={card['enrol']}  {say('（10 分钟内有效）', '(for 10 minutes)')}"
    )
    codes = "    ".join(f"{short[:3]} {short[3:]} {name}" for short, name in card["tags"])
    out.print(f"  {say('可以手输的短码', 'Codes to type')}  {codes}\n")
    people = table(
        say("岗位", "role"), say("姓名", "name"), say("账号", "account"), say("密码", "password"), "PIN"
    )
    for who in card["sign_ins"]:
        given = (str(who.get(key) or "") for key in ("name", "account", "password", "pin"))
        people.add_row(role_word(str(who["role"])), *given)
    out.print(people)
    for listener in listeners[1:]:
        show_trust(listener)
        out.print(
            say(
                "  信任以后，在值班台的“人员与手机”里登记这部手机。",
                "  Then enrol the phone at the desk, under people and phones.",
            )
        )
    out.print(
        say(f"\n数据在 {kept}。", f"\nThe data are in {kept}.")
        if kept
        else say(
            "\n数据在临时文件夹里，停止后删除；要保留请加 --data。",
            "\nStopping deletes it all; --data FOLDER keeps it.",
        )
    )
    out.print(say("按 Ctrl+C 停止。", "Press Ctrl+C to stop."))
