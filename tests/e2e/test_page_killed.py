"""Failure 11: the phone takes the page's memory while the guard is in the camera app."""

import pytest
from playwright.sync_api import Error, expect

from tests.e2e.conftest import PhoneUser, Site
from tests.e2e.site import Office
from tests.e2e.test_journey import photo, tile
from tests.e2e.waiting import wait_until


def test_a_page_that_crashes_while_the_camera_app_is_open_comes_back_with_its_scan_marks_and_photos(
    site: Site, office: Office, guard: PhoneUser, shorts: list[str]
) -> None:
    page = guard.page
    guard.type_number(shorts[0])
    tag = page.get_by_role("dialog").get_by_role("heading", level=1).inner_text()
    tile(page, "滴漏|(安全)?隐患").last.click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(photo())
    page.get_by_role("button", name="删除第 1 张照片").wait_for()
    wait_until(lambda: guard.read("drafts"), "the draft")
    with page.expect_file_chooser():
        dialog.locator("label.button").click()
    # Chromium's own way to crash the process that draws this page.
    with pytest.raises(Error, match="crash"):
        page.goto("chrome://crash")
    guard.page = page = guard.context.new_page()
    page.goto(site.origin)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", level=1)).to_have_text(tag)
    expect(dialog.get_by_role("button", name="删除第 1 张照片")).to_be_visible()
    guard.save()
    (item,) = wait_until(lambda: office.ask("GET", "checkpoints")["items"], "the record on the desk")
    assert item["place"]["name"] == tag
    wait_until(
        lambda: all(one["stored"] for one in office.ask("GET", "checkpoints")["items"][0]["photos"]),
        "the photo",
    )
