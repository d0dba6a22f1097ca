"""What a person sees on the phone when its storage or a part of the page is missing: what is wrong and what to do."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.conftest import DeskUser, PhoneUser, Site, enrolment_code

STORAGE = {
    "absent": ("Object.defineProperty(window, 'indexedDB', {value: undefined})", "这个浏览器不肯保存数据"),
    "forbidden": (
        "IDBFactory.prototype.open = () => { throw new DOMException('denied', 'SecurityError') }",
        "这个浏览器不肯保存数据",
    ),
    "insecure": ("Object.defineProperty(crypto, 'subtle', {value: undefined})", "这个地址不是 https"),
    "broken": (
        "IDBObjectStore.prototype.put = () => { throw new DOMException('disk I/O error', 'UnknownError') }",
        "手机的存储出了问题",
    ),
    "full": (
        "IDBObjectStore.prototype.put = () => { throw new DOMException('no room', 'QuotaExceededError') }",
        "手机空间满了",
    ),
}


@pytest.mark.parametrize("how", STORAGE)
def test_a_phone_whose_storage_fails_says_why_and_starts_no_round(
    site: Site, new_phone: Callable[..., PhoneUser], how: str
) -> None:
    script, sentence = STORAGE[how]
    page = new_phone().page
    page.add_init_script(script)
    page.goto(site.origin)
    expect(page.get_by_role("alert")).to_contain_text(sentence)
    expect(page.get_by_role("heading", name="现在不能巡查")).to_be_visible()
    expect(page.get_by_role("button", name="重新打开")).to_be_visible()
    expect(page.get_by_role("button", name="扫码", exact=True)).to_have_count(0)
    expect(page.get_by_text("都已经在服务器上")).to_have_count(0)
    promise = page.get_by_text("请不要清除浏览器数据")
    expect(promise).to_have_count(1 if how in ("broken", "full") else 0)


def test_a_save_that_fails_keeps_the_marks_and_can_be_repeated(
    site: Site, phone: PhoneUser, printed: dict
) -> None:
    page = phone.page
    phone.scan(printed["A102"])
    page.get_by_role("button", name=re.compile("^电灯")).click()
    page.evaluate(
        """() => {
            const add = IDBObjectStore.prototype.add
            IDBObjectStore.prototype.add = () => { throw new DOMException('no room', 'QuotaExceededError') }
            window.healed = () => { IDBObjectStore.prototype.add = add }
        }"""
    )
    page.get_by_role("button", name="保存 1 项").click()
    expect(page.get_by_role("alert")).to_contain_text("没有保存成功：手机空间满了")
    assert [line["kind"] for line in phone.lines()].count("checkpoint") == 0
    page.evaluate("window.healed()")
    page.get_by_role("button", name="保存 1 项").click()
    page.get_by_role("dialog").wait_for(state="detached")
    assert [line["kind"] for line in phone.lines()].count("checkpoint") == 1


def test_screens_that_are_fetched_later_open_without_a_network(site: Site, phone: PhoneUser) -> None:
    page = phone.page
    site.stop()
    page.reload()
    phone.unlock()
    page.get_by_role("button", name="设置").click()
    page.get_by_role("heading", name="设置").wait_for()
    page.keyboard.press("Escape")
    page.locator(".acts button").first.click()
    page.get_by_role("heading", name="送达情况").wait_for()


def test_a_screen_that_did_not_arrive_never_stands_before_scanning_and_saving(
    site: Site, desk: DeskUser, new_phone: Callable[..., PhoneUser], printed: dict
) -> None:
    phone = new_phone()
    page, cut = phone.page, [False]
    # With a worker the part would come out of its cache.
    page.add_init_script("delete Navigator.prototype.serviceWorker")

    def road(route: Route) -> None:
        route.abort() if cut[0] else route.continue_()

    page.route(re.compile(r"/assets/parts-[^/]*\.js$"), road)
    phone.enrol(enrolment_code(desk))
    phone.unlock()
    cut[0] = True
    page.reload()
    phone.unlock()
    page.get_by_role("button", name="设置").click()
    expect(page.get_by_role("dialog")).to_contain_text("这一页没有取到，记录不受影响")
    page.get_by_role("dialog").get_by_role("button", name="返回").click()
    phone.scan(printed["A102"])
    page.get_by_role("button", name="全部正常").click()
    page.get_by_role("dialog").wait_for(state="detached")
    assert [line["kind"] for line in phone.lines()].count("checkpoint") == 1
