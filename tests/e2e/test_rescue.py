"""A phone that the school has shut out gives its records to a supervisor, in two real browsers."""

import re

from playwright.sync_api import expect

from tests.e2e.conftest import DeskUser, PhoneUser, Site
from tests.e2e.test_pages import violations


def shut_out(site: Site, desk: DeskUser, phone: PhoneUser, short: str) -> None:
    """Save a record without a network, revoke the phone, and let it hear of that."""
    phone.settle()
    phone.context.set_offline(True)
    phone.type_number(short)
    phone.save()
    phone.home()
    expect(phone.page.get_by_text(re.compile("^[0-9]+ 条在手机里等待，全部已保存")).first).to_be_visible()
    page = desk.page
    page.goto(f"{site.origin}/desk/phones")
    page.get_by_role("button", name=re.compile("^停用")).click()
    page.get_by_role("button", name="停用这部手机").click()
    page.get_by_text("已停用").first.wait_for()
    phone.context.set_offline(False)
    phone.page.reload()
    phone.unlock()
    expect(phone.page.get_by_text("请让主管看这部手机").first).to_be_visible()


def test_a_shut_out_phone_hands_over_and_the_supervisor_decides(
    site: Site, desk: DeskUser, phone: PhoneUser, shorts: list[str]
) -> None:
    shut_out(site, desk, phone, shorts[0])
    made = [line["id"] for line in phone.lines() if line["kind"] == "checkpoint"]
    office, page = desk.page, phone.page
    office.goto(f"{site.origin}/desk/aside")
    office.get_by_role("button", name="接收手机里的记录").click()
    office.get_by_role("button", name="生成转交码").click()
    code = office.locator("p.code").inner_text()
    assert violations(office) == []
    page.get_by_role("button", name="转交记录").click()
    assert violations(page) == []
    page.get_by_label(re.compile("输入转交码")).fill(code)
    page.get_by_role("button", name="转交", exact=True).click()
    expect(page.get_by_text(re.compile("[0-9]+ 条都在服务器上了，其中 2 条等主管决定"))).to_be_visible()
    assert [line["data"]["reason"] for line in phone.lines()] == ["rescued"]
    assert set(made) <= {row["id"] for row in phone.read("aside")}
    expect(office.get_by_text(re.compile("已开始转交"))).to_be_visible()
    office.get_by_role("button", name="知道了").click()
    assert desk.get("checkpoints")["total"] == 0
    office.get_by_role("button", name=re.compile("^收入")).click()
    assert violations(office) == []
    office.get_by_role("button", name="收入这些记录").click()
    expect(office.get_by_text(re.compile("已收入 [0-9]+ 条"))).to_be_visible()
    assert [one["id"] for one in desk.get("checkpoints")["items"]] == made
    page.get_by_role("button", name="登记这部手机").click()
    expect(page.get_by_role("heading", name="登记这部手机")).to_be_visible()


def test_a_wrong_code_leaves_every_record_on_the_phone(
    site: Site, desk: DeskUser, phone: PhoneUser, shorts: list[str]
) -> None:
    shut_out(site, desk, phone, shorts[0])
    before = phone.lines()
    phone.page.goto(f"{site.origin}/#rescue={'A' * 26}")
    phone.page.get_by_role("button", name="转交", exact=True).click()
    expect(phone.page.get_by_role("alert")).to_contain_text("没有这个转交码")
    assert phone.lines() == before
