"""Failure 10: a new version of the pages arrives again and again while everything is in use."""

import re

import pytest
from playwright.sync_api import Error, expect

from tests.e2e.conftest import PhoneUser, Site
from tests.e2e.site import Office
from tests.e2e.waiting import all_sent, wait_until

# Asks for files through the worker and for a call past it, in gusts with a breath between them. It ends: Chromium
# replaces no worker that is asked again in the very moment of the change, and leaves the new one waiting.
STORM = """async () => {
    const script = document.querySelector('script[src]').src
    const urls = [script, script, location.origin + '/', location.origin + '/api/v1/pack']
    const blow = async (url) => {
        for (let i = 0; i < 10; i++) {
            await fetch(url, { cache: 'no-store' }).then((answer) => answer.arrayBuffer(), () => undefined)
        }
    }
    const storm = async () => {
        for (let gust = 0; gust < 5; gust++) {
            await Promise.all(urls.map(blow))
            await new Promise((done) => setTimeout(done, 500))
        }
    }
    void storm()
}"""


def test_new_versions_under_a_storm_of_requests_take_over_one_by_one_and_lose_no_record(
    site: Site, office: Office, guard: PhoneUser, shorts: list[str], pytestconfig: pytest.Config
) -> None:
    count = pytestconfig.getoption("worker_updates")
    version = [0]

    def dress(path: str, content: bytes) -> bytes:
        if path != "/sw.js" or not version[0]:
            return content
        told, changes = re.subn(rb'"version":"[0-9a-f]{16}"', b'"version":"%016x"' % version[0], content)
        assert changes == 1, content[:200]
        return told

    site.road.dress = dress
    page = guard.page
    offer = page.get_by_role("button", name="更新", exact=True)

    def taken_over(number: int) -> bool:
        if offer.is_visible():
            offer.click()
        try:
            kept = page.evaluate("caches.keys()")
            return [name for name in kept if name.startswith("guard-")] == [f"guard-{number:016x}"]
        except Error:
            # The page is just being loaded again, which is what is waited for.
            return False

    for number in range(1, count + 1):
        version[0] = number
        page.evaluate(STORM)
        guard.type_number(shorts[number % len(shorts)])
        page.evaluate("navigator.serviceWorker.getRegistration().then((found) => void found.update())")
        guard.save()
        guard.home()
        wait_until(lambda number=number: taken_over(number), f"version {number}", 60)
        # The change may load the page once more, under the storm; a page that stays empty never shows it.
        expect(page.get_by_role("button", name="扫码", exact=True)).to_be_visible(timeout=30_000)
    wait_until(lambda: all_sent(guard), "an empty queue")
    written = [line["id"] for line in guard.lines() if line["kind"] == "checkpoint"]
    assert len(written) == count
    items = office.ask("GET", f"checkpoints?page_size={min(200, count)}")
    assert items["total"] == count
    assert {item["id"] for item in items["items"]} <= set(written)
