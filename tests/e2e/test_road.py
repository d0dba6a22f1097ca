"""Everything that a road, a portal or a broken server can do to a request: failures 23 to 26 and 36, in a browser."""

import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.crash.browser_kill import compare
from tests.crash.browser_phone import Memory, walking_script
from tests.crash.result import Result
from tests.e2e.conftest import PhoneUser, Site
from tests.e2e.proxy import AWAY, Fault
from tests.e2e.site import Office
from tests.e2e.waiting import all_sent, wait_until

JSON = (("Content-Type", "application/json"),)
PORTAL = b"<html><h1>Campus network</h1><form action=/login><input name=user></form></html>"
# What may stand where our server's answer should.
LIES = {
    "a portal's page": Fault("instead", status=200, body=PORTAL),
    "a portal's JSON": Fault("instead", status=200, headers=JSON, body=b'{"ok": true, "ack": 999}'),
    "an empty 200": Fault("instead", status=200),
    "a 204": Fault("instead", status=204),
    "a 206": Fault(
        "instead", status=206, headers=(*JSON, ("Content-Range", "bytes 0-9/99")), body=b'{"stream":'
    ),
    "a 301": Fault("instead", status=301, headers=(("Location", "/"),)),
    "a 302 to nowhere": Fault("instead", status=302, headers=(("Location", "http://127.0.0.1:9/login"),)),
    "a 304": Fault("instead", status=304),
    "a portal's 401": Fault("instead", status=401, body=PORTAL),
    "a portal's 403": Fault("instead", status=403, body=PORTAL),
    "a 413 of a proxy": Fault("instead", status=413, body=PORTAL),
    "a 429": Fault("instead", status=429, headers=(("Retry-After", "1"),)),
    "a 500": Fault("instead", status=500, body=PORTAL),
    "a 503": Fault("instead", status=503, headers=(("Retry-After", "1"),)),
}
BREAKS = {
    "no server": AWAY,
    "a slow road": Fault("late", seconds=1.0),
    "a reset": Fault("reset"),
    "a slow end": Fault("slow_close", seconds=0.5),
    "a doubled request": Fault("twice"),
    **{f"the request cut at {share}": Fault("cut_request", share=share) for share in (0.0, 0.2, 0.6, 0.98)},
    **{f"the answer cut at {share}": Fault("cut_answer", share=share) for share in (0.0, 0.3, 0.7, 0.98)},
}
# The server says it, but not to this request or not of this phone.
SPOILS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "another stream": lambda answer: {**answer, "stream": "0" * 32},
    "another request": lambda answer: {**answer, "request": "AAAAAAAAAAAAAAAA"},
    "a hash that is not mine": lambda answer: {**answer, "ack_hash": "f" * 64},
    "an ack beyond what I have": lambda answer: {**answer, "ack": answer["ack"] + 1000},
    "no signature": lambda answer: {name: value for name, value in answer.items() if name != "signature"},
}


def held(phone: PhoneUser) -> set[str]:
    """The ids that the phone still holds, line by line."""
    return {line["id"] for line in phone.lines()}


def arrived(phone: PhoneUser, office: Office, count: int) -> None:
    """Everything is on the server once, and the screen says so."""
    phone.page.evaluate("dispatchEvent(new Event('online'))")
    wait_until(lambda: all_sent(phone), "an empty queue", 60)
    items = office.ask("GET", "checkpoints?page_size=200")
    assert items["total"] == count
    assert {item["id"] for item in items["items"]} == {
        line["id"] for line in phone.lines() if line["kind"] == "checkpoint"
    }


@pytest.mark.parametrize("reached", [False, True], ids=["before_the_server", "after_the_commit"])
def test_no_answer_but_our_servers_own_takes_a_record_off_the_phone(
    site: Site, office: Office, guard: PhoneUser, shorts: list[str], reached: bool
) -> None:
    wait_until(lambda: all_sent(guard), "a phone that has sent all")
    for count, (name, lie) in enumerate(LIES.items(), 1):
        told = Fault(**{**vars(lie), "reached": reached})
        site.road.faults.clear()
        site.road.fault = lambda _method, path, told=told: told if path == "/api/v1/sync" else None
        before = held(guard)
        guard.type_number(shorts[count])
        guard.save()
        wait_until(lambda: site.road.faults, name)
        guard.page.wait_for_timeout(150)
        assert before < held(guard), name
        assert not all_sent(guard), name
        guard.home()
        expect(guard.page.get_by_text(re.compile("条在手机里等待")), name).to_be_visible()
        site.road.mend()
        arrived(guard, office, count)
    expect(guard.page.get_by_text(re.compile("全部已送达"))).to_be_visible(timeout=20_000)


