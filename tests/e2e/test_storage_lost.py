"""Storage that goes away, fills up or breaks: what was copied comes back, and of the rest the office is told.

Failures 3, 4 and 18.
"""

import contextlib
import io
import random
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.e2e.conftest import PhoneUser
from tests.e2e.site import Office
from tests.e2e.test_journey import photo, tile
from tests.e2e.waiting import all_sent, wait_until

BACK = "条未送出的记录已从备份找回"
VANISHED = re.compile(r"浏览器清掉了这部手机的数据.*告诉主管")


def save_without_signal(phone: PhoneUser, shorts: list[str], count: int) -> tuple[str, int, int]:
    """Save so many records that the server never hears of; returns the stream and their first and last number."""
    wait_until(lambda: all_sent(phone), "a phone that has sent all")
    first = len(phone.lines()) + 1
    phone.site.road.cut()
    for short in shorts[:count]:
        phone.type_number(short)
        phone.save()
    last = len(phone.lines())
    assert last - first + 1 >= count
    return phone.stream(), first, last


def copied(phone: PhoneUser, first: int, last: int, photos: int = 0) -> bool:
    """Whether the spare copy has these numbers of the phone's stream, and so many photos."""
    names = phone.page.evaluate(
        "caches.open('campus-patrol-spare').then((spare) => spare.keys())"
        ".then((keys) => keys.map(({ url }) => url.split('/spare-1/')[1]))"
    )
    stream = phone.stream()
    records = all(f"{stream}/{n}" in names for n in range(first, last + 1))
    return records and sum(name.startswith("photo/") for name in names) == photos


def delivered_after_the_loss(
    phone: PhoneUser, office: Office, kept: dict[str, str], count: int, shorts: list[str]
) -> None:
    """Let the phone in again: the guard reads that all came back, and the server has each line once, byte for byte."""
    phone.site.road.mend()
    phone.page.goto(phone.site.origin)
    phone.enrol(office.enrolment_code())
    phone.unlock()
    expect(phone.page.get_by_role("alert")).to_contain_text(f"{count} {BACK}")
    wait_until(lambda: all_sent(phone), "everything on the server")
    expect(phone.page.get_by_role("button", name="全部已送达")).to_be_visible()
    with contextlib.closing(sqlite3.connect(phone.site.folder / "campus-patrol.sqlite3")) as database:
        rows = database.execute(
            "SELECT id, line FROM record WHERE id IS NOT NULL ORDER BY log_number"
        ).fetchall()
    there = {name: line.decode() for name, line in rows}
    assert len(there) == len(rows)
    assert {name: there.get(name) for name in kept} == kept
    assert [name for name, _ in rows if name in kept] == list(kept)
    assert office.ask("GET", "losses")["items"] == []
    assert office.ask("GET", "quarantine")["total"] == 0
    phone.type_number(shorts[0])
    phone.save()
    wait_until(lambda: all_sent(phone), "the new record on the server")


def unsent_lines(phone: PhoneUser, first: int) -> dict[str, str]:
    """The lines from a number on as the phone wrote them, by id."""
    return {row["id"]: row["line"] for row in phone.read("outbox") if row["n"] >= first}


def report_after_the_loss(
    phone: PhoneUser, office: Office, stream: str, first: int, last: int, shorts: list[str]
) -> None:
    """Let the phone in again: the guard reads what happened, the office which numbers, and no number is used twice."""
    phone.site.road.mend()
    phone.page.goto(phone.site.origin)
    phone.enrol(office.enrolment_code())
    phone.unlock()
    expect(phone.page.get_by_role("alert")).to_contain_text(VANISHED)
    expect(phone.page.get_by_role("alert")).to_contain_text(f"共存过 {last} 条")
    losses = wait_until(lambda: office.ask("GET", "losses")["items"], "the loss on the desk")
    assert [(loss["stream"], loss["from"], loss["to"]) for loss in losses] == [(stream, first, last)]
    assert phone.stream() != stream
    phone.type_number(shorts[0])
    phone.save()
    wait_until(lambda: all_sent(phone), "the new record on the server")
    assert office.ask("GET", "quarantine")["total"] == 0


def test_twenty_unsent_records_that_the_browser_deletes_are_told_to_the_guard_and_listed_at_the_desk(
    office: Office, guard: PhoneUser, shorts: list[str]
) -> None:
    stream, first, last = save_without_signal(guard, shorts, 20)
    guard.page.close()
    guard.page = guard.context.new_page()
    cdp = guard.context.new_cdp_session(guard.page)
    cdp.send(
        "Storage.clearDataForOrigin",
        {"origin": guard.site.origin, "storageTypes": "indexeddb,cache_storage,service_workers"},
    )
    report_after_the_loss(guard, office, stream, first, last, shorts)


