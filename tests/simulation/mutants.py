"""Bugs planted on purpose, one at a time: the simulation is worth as much as it catches of these.

Those of the phone are replacements in the TypeScript sources on their way into the bundle; a text that is not there
exactly once stops the build, so that no mutant goes stale unseen. Those of the server are functions replaced in the
worker's process. A few are put right by the very next sync or are never met by a phone, so that no seed can see
them: each of these has a unit test named for it, which must fail where the bug is planted.
"""

from pathlib import Path
from typing import Any

from tests.simulation.mutants_phone import PHONE
from tests.simulation.mutants_server import SERVER

ALL = [*PHONE, *SERVER]

# The unit test of a bug that no seed can see, or one of thousands: its file, and words of its name.
NAMED: dict[str, tuple[str, str]] = {
    "wait for a clock that was put back": (
        "frontend/src/outbox/sync.test.ts",
        "a clock put back by years does not hold up the way out of a quarrel",
    ),
    "take the answer of another request": (
        "frontend/src/outbox/sync.test.ts",
        "wrong_request counts for nothing",
    ),
    # A person closes the page that no longer saves, and the update goes on.
    "stand in the way of an update": (
        "frontend/src/outbox/db.test.ts",
        "a newer version of the app takes over",
    ),
    # Phones offer what was never asked for, and all of it again after a restore.
    "no photos wanted": (
        "tests/photos/test_photos.py",
        "test_the_receipt_asks_for_a_photo_until_it_is_here",
    ),
    # A phone does not believe an answer to another's request, and asks again.
    "the first one hears for all": (
        "tests/sync/test_intake.py",
        "test_batches_that_wait_are_stored_by_one_commit_and_each_hears_of_its_own",
    ),
    # A backup, two days on some phone's clock, and none elsewhere: too seldom together for a few hundred seeds.
    "let go without a backup elsewhere": (
        "tests/backups/test_backup.py",
        "test_phones_may_forget_only_what_a_backup_off_the_machine_holds",
    ),
    # A record that moved, a photo that came since the backup, a restore: too seldom together for a few hundred seeds.
    "leave a restored server without its photos": (
        "frontend/src/outbox/sync.test.ts",
        "a restored server that does not ask for them is offered again the photos it had",
    ),
    "any 200 is a stored photo": (
        "frontend/src/outbox/sync.test.ts",
        "are called stored only by their own hash",
    ),
    "believe an ack beyond what was announced": (
        "frontend/src/outbox/sync.test.ts",
        "an acknowledgement beyond what was announced is not believed",
    ),
    # The database lost, the copy kept, and a code of another school: too seldom together for a few hundred seeds.
    "what came back goes to any school": (
        "frontend/src/outbox/spare.test.ts",
        "what came back of one school is never sent to another",
    ),
    "a photo under any name": ("tests/sync/test_bad_input.py", "test_a_photo_under_a_wrong_name_is_refused"),
}


def patches(name: str) -> list[dict[str, str]]:
    """Return what a mutant of the phone changes in the sources; nothing for one of the server."""
    return [{"file": file, "find": find, "put": put} for file, find, put in PHONE.get(name, [])]


def patched(name: str, outbox: Path) -> dict[str, str]:
    """Return the sources that a mutant of the phone changes, as it leaves them; raises ValueError for a stale one."""
    texts: dict[str, str] = {}
    for file, find, put in PHONE.get(name, []):
        text = texts.get(file) or (outbox / file).read_text(encoding="utf-8")
        if text.count(find) != 1:
            raise ValueError(f"{name} is not once in {file}: {find}")
        texts[file] = text.replace(find, put)
    return texts


def plant(name: str, worker: Any) -> None:
    """Plant a mutant of the server in this process; ``worker`` is None where a unit test is to find it."""
    SERVER[name](worker)