def test_no_answer_about_other_records_takes_a_record_off_the_phone(
    site: Site, office: Office, guard: PhoneUser, shorts: list[str]
) -> None:
    wait_until(lambda: all_sent(guard), "a phone that has sent all")
    old: list[bytes] = []
    spoils = {**SPOILS, "an old answer": lambda _answer: json.loads(old[0])}
    for count, (name, spoil) in enumerate(spoils.items(), 1):

        def lie(status: int, content: bytes, spoil: Any = spoil) -> tuple[int, bytes] | None:
            if status != 200:
                return None
            old.append(content)
            return 200, json.dumps(spoil(json.loads(content))).encode()

        site.road.spoil, site.road.spoiled = lie, 0
        before = held(guard)
        guard.type_number(shorts[count])
        guard.save()
        wait_until(lambda: site.road.spoiled, name)
        guard.page.wait_for_timeout(150)
        assert before < held(guard), name
        assert not all_sent(guard), name
        site.road.spoil = None
        arrived(guard, office, count)


def test_a_road_that_breaks_at_any_byte_brings_each_record_and_photo_once(
    site: Site, office: Office, guard: PhoneUser, shorts: list[str]
) -> None:
    wait_until(lambda: all_sent(guard), "a phone that has sent all")
    for count, (name, fault) in enumerate(BREAKS.items(), 1):
        site.road.faults.clear()
        site.road.fault = lambda _method, path, fault=fault: fault if path == "/api/v1/sync" else None
        before = held(guard)
        guard.type_number(shorts[count])
        guard.save()
        wait_until(lambda: site.road.faults, name)
        assert before < held(guard), name
        site.road.mend()
        arrived(guard, office, count)
    assert office.ask("GET", "quarantine")["total"] == 0


def test_a_storm_of_faults_on_every_call_loses_nothing_and_doubles_nothing(
    site: Site, guard: PhoneUser, shorts: list[str], pytestconfig: pytest.Config
) -> None:
    seed = pytestconfig.getoption("storm_seed") or random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}: pytest -m e2e {__file__} -k storm --storm-seed {seed}")
    chance = random.Random(seed)
    kinds = [*LIES.values(), *BREAKS.values()]

    def storm(_method: str, _path: str) -> Fault | None:
        if chance.random() < 0.4:
            return None
        fault = chance.choice(kinds)
        return Fault(**{**vars(fault), "reached": chance.random() < 0.5, "share": chance.random()})

    told: list[str] = []
    guard.context.expose_binding("told", lambda _source, record: told.append(record))
    guard.context.add_init_script(walking_script(site, shorts, 0.3))
    site.road.fault = storm
    page = guard.page
    page.goto(site.origin)

    def enough() -> bool:
        # A guard who looks at the phone now and then; each time is a reason to try again at once.
        page.evaluate("dispatchEvent(new Event('online'))")
        page.wait_for_timeout(100)
        return len(site.road.faults) >= 60 and len(told) >= 60

    wait_until(enough, "sixty faults", 180)
    page.evaluate("() => { window.enough = true; return window.walked }")
    site.road.mend()

    def everything_sent() -> bool:
        page.evaluate("dispatchEvent(new Event('online'))")
        page.wait_for_timeout(200)
        return all_sent(guard) and page.evaluate("kept(1e9)")["waiting"] == 0

    wait_until(everything_sent, "an empty queue", 120)
    memory, result = Memory(), Result("storm", seed)
    memory.look(page.evaluate("kept(0)"))
    result.wrong, result.doubled = memory.wrong, memory.doubled
    result.lost = [one for one in told if one not in memory.ids]
    compare(site, memory, result)
    print(
        f"{len(site.road.faults)} faults, {len(told)} ticks, {len(memory.ids)} records, {len(memory.photos)} photos"
    )
    assert result.good, result
