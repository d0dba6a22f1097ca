"""A tag's life as guard and desk see it: hung up blank, given its place on a round, replaced, scanned all the same."""

import re
import time
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.camera import labels
from tests.e2e.conftest import DeskUser, Office, PhoneUser, Site


def wait_until(ask, wanted) -> None:  # type: ignore[no-untyped-def]
    """Ask the office until it answers what is wanted."""
    deadline = time.monotonic() + 30
    while (answer := ask()) != wanted:
        assert time.monotonic() < deadline, answer
        time.sleep(0.2)


def place_of(office: Office, short: str) -> str | None:
    """The number of the place on which this tag hangs, as the desk knows it."""
    (tag,) = office.ask("GET", f"tags?search={short}")["items"]
    return tag["place"] and tag["place"]["number"]


def take_new_pack(guard: PhoneUser) -> None:
    """Open the page anew and wait until it has kept the pack it was answered."""
    page = guard.page

    def cursor() -> list[str]:
        return [row["cursor"] for row in guard.read("pack")]

    before = cursor()
    page.reload()
    guard.unlock()
    wait_until(lambda: cursor() != before, True)


def test_a_blank_tag_is_enrolled_by_walking_without_a_signal(
    site: Site, office: Office, guard: PhoneUser
) -> None:
    made = office.ask("POST", "tags/blank", {"count": 2})["tags"]
    blank = {tag["id"]: tag["short"] for tag in office.ask("GET", "tags?state=blank")["items"]}
    first, second = (blank[name] for name in made)
    page = guard.page
    take_new_pack(guard)
    site.stop()

    guard.type_number(first)
    expect(page.get_by_role("heading", name="空白标签")).to_be_visible()
    for digit in "103":
        page.get_by_role("dialog").get_by_role("button", name=digit, exact=True).click()
    page.get_by_role("dialog").get_by_role("listitem").get_by_text("A103").click()
    # The checklist of that room follows, and one tap saves as always.
    expect(page.get_by_role("dialog").get_by_text("A103")).to_be_visible()
    guard.save()
    # Offline and not told by any server, the phone knows now where it hangs.
    guard.type_number(first)
    expect(page.get_by_role("dialog").get_by_text("A103")).to_be_visible()
    guard.save()
    # A place that nobody finds is no reason not to record.
    guard.type_number(second)
    page.get_by_role("button", name="找不到，先打卡").click()
    expect(page.get_by_text("空白标签，还没有登记点位")).to_be_visible()
    guard.save()
    assert [line["kind"] for line in guard.lines()][-5:] == [
        "tag_placed",
        "round_start",
        "checkpoint",
        "checkpoint",
        "checkpoint",
    ]

    site.start()
    wait_until(lambda: office.ask("GET", "checkpoints")["total"], 3)
    assert place_of(office, first) == "A103"
    assert place_of(office, second) is None
    checkpoints = office.ask("GET", "checkpoints?sort=at")["items"]
    assert [
        (one["place"] and one["place"]["number"], sorted(doubt["kind"] for doubt in one["doubts"]))
        for one in checkpoints
    ] == [("A103", ["typed_code"]), ("A103", ["typed_code"]), (None, ["tag_blank", "typed_code"])]
    (old,) = office.ask("GET", "tags?state=revoked")["items"]
    assert (old["place"]["number"], old["revoked_reason"]) == ("A103", "巡查时换新")


def test_a_retired_tag_is_recognised_without_a_signal_recorded_and_flagged(
    site: Site, office: Office, guard: PhoneUser
) -> None:
    tag = office.ask("GET", "tags?search=A101")["items"][0]
    office.ask("POST", f"tags/{tag['id']}/replace", {"reason": "破损"})
    page = guard.page
    take_new_pack(guard)
    site.stop()
    guard.type_number(tag["short"])
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("这张标签已更换，请扫新标签")).to_be_visible()
    # It still says which room this is, and one tap records it.
    expect(dialog.get_by_text("A101")).to_be_visible()
    guard.save()
    site.start()
    wait_until(lambda: office.ask("GET", "checkpoints")["total"], 1)
    (one,) = office.ask("GET", "checkpoints")["items"]
    assert one["place"]["number"] == "A101"
    assert sorted(doubt["kind"] for doubt in one["doubts"]) == ["tag_revoked", "typed_code"]