def test_a_database_that_vanishes_alone_comes_back_from_the_spare_copy_with_its_photo(
    office: Office, guard: PhoneUser, new_phone: Callable[..., PhoneUser], shorts: list[str], tmp_path: Path
) -> None:
    _, first, last = save_without_signal(guard, shorts, 20)
    guard.type_number(shorts[1])
    tile(guard.page, "滴漏|(安全)?隐患").last.click()
    guard.page.get_by_role("dialog").locator("input[type=file]").set_input_files(photo())
    guard.page.get_by_role("button", name="删除第 1 张照片").wait_for()
    guard.save()
    wait_until(lambda: len(guard.lines()) > last, "the record with the photo")
    last = len(guard.lines())
    kept = unsent_lines(guard, first)
    wait_until(lambda: copied(guard, first, last, photos=1), "the spare copy")
    guard.context.close()
    shutil.rmtree(tmp_path / "profile0" / "Default" / "IndexedDB")
    again = new_phone(profile=tmp_path / "profile0")
    delivered_after_the_loss(again, office, kept, last - first + 1, shorts)
    pictures = [one for item in office.ask("GET", "checkpoints")["items"] for one in item["photos"]]
    assert [one["stored"] for one in pictures] == [True]


def test_a_photo_that_finds_no_room_is_said_so_and_its_record_is_kept(
    office: Office, guard: PhoneUser, new_phone: Callable[..., PhoneUser], shorts: list[str], tmp_path: Path
) -> None:
    guard.site.road.cut()
    origin = {"origin": guard.site.origin}
    used = guard.context.new_cdp_session(guard.page).send("Storage.getUsageAndQuota", origin)["usage"]
    # A browser that runs has already reckoned how much there is room for, and goes by that for a while.
    guard.context.close()
    guard = new_phone(profile=tmp_path / "profile0")
    page = guard.page
    cdp = guard.context.new_cdp_session(page)
    cdp.send("Storage.overrideQuotaForOrigin", {**origin, "quotaSize": used + 180_000})
    page.goto(guard.site.origin)
    guard.type_number(shorts[0])
    tile(page, "滴漏|(安全)?隐患").last.click()
    # The draft would keep a copy of it first; noise does not shrink.
    picture = io.BytesIO()
    Image.effect_noise((1200, 900), 90).convert("RGB").save(picture, "JPEG")
    page.get_by_role("dialog").locator("input[type=file]").set_input_files(
        {"name": "IMG_0002.jpg", "mimeType": "image/jpeg", "buffer": picture.getvalue()}
    )
    page.get_by_role("button", name="删除第 1 张照片").wait_for()
    guard.save()
    expect(page.get_by_role("status").filter(has_text="已保存")).to_contain_text("照片没有")
    record = guard.lines()[-1]
    assert record["kind"] == "checkpoint"
    (row,) = guard.read("photos")
    assert (row["sha256"], row["bytes"], row["state"]) == (record["photos"][0]["sha256"], None, "lost")
    cdp.send("Storage.overrideQuotaForOrigin", origin)
    guard.site.road.mend()
    item = wait_until(lambda: office.ask("GET", "checkpoints")["items"], "the record on the desk")[0]
    assert item["id"] == record["id"]


@pytest.mark.parametrize("files", ["*.log", "MANIFEST-*"])
def test_a_database_whose_bytes_were_flipped_is_an_alarm_and_never_a_silent_fresh_start(
    office: Office,
    guard: PhoneUser,
    new_phone: Callable[..., PhoneUser],
    shorts: list[str],
    tmp_path: Path,
    files: str,
) -> None:
    _, first, last = save_without_signal(guard, shorts, 5)
    kept = unsent_lines(guard, first)
    wait_until(lambda: copied(guard, first, last), "the spare copy")
    guard.context.close()
    folder = next((tmp_path / "profile0" / "Default" / "IndexedDB").glob("*.leveldb"))
    chance = random.Random(18)
    for file in folder.glob(files):
        content = bytearray(file.read_bytes())
        for _ in range(max(8, len(content) // 64)):
            content[chance.randrange(len(content))] ^= 0xFF
        file.write_bytes(content)
    again = new_phone(profile=tmp_path / "profile0")
    delivered_after_the_loss(again, office, kept, last - first + 1, shorts)
