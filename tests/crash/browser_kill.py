"""A phone's browser killed with SIGKILL at any moment, over and over: what was ticked is there when it comes back."""

import contextlib
import itertools
import random
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.crash.browser_phone import Gone, GuardPhone, Memory, short_numbers
from tests.crash.browser_process import Chromium, Died
from tests.crash.result import Progress, Result
from tests.e2e.site import Office, Site, open_site, set_up_school

# A night's list grows with each record and slows the page down, so that fewer moments of a save would be hit.
KILLS_PER_PHONE = 100
# The longest that a browser lives after its page began to load: some loads are cut, most saves, some syncs.
LONGEST_LIFE = 1.6
PATIENCE = 240.0

# Called between a kill and the next look, with the phone: a test that wants to see the rig notice something.
Meddle = Callable[[GuardPhone, list[str]], None]


def kill_browser(
    count: int,
    seed: int,
    progress: Progress,
    *,
    plant: str = "",
    meddle: Meddle | None = None,
) -> Result:
    """Kill a browser so often while a guard saves in it; then let it sync, and compare with the server."""
    result = Result("browser", seed)
    chance = random.Random(seed)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="campus-patrol-kills-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        (folder / "set-up").mkdir()
        with open_site(set_up_school(folder / "set-up"), folder / "data") as site:
            office = Office(site)
            numbers = short_numbers(office)
            for number in itertools.count():
                # A phone that lost its database ends early.
                kills = min(KILLS_PER_PHONE, count - result.kills)
                if kills <= 0:
                    break
                phone = GuardPhone(site, folder / f"profile{number}", numbers, plant)
                phone.enrol(office)
                try:
                    _one_phone(phone, office, kills, chance, result, progress, meddle)
                except (AssertionError, Died, OSError) as error:
                    # An hour of kills must not end without its figures.
                    result.wrong.append(f"the rig stopped after kill {result.kills}: {error!r}")
                    break
    result.seconds = time.monotonic() - begun
    return result


def _one_phone(
    phone: GuardPhone,
    office: Office,
    kills: int,
    chance: random.Random,
    result: Result,
    progress: Progress,
    meddle: Meddle | None,
) -> None:
    memory, told = Memory(), []
    for _ in range(kills):
        # Most nights have no signal; in the others the kill also falls between the steps of a sync.
        phone.site.road.mend() if chance.random() < 0.35 else phone.site.road.cut()
        life = chance.uniform(0, LONGEST_LIFE)
        browser = phone.start()
        try:
            memory.look(phone.kept(browser, memory.known))
        except Gone:
            browser.kill()
            result.told += len(told)
            _bring_back(phone, office, told, memory, result)
            return
        _note_lost(told, memory, result)
        with contextlib.suppress(Died):
            browser.open(phone.site.origin)
        time.sleep(life)
        ticked = browser.kill()
        result.wrong += [f"the page threw: {error}" for error in browser.errors]
        told += ticked
        result.kills += 1
        if meddle:
            meddle(phone, ticked)
        progress(result.kills)
    result.told += len(told)
    _deliver(phone, told, result)


def _note_lost(told: list[str], memory: Memory, result: Result) -> None:
    known = set(result.lost)
    result.lost += [one for one in told if one not in memory.ids and one not in known]


def _deliver(phone: GuardPhone, told: list[str], result: Result) -> None:
    """Look at everything once more, let the phone send it, and compare the server's rows with it, byte by byte."""
    phone.site.road.mend()
    browser = phone.start(walking=False)
    try:
        whole = Memory()
        whole.look(phone.kept(browser, 0))
        _note_lost(told, whole, result)
        result.doubled += whole.doubled
        result.wrong += whole.wrong
        if len(set(told)) != len(told):
            result.doubled.append("the same record was ticked twice")
        browser.open(phone.site.origin)
        _wait_until_sent(browser, whole, result)
        result.photos += len(whole.photos)
    finally:
        browser.kill()
    compare(phone.site, whole, result)


def _wait_until_sent(browser: Chromium, whole: Memory, result: Result) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        kept = browser.evaluate(f"kept({whole.known})")
        if kept["chain"]["acked"] == kept["chain"]["next"] - 1 and kept["waiting"] == 0:
            break
        if time.monotonic() > deadline:
            result.wrong.append(f"the queue is not empty after {PATIENCE:.0f} s: {kept['chain']}")
            break
        time.sleep(0.2)
    # What the page wrote itself on opening, such as a guard who signed out.
    whole.look(kept)


def _bring_back(phone: GuardPhone, office: Office, told: list[str], memory: Memory, result: Result) -> None:
    """Let a phone in again whose database is gone: what was told or seen on it must all reach the server, once.

    The first look that finds no database ends the phone's life here; its spare copy has to make up for it.
    """
    result.databases += 1
    phone.site.road.mend()
    phone.enrol(office)
    browser = phone.start(walking=False)
    try:
        whole = Memory()
        whole.look(phone.kept(browser, 0))
        browser.open(phone.site.origin)
        _wait_until_sent(browser, whole, result)
    finally:
        browser.kill()
    result.doubled += whole.doubled
    result.wrong += whole.wrong
    result.photos += len(whole.photos)
    result.back += sum(1 for name in whole.ids if name in memory.ids or name in told)
    with contextlib.closing(sqlite3.connect(phone.site.folder / "campus-patrol.sqlite3")) as database:
        # A line that had come before the loss and came once more has no id of its own the second time.
        rows = database.execute("SELECT id, line FROM record WHERE id IS NOT NULL").fetchall()
        photos = {sha256 for (sha256,) in database.execute("SELECT sha256 FROM photo")}
    there = dict(rows)
    expected = {**memory.ids, **dict.fromkeys(told), **whole.ids}
    result.lost += [f"{name} went with a database" for name in expected if name not in there]
    result.lost += [f"photo {name} went with a database" for name in sorted(memory.photos - photos)]
    result.doubled += [name for name, times in Counter(name for name, _ in rows).items() if times > 1]
    result.wrong += [
        f"{name} has other bytes on the server"
        for name, line in {**memory.ids, **whole.ids}.items()
        if there.get(name, line) != line
    ]


def compare(site: Site, phone: Memory, result: Result) -> None:
    """Note what the server lacks, has twice or has otherwise than the phone."""
    with contextlib.closing(sqlite3.connect(site.folder / "campus-patrol.sqlite3")) as database:
        rows = database.execute("SELECT id, line FROM record WHERE stream = ?", (phone.stream,)).fetchall()
        aside = database.execute("SELECT code, line FROM quarantine").fetchall()
        photos = {sha256 for (sha256,) in database.execute("SELECT sha256 FROM photo")}
    there = Counter(name for name, _ in rows)
    result.lost += [f"{name} is not on the server" for name in phone.ids if name not in there]
    result.doubled += [name for name, times in there.items() if times > 1]
    result.wrong += [
        f"{name} has other bytes on the server" for name, line in rows if phone.ids.get(name) != line
    ]
    result.wrong += [f"put aside by the server, {code}: {line!r}" for code, line in aside]
    result.lost += [f"photo {name} is not on the server" for name in sorted(phone.photos - photos)]
