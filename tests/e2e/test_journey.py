"""The main job: a guard without a signal scans, taps once, and the desk sees it when the phone is back."""

import io
import re
import time
from datetime import datetime

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DeskUser, PhoneUser, Site, enrolment_code


def photo() -> dict[str, object]:
    """A picture as a phone's camera gives it."""
    out = io.BytesIO()
    Image.effect_mandelbrot((1200, 900), (-2, -1.5, 1, 1.5), 60).convert("RGB").save(out, "JPEG")
    return {"name": "IMG_0001.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def tile(page: Page, words: str):
    """A tile of the checklist by its question."""
    return page.get_by_role("dialog").get_by_role("button", name=re.compile(f"^{words}"))


def save_normal(page: Page) -> None:
    """One tap: all normal."""
    page.get_by_role("button", name="全部正常").click()
    page.get_by_role("dialog").wait_for(state="detached")


def save_leak_with_photo(page: Page) -> None:
    """A drip, with a photo and a ready phrase."""
    tile(page, "滴漏").click()
    page.get_by_role("dialog").locator("input[type=file]").set_input_files(photo())
    page.get_by_role("button", name="删除第 1 张照片").wait_for()
    page.get_by_role("button", name="接口漏水").click()
    page.get_by_role("button", name="保存 1 项").click()
    page.get_by_role("dialog").wait_for(state="detached")


def save_hazard(page: Page) -> None:
    """A hazard, major, electricity."""
    tile(page, "(安全)?隐患").click()
    page.get_by_role("button", name="重大").click()
    page.get_by_role("button", name="用电", exact=True).click()
    page.get_by_role("button", name="插座发热").click()
    page.get_by_role("button", name="保存 1 项").click()
    page.get_by_role("dialog").wait_for(state="detached")


def walk(phone: PhoneUser, printed: dict) -> None:
    """Three tags: a normal room, a water point that drips, a room with a hazard."""
    for number, save in (("A101", save_normal), ("A1-水东", save_leak_with_photo), ("A102", save_hazard)):
        phone.scan(printed[number])
        save(phone.page)
        phone.home()


def wait_for(desk: DeskUser, total: int, seconds: float = 10) -> list[dict]:
    """Wait until the desk has so many checkpoints; fail when it takes longer or when there are more."""
    deadline = time.monotonic() + seconds
    while True:
        items = desk.get("checkpoints?sort=at")["items"]
        if len(items) >= total or time.monotonic() > deadline:
            assert len(items) == total, [item["place"]["number"] for item in items]
            return items
        time.sleep(0.2)


def check_against_phone(items: list[dict], phone: PhoneUser) -> None:
    """Same ids, same order, same times, each once."""
    written = [line for line in phone.lines() if line["kind"] == "checkpoint"]
    assert [item["id"] for item in items] == [line["id"] for line in written]
    assert [datetime.fromisoformat(item["at"]) for item in items] == [
        datetime.fromisoformat(line["at"]) for line in written
    ]


def test_three_tags_scanned_without_a_server_reach_the_desk_once_with_their_photo(
    site: Site, desk: DeskUser, phone: PhoneUser, printed: dict
) -> None:
    desk.page.goto(f"{site.origin}/desk")
    site.stop()
    walk(phone, printed)
    phone.page.reload()
    phone.unlock()
    expect(phone.page.get_by_text(re.compile("条在手机里等待"))).to_be_visible()
    begun = time.monotonic()
    site.start()
    items = wait_for(desk, 3, 10 + 30)
    print(f"three records on the server {time.monotonic() - begun:.1f} s after the server's start began")
    check_against_phone(items, phone)
    assert [item["place"]["number"] for item in items] == ["A101", "A1-水东", "A102"]
    assert [item["method"] for item in items] == ["camera"] * 3
    leak = items[1]
    deadline = time.monotonic() + 10
    while not all(picture["stored"] for picture in desk.get("checkpoints?sort=at")["items"][1]["photos"]):
        assert time.monotonic() < deadline, "the photo did not arrive"
        time.sleep(0.2)
    assert len(leak["photos"]) == 1
    findings = {f["kind"]: f for f in desk.get("findings")["items"]}
    assert set(findings) == {"leak", "hazard"}
    assert (findings["hazard"]["grade"], findings["hazard"]["category"]) == ("major", "electricity")
    assert "接口漏水" in findings["leak"]["description"]
    # The desk was open all the while and shows them without a reload.
    expect(desk.page.get_by_text("A1-水东").first).to_be_visible(timeout=10_000)
    expect(phone.page.get_by_text(re.compile("全部已送达"))).to_be_visible(timeout=10_000)


def test_two_tabs_of_one_phone_send_each_record_once(
    site: Site, desk: DeskUser, phone: PhoneUser, printed: dict
) -> None:
    second = phone.context.new_page()
    second.goto(site.origin)
    phone.unlock(second)
    site.stop()
    walk(phone, printed)
    site.start()
    items = wait_for(desk, 3, 40)
    check_against_phone(items, phone)
    time.sleep(3)
    assert desk.get("checkpoints")["total"] == 3
    expect(second.get_by_text(re.compile("全部已送达"))).to_be_visible(timeout=10_000)


@pytest.mark.parametrize(
    "spoiled",
    [
        (502, b"<html>502 Bad Gateway</html>"),
        (200, b"<html>Please sign in to the campus network</html>"),
        (204, b""),
    ],
)
def test_an_answer_that_is_lost_after_the_commit_does_not_double_the_record(
    site: Site, desk: DeskUser, phone: PhoneUser, printed: dict, spoiled: tuple[int, bytes]
) -> None:
    site.road.spoil = lambda status, content: spoiled if site.road.spoiled < 2 and status == 200 else None
    phone.scan(printed["A101"])
    save_normal(phone.page)
    phone.home()
    items = wait_for(desk, 1, 20)
    check_against_phone(items, phone)
    expect(phone.page.get_by_text(re.compile("全部已送达"))).to_be_visible(timeout=60_000)
    assert site.road.spoiled == 2
    assert desk.get("checkpoints")["total"] == 1


def test_a_normal_room_takes_one_tap_after_the_scan_and_under_three_seconds(
    site: Site, desk: DeskUser, phone: PhoneUser, printed: dict
) -> None:
    phone.scan(printed["A101"])
    decoded = time.monotonic()
    save_normal(phone.page)
    took = time.monotonic() - decoded
    # The camera is back by itself: no touch between two rooms but the one that saves.
    expect(phone.page.locator("video")).to_be_visible()
    line = next(line for line in phone.lines() if line["kind"] == "checkpoint")
    print(f"checklist to saved {took:.2f} s; the phone's own figure {line['data']['took_ms']} ms")
    assert line["data"]["took_ms"] < 3000
    # Seen and read at once: the second in which the camera starts does not count.
    print(f"seen to read {line['data']['read_ms']} ms")
    assert 0 <= line["data"]["read_ms"] < 1500


def test_a_tag_opened_with_the_phones_own_camera_lands_on_its_checklist(
    site: Site, desk: DeskUser, phone: PhoneUser, printed: dict
) -> None:
    site.stop()
    phone.page.goto(f"{site.origin}/{site.codes['A101']}")
    phone.unlock()
    save_normal(phone.page)
    assert phone.lines()[-1]["data"]["method"] == "url"
    assert phone.lines()[-1]["tag"] == site.codes["A101"]


def test_a_typed_number_is_another_way_in(
    site: Site, desk: DeskUser, phone: PhoneUser, printed: dict
) -> None:
    short = next(
        t["short"] for t in desk.get("tags?page_size=200")["items"] if t["place"]["number"] == "A101"
    )
    page = phone.page
    page.get_by_role("button", name="扫码", exact=True).click()
    page.get_by_role("button", name="输入号码").click()
    for digit in short:
        page.get_by_role("button", name=digit, exact=True).click()
    save_normal(page)
    item = wait_for(desk, 1, 20)[0]
    assert (item["method"], item["place"]["number"]) == ("typed", "A101")
    assert "typed_code" in [doubt["kind"] for doubt in item["doubts"]]


def test_a_half_filled_checklist_survives_the_page_being_killed(
    site: Site, desk: DeskUser, phone: PhoneUser, printed: dict
) -> None:
    phone.scan(printed["A1-水东"])
    tile(phone.page, "滴漏").click()
    phone.page.get_by_role("button", name="接口漏水").click()
    time.sleep(0.5)
    phone.page.close()
    phone.page = phone.context.new_page()
    phone.page.goto(site.origin)
    phone.unlock()
    phone.page.get_by_role("button", name="保存 1 项").click()
    item = wait_for(desk, 1, 20)[0]
    assert item["readings"]["dripping"]["value"] == "yes"
    assert "接口漏水" in item["readings"]["dripping"]["note"]


def test_undo_strikes_the_record_and_keeps_it(
    site: Site, desk: DeskUser, phone: PhoneUser, printed: dict
) -> None:
    phone.scan(printed["A101"])
    save_normal(phone.page)
    phone.page.get_by_role("button", name="撤销").click()
    deadline = time.monotonic() + 20
    while not (items := desk.get("checkpoints")["items"]) or items[0]["voided_at"] is None:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert desk.get("checkpoints")["total"] == 1


def test_a_revoked_phone_says_so_and_loses_nothing(
    site: Site, desk: DeskUser, phone: PhoneUser, printed: dict
) -> None:
    desk.page.goto(f"{site.origin}/desk/phones")
    desk.page.get_by_role("button", name=re.compile("^停用 ")).click()
    desk.page.get_by_role("button", name="停用这部手机").click()
    desk.page.get_by_role("dialog").wait_for(state="detached")
    phone.scan(printed["A101"])
    save_normal(phone.page)
    phone.home()
    expect(phone.page.get_by_text(re.compile("重新登记")).first).to_be_visible(timeout=20_000)
    assert [line["kind"] for line in phone.lines()].count("checkpoint") == 1
    phone.enrol(enrolment_code(desk))
    items = wait_for(desk, 1, 40)
    check_against_phone(items, phone)