def test_a_guard_says_that_a_tag_hangs_elsewhere_and_the_desk_moves_it(
    site: Site, office: Office, guard: PhoneUser
) -> None:
    tag = office.ask("GET", "tags?search=A101")["items"][0]
    page = guard.page
    site.stop()
    guard.type_number(tag["short"])
    page.get_by_role("button", name=re.compile("^电灯")).click()
    page.get_by_role("button", name="标签不在这里").click()
    for digit in "102":
        page.get_by_role("dialog").get_by_role("button", name=digit, exact=True).click()
    page.get_by_role("dialog").get_by_role("listitem").get_by_text("A102").click()
    expect(page.get_by_role("dialog").get_by_text("A102")).to_be_visible()
    # What was marked before came along.
    page.get_by_role("button", name="保存 1 项").click()
    page.get_by_role("dialog").wait_for(state="detached")
    site.start()
    wait_until(lambda: office.ask("GET", "tags/placements")["total"], 1)
    (said,) = office.ask("GET", "tags/placements")["items"]
    assert (said["tag"]["place"]["number"], said["place"]["number"]) == ("A101", "A102")
    (one,) = office.ask("GET", "checkpoints")["items"]
    assert "place_mismatch" in {doubt["kind"] for doubt in one["doubts"]}
    office.ask("POST", f"tags/placements/{said['id']}/settle", {"move": True})
    assert place_of(office, tag["short"]) == "A102"


def test_at_one_door_of_a_round_the_phone_asks_for_the_digits_beside_the_tag(
    site: Site, office: Office, guard: PhoneUser
) -> None:
    place = office.ask("GET", "places?search=A101")["items"][0]
    office.ask("PATCH", f"places/{place['id']}", {"door_figure": True})
    (door,) = office.ask("GET", "figures")["items"]
    plain = office.ask("GET", "places?search=A102")["items"][0]
    take_new_pack(guard)
    page = guard.page
    page.locator("button.route").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("教学区夜巡")).click()
    site.stop()
    dialog = page.get_by_role("dialog")

    # A door without digits: nothing is asked, and one tap saves.
    guard.type_number(plain["tag"]["short"])
    expect(dialog.get_by_text("A102")).to_be_visible()
    guard.save()
    for said in (door["now"], f"{(int(door['now']) + 1) % 100:02d}", None):
        guard.type_number(place["tag"]["short"])
        expect(dialog.get_by_role("heading", name="标签旁边的两位数字")).to_be_visible()
        if said is None:
            dialog.get_by_role("button", name="没有数字，或看不清").click()
        for digit in said or "":
            dialog.get_by_role("button", name=digit, exact=True).click()
        expect(dialog.get_by_text("A101")).to_be_visible()
        guard.save()
    site.start()
    wait_until(lambda: office.ask("GET", "checkpoints")["total"], 4)
    # Typed, all of them; beside that only what was wrong or missing is doubted.
    assert [
        sorted({doubt["kind"] for doubt in one["doubts"]} - {"typed_code"})
        for one in office.ask("GET", "checkpoints?sort=at")["items"]
    ] == [[], [], ["figure_wrong"], ["figure_missing"]]


def print_into(folder: Path, page: Page) -> tuple[list[str], int]:
    """Press the button that makes the PDF; returns the codes on it and how many pages it has."""
    with page.expect_download() as coming:
        page.get_by_role("dialog").get_by_role("button", name="生成 PDF").click()
    expect(page.get_by_role("dialog")).to_contain_text("PDF 已下载")
    folder.mkdir()
    codes = list(labels(coming.value.path(), folder))
    return codes, len(list(folder.glob("page*.png")))


def test_a_roll_of_blank_tags_is_made_once_on_the_paper_of_the_label_printer(
    site: Site, desk: DeskUser, tmp_path: Path
) -> None:
    page = desk.page
    page.goto(f"{site.origin}/desk/tags?state=blank")
    page.get_by_role("button", name="空白标签").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("张数").fill("3")
    dialog.get_by_label("纸张").select_option("roll50")
    # The signal is lost after the tags were made and before they were drawn.
    page.route("**/tags/sheet", lambda route: route.abort(), times=1)
    dialog.get_by_role("button", name="生成 PDF").click()
    expect(dialog).to_contain_text("已做好 3 张")
    roll, pages = print_into(tmp_path / "roll", page)
    assert (len(set(roll)), pages) == (3, 3)
    # On other paper it is the same roll again.
    dialog.get_by_label("纸张").select_option("a4")
    sheet, pages = print_into(tmp_path / "sheet", page)
    assert (set(sheet), pages) == (set(roll), 1)
    assert {tag["code"] for tag in desk.get("tags?state=blank")["items"]} == set(roll)


def test_a_new_tag_for_a_place_is_printed_on_the_paper_that_was_chosen(
    site: Site, desk: DeskUser, tmp_path: Path
) -> None:
    page = desk.page
    page.goto(f"{site.origin}/desk/tags?search=A101")
    page.get_by_role("button", name="换新标签 七年级1班").click()
    page.get_by_role("dialog").get_by_role("button", name="破损").click()
    page.get_by_role("dialog").get_by_role("button", name="换新标签", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="打印这张").click()
    page.get_by_role("dialog").get_by_label("纸张").select_option("roll40")
    printed = print_into(tmp_path / "label", page)
    (new,) = desk.get("tags?search=A101&state=live")["items"]
    assert printed == ([new["code"]], 1)
    assert new["printed_at"] is not None
