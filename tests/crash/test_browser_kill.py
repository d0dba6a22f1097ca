"""Failure 1, the tick before the write; failure 23, the kill between two steps of a sync."""

import random
import shutil

import pytest

from tests.crash.browser_kill import Meddle, kill_browser
from tests.crash.browser_phone import GuardPhone

pytestmark = pytest.mark.e2e

# Shows the tick when the record is handed to the database, on a disk that takes a third of a second to write it.
EARLY_TICK = """
;(() => {
  const add = IDBObjectStore.prototype.add
  IDBObjectStore.prototype.add = function (row, ...rest) {
    const request = add.call(this, row, ...rest)
    if (this.name !== 'outbox' || !row.line.includes('"kind":"checkpoint"')) return request
    const end = performance.now() + 333
    const hold = () => {
      if (performance.now() < end) this.get(row.n).onsuccess = hold
    }
    hold()
    document.querySelector('.planted')?.remove()
    const tick = document.createElement('div')
    tick.className = 'planted saved shown'
    tick.append(document.createElement('p'), document.createElement('button'))
    tick.firstChild.textContent = row.id
    document.body.prepend(tick)
    return request
  }
})();
"""
REMOVE = """new Promise((done) => {
  const open = indexedDB.open('campus-patrol')
  open.onsuccess = () => {
    const tx = open.result.transaction('outbox', 'readwrite', { durability: 'strict' })
    tx.objectStore('outbox').openCursor().onsuccess = ({ target: { result: cursor } }) => {
      if (cursor?.value.id === '%s') cursor.delete()
      else cursor?.continue()
    }
    tx.oncomplete = () => {
      open.result.close()
      done()
    }
  }
})"""


def quiet(_done: int) -> None:
    """No bar in a test."""


def test_a_browser_killed_at_any_moment_keeps_every_ticked_record_with_its_photo() -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    result = kill_browser(20, seed, quiet)
    print(result)
    assert result.good, result
    assert result.kills == 20
    assert result.told > 20
    assert result.photos > 5


def test_a_page_that_ticks_before_the_write_is_complete_is_caught_by_the_kills() -> None:
    result = kill_browser(8, 4, quiet, plant=EARLY_TICK)
    print(result)
    assert result.lost


def test_one_ticked_record_taken_out_of_the_database_is_noticed() -> None:
    taken = []

    def take_one(phone: GuardPhone, ticked: list[str]) -> None:
        if not ticked or taken:
            return
        browser = phone.start(walking=False)
        phone.kept(browser, 0)
        browser.evaluate(REMOVE % ticked[-1])
        browser.kill()
        taken.append(ticked[-1])

    result = kill_browser(3, 5, quiet, meddle=take_one)
    print(result)
    assert taken[0] in result.lost
    assert any("chain" in sentence for sentence in result.wrong)


def throw_away(*folders: str) -> tuple[Meddle, list[str]]:
    """What deletes these folders of the profile after the third kill that left something ticked, and the ids told."""
    told: list[str] = []
    seen: list[str] = []

    def meddle(phone: GuardPhone, ticked: list[str]) -> None:
        if ticked and not told:
            seen.extend(ticked)
        if len(seen) < 6 or told:
            return
        told.extend(seen)
        for folder in folders:
            shutil.rmtree(phone.profile / "Default" / folder)

    return meddle, told


def test_a_database_that_the_browser_threw_away_comes_back_from_the_spare_copy() -> None:
    meddle, told = throw_away("IndexedDB")
    result = kill_browser(6, 5, quiet, meddle=meddle)
    print(result)
    assert result.databases == 1
    assert result.back > 0
    assert not result.doubled
    assert not result.wrong
    # The kill may have fallen between the last tick and its copy.
    assert [one for one in result.lost if not one.startswith(("photo", told[-1]))] == []
    assert len(result.lost) <= 2


def test_a_browser_that_threw_away_database_and_spare_copy_is_noticed() -> None:
    meddle, told = throw_away("IndexedDB", "Service Worker/CacheStorage")
    result = kill_browser(6, 5, quiet, meddle=meddle)
    print(result)
    assert result.databases == 1
    assert any(one.startswith(told[-1]) for one in result.lost)
