"""Two or more writers on one identity: tabs of one phone (failure 20), a copied phone (19)."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.browser_kill import compare
from tests.crash.browser_phone import Memory, walking_script
from tests.crash.result import Result
from tests.e2e.conftest import PhoneUser, Site
from tests.e2e.site import Office
from tests.e2e.waiting import all_sent, wait_until

NO_LOCKS = "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })"


@pytest.mark.parametrize("locks", [True, False], ids=["with_locks", "without_locks"])
def test_five_tabs_that_save_and_sync_at_once_give_each_number_once(
    site: Site, guard: PhoneUser, shorts: list[str], locks: bool
) -> None:
    told: list[str] = []
    guard.context.expose_binding("told", lambda _source, record: told.append(record))
    if not locks:
        guard.context.add_init_script(NO_LOCKS)
    guard.context.add_init_script(walking_script(site, shorts, 0.2))
    guard.page.goto(site.origin)
    assert guard.page.evaluate("navigator.locks !== undefined") is locks
    tabs = [guard.page, *(guard.context.new_page() for _ in range(4))]
    for tab in tabs[1:]:
        tab.goto(site.origin)

    def enough() -> bool:
        # Playwright hears of a tick only while it waits for something of its own.
        guard.page.wait_for_timeout(50)
        return len(told) >= 60

    wait_until(enough, "sixty ticks", 90)
    for tab in tabs:
        tab.evaluate("() => { window.enough = true; return window.walked }")
    wait_until(lambda: all_sent(guard), "an empty queue", 90)
    memory, result = Memory(), Result("tabs", 0)
    memory.look(guard.page.evaluate("kept(0)"))
    assert (memory.wrong, memory.doubled) == ([], [])
    assert [one for one in told if one not in memory.ids] == []
    assert len(set(told)) == len(told)
    wait_until(lambda: guard.page.evaluate("kept(1e9)")["waiting"] == 0, "the photos on the server", 60)
    compare(site, memory, result)
    assert result.good, result


def test_a_copied_phone_and_its_original_both_keep_what_they_recorded_and_the_supervisor_is_told(
    site: Site,
    office: Office,
    guard: PhoneUser,
    new_phone: Callable[..., PhoneUser],
    shorts: list[str],
    tmp_path: Path,
) -> None:
    wait_until(lambda: all_sent(guard), "a phone that has sent all")
    guard.context.close()
    shutil.copytree(
        tmp_path / "profile0",
        tmp_path / "copy",
        ignore=shutil.ignore_patterns("Singleton*"),
    )
    site.road.cut()
    twins = [new_phone(profile=tmp_path / name) for name in ("profile0", "copy")]
    written: set[str] = set()
    for number, twin in enumerate(twins):
        twin.page.goto(site.origin)
        twin.unlock()
        for short in shorts[number * 5 : number * 5 + 5]:
            twin.type_number(short)
            twin.save()
        written |= {line["id"] for line in twin.lines() if line["kind"] == "checkpoint"}
    assert len(written) == 10
    assert twins[0].stream() == twins[1].stream()
    site.road.mend()
    for twin in twins:
        twin.page.reload()
    for twin in twins:
        wait_until(lambda twin=twin: all_sent(twin), "an empty queue", 60)
    assert twins[0].stream() != twins[1].stream()
    items = office.ask("GET", "checkpoints?page_size=100")["items"]
    assert sorted(item["id"] for item in items) == sorted(written)
    assert "fork" in {item["code"] for item in office.ask("GET", "quarantine")["items"]}
