"""Failures 8 and 9: a queue written by an earlier release, an upgrade that is killed, an old tab beside a new one."""

import base64
import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.crash.browser_kill import compare
from tests.crash.browser_phone import QUIET, RESTING, GuardPhone, Memory, walking_script
from tests.crash.result import Result
from tests.e2e.conftest import PhoneUser, Site
from tests.e2e.site import Office
from tests.e2e.waiting import all_sent, wait_until

RELEASE_0_1 = (Path(__file__).parent / "release_0_1.js").read_text()
# The next release, as far as the database goes: one store more.
NEXT = """
;(() => {
  const open = IDBFactory.prototype.open
  IDBFactory.prototype.open = function (name, version) {
    if (version === undefined) return open.call(this, name)
    const request = open.call(this, name, version + 1)
    request.addEventListener('upgradeneeded', () => {
      if (!request.result.objectStoreNames.contains('later')) request.result.createObjectStore('later')
    })
    return request
  }
})();
"""
# An upgrade that never ends once its last store is made: the kill falls into the middle of it.
STUCK = """
;(() => {
  const create = IDBDatabase.prototype.createObjectStore
  IDBDatabase.prototype.createObjectStore = function (name, ...rest) {
    const store = create.call(this, name, ...rest)
    if (name === LAST) {
      const hold = () => {
        store.get('nothing').onsuccess = hold
      }
      hold()
      told('upgrading')
    }
    return store
  }
})();
"""


def picture(seed: int) -> str:
    """A photo of its own."""
    out = io.BytesIO()
    noise = random.Random(seed).randbytes(64 * 48 * 3)
    Image.frombytes("RGB", (64, 48), noise).save(out, "JPEG")
    return base64.b64encode(out.getvalue()).decode()


def test_a_queue_written_by_release_0_1_is_sent_byte_for_byte_by_this_one(
    site: Site, office: Office, new_phone: Callable[..., PhoneUser], shorts: list[str]
) -> None:
    phone = new_phone()
    page = phone.page
    phone.context.expose_binding("told", lambda _source, _record: None)
    phone.context.add_init_script(RESTING + RELEASE_0_1)
    page.goto(site.origin + QUIET)
    records = [
        {"tag": short, "note": f"灯 {i} 未关 \u2028 🌙", "photo": picture(i) if i % 3 == 0 else None}
        for i, short in enumerate(shorts[:30])
    ]
    page.evaluate("(asked) => release01(asked)", {"code": office.enrolment_code(), "records": records})
    memory, result = Memory(), Result("upgrade", 0)
    memory.look(page.evaluate("kept(0)"))
    assert (len(memory.ids), len(memory.photos), memory.wrong) == (34, 10, [])
    page.goto(site.origin)
    # Whoever held the phone holds it still, and what was half filled in is on the screen.
    expect(page.get_by_role("dialog")).to_contain_text("找回来了")
    expect(page.get_by_role("dialog").locator("input[type=text]").first).to_have_value("half filled")
    wait_until(lambda: all_sent(phone), "an empty queue")
    wait_until(lambda: page.evaluate("kept(1e9)")["waiting"] == 0, "the photos on the server")
    memory.look(page.evaluate(f"kept({memory.known})"))
    compare(site, memory, result)
    assert result.good, result
    phone.save()
    wait_until(lambda: all_sent(phone), "a record written on top")
    assert office.ask("GET", "checkpoints")["total"] == 31


@pytest.mark.parametrize("upgrade", ["the first", "the next"])
def test_an_upgrade_killed_in_the_middle_leaves_every_record_and_is_done_again(
    site: Site, office: Office, shorts: list[str], tmp_path: Path, upgrade: str
) -> None:
    told: list[str] = []
    if upgrade == "the next":
        phone = GuardPhone(site, tmp_path / "profile", shorts)
        phone.enrol(office)
        site.road.cut()
        browser = phone.start()
        browser.open(site.origin)
        wait_until(lambda: len(browser.told) >= 10, "ten ticks")
        told = browser.kill()
    plant = (
        STUCK.replace("LAST", "'pack'") if upgrade == "the first" else NEXT + STUCK.replace("LAST", "'later'")
    )
    for _ in range(3):
        stuck = GuardPhone(site, tmp_path / "profile", shorts, plant=plant)
        browser = stuck.start(walking=False)
        browser.open(site.origin)
        wait_until(lambda browser=browser: "upgrading" in browser.told, "the upgrade")
        browser.kill()
    site.road.mend()
    # The release that was there before still finds its database; the next one finishes what it began.
    for plant in ("", NEXT):
        phone = GuardPhone(site, tmp_path / "profile", shorts, plant=plant)
        if not told:
            phone.enrol(office)
        browser = phone.start()
        browser.open(site.origin)
        wait_until(lambda browser=browser: len(browser.told) >= 5, "five ticks more")
        told += browser.kill()
    phone = GuardPhone(site, tmp_path / "profile", shorts, plant=NEXT)
    browser = phone.start(walking=False)
    memory = Memory()
    memory.look(phone.kept(browser, 0))
    browser.kill()
    assert (memory.wrong, memory.doubled) == ([], [])
    assert [one for one in told if one not in memory.ids] == []


def test_an_old_tab_beside_a_new_one_stops_in_red_and_loses_no_ticked_record(
    site: Site, guard: PhoneUser, shorts: list[str]
) -> None:
    told: list[str] = []
    guard.context.expose_binding("told", lambda _source, record: told.append(record))
    old = guard.page
    old.add_init_script(walking_script(site, shorts, 0.1))
    old.goto(site.origin)

    def heard(count: int) -> bool:
        old.wait_for_timeout(50)
        return len(told) >= count

    wait_until(lambda: heard(10), "ten ticks of the old tab")
    new = guard.context.new_page()
    new.add_init_script(NEXT + walking_script(site, shorts, 0.1))
    new.goto(site.origin)
    # Its guard is in the middle of a checklist: what he marked stays, and is not called saved.
    expect(old.get_by_role("alert")).to_contain_text("没有保存成功：页面已在别处更新", timeout=20_000)
    before = len(told)
    wait_until(lambda: heard(before + 10), "ten ticks of the new tab")
    new.evaluate("() => { window.enough = true; return window.walked }")
    guard.page = new
    wait_until(lambda: all_sent(guard), "an empty queue")
    wait_until(lambda: new.evaluate("kept(1e9)")["waiting"] == 0, "the photos on the server")
    memory, result = Memory(), Result("old and new", 9)
    memory.look(new.evaluate("kept(0)"))
    assert (memory.wrong, memory.doubled) == ([], [])
    assert [one for one in told if one not in memory.ids] == []
    compare(site, memory, result)
    assert result.good, result
    # Opened once more by the old release, it says the same instead of starting anew.
    old.goto(site.origin)
    expect(old.get_by_role("alert").filter(has_text="已在另一个页面更新")).to_be_visible()
