"""Kill the server, or its database, while phones send: what was acknowledged is there, and nothing is there twice."""

import hashlib
import io
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from tests.crash.result import Progress, Result
from tests.crash.server_rig import NO_ANSWER, Rig, rig
from tests.phone import Phone

PHONES = 5
# What a server may say that has just lost its database, or is waiting for it: try again.
NOT_NOW = {503}
# Seconds in which a server must be itself again once its database is.
RECOVERY = 30


def kill_server(
    count: int, postgres: bool, seed: int, progress: Progress, plant: Path | None = None
) -> Result:
    """Kill a server so often at moments that the seed chooses, with phones sending all the while.

    On SQLite it is always the server that dies; on PostgreSQL the server, the database or both. ``plant`` is a
    folder whose sitecustomize.py is loaded by the server, to see that a fault in it is noticed.
    """
    result = Result(f"server on {'PostgreSQL' if postgres else 'SQLite'}", seed)
    chance, begun = random.Random(seed), time.monotonic()
    with rig(PHONES, postgres=postgres, plant=plant) as made:
        walkers = [Walker(phone, random.Random(chance.random()), result) for phone in made.phones]
        while result.kills < count:
            victim = chance.choice(("server", "server", "database", "both")) if postgres else "server"
            _one_kill(made, walkers, victim, chance)
            result.kills += 1
            made.judge(result)
            _judge_photos(made, walkers, result)
            if result.kills % 10 == 0:
                made.verify(result, [walker.receipt for walker in walkers if walker.receipt])
            progress(result.kills)
        _everything_arrives(made, walkers, result)
    result.told = sum(phone.acked for phone in made.phones)
    result.photos = sum(len(walker.told) for walker in walkers)
    result.seconds = time.monotonic() - begun
    return result


@dataclass
class Walker:
    """A guard who walks and a phone that sends, until there is no answer."""

    phone: Phone
    chance: random.Random
    result: Result
    receipt: dict[str, Any] | None = None
    # Photos that records name and nobody has confirmed yet, and those that the server said it has.
    waiting: dict[str, bytes] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    answered: threading.Event = field(default_factory=threading.Event)

    def work(self, stop: threading.Event) -> None:
        """Record and send until told to stop; a server that is gone is asked again, as a phone does."""
        while not stop.is_set():
            for _ in range(self.chance.randint(0, 6)):
                self._record()
            try:
                said_yes = self._send() and self._send_photo()
            except NO_ANSWER:
                said_yes = False
            if said_yes:
                self.answered.set()
            else:
                stop.wait(0.05)

    def bring_all(self) -> bool:
        """Send what is left; says whether everything is acknowledged."""
        while self.phone.acked < len(self.phone.lines) or self.waiting:
            before = (self.phone.acked, len(self.waiting))
            if not (self._send() and self._send_photo()) or before == (self.phone.acked, len(self.waiting)):
                return False
        return True

    def _record(self) -> None:
        photos = []
        if self.chance.random() < 0.1:
            content = _picture(self.chance)
            sha256 = hashlib.sha256(content).hexdigest()
            self.waiting[sha256] = content
            photos = [{"sha256": sha256, "size": len(content)}]
        self.phone.write(self.phone.checkpoint(photos=photos))

    def _send(self) -> bool:
        phone = self.phone
        # Now and then from further back, as after an answer that was lost on the way.
        first = max(1, phone.acked + 1 - self.chance.choice((0, 0, 0, 3)))
        answer = phone.send(phone.body(first=first))
        if answer.status_code in NOT_NOW:
            return False
        said = answer.json
        if answer.status_code == 200 and said["ack_hash"] == phone.hashes[said["ack"]]:
            if said["ack"] != len(phone.lines):
                self._complain(f"{len(phone.lines)} lines sent, {said['ack']} acknowledged")
            phone.acked, self.receipt = said["ack"], said
            return True
        self._complain(f"the answer {answer.status_code} {said}")
        if said.get("code") == "gap":
            phone.acked = said["need"] - 1
        return False

    def _send_photo(self) -> bool:
        if not self.waiting:
            return True
        sha256, content = next(iter(self.waiting.items()))
        answer = self.phone.put_photo(content)
        if answer.status_code in (200, 201):
            del self.waiting[sha256]
            self.told.add(sha256)
        elif answer.status_code not in NOT_NOW:
            self._complain(f"a photo was answered {answer.status_code} {answer.data!r}")
        return answer.status_code in (200, 201)

    def _complain(self, what: str) -> None:
        self.result.wrong.append(f"{what}, stream {self.phone.stream}, after {self.result.kills} kills")


def _one_kill(made: Rig, walkers: list[Walker], victim: str, chance: random.Random) -> None:
    if not made.server.running:
        made.server.start()
    stop = threading.Event()
    for walker in walkers:
        walker.answered.clear()
    threads = [threading.Thread(target=walker.work, args=(stop,)) for walker in walkers]
    for thread in threads:
        thread.start()
    try:
        # From while the first requests after the start are on their way to when all phones are in full swing.
        if chance.random() < 0.7:
            chance.choice(walkers).answered.wait(RECOVERY)
        time.sleep(chance.uniform(0, 0.4))
        if victim == "both":
            database = threading.Thread(target=made.crash_database)
            database.start()
            made.server.kill()
            database.join()
        elif victim == "database":
            made.crash_database()
            _served_again(walkers)
        else:
            made.server.kill()
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _served_again(walkers: list[Walker]) -> None:
    """Wait until every phone has heard of the server again, which nobody restarted."""
    for walker in walkers:
        walker.answered.clear()
    deadline = time.monotonic() + RECOVERY
    for walker in walkers:
        if not walker.answered.wait(max(0, deadline - time.monotonic())):
            walker.result.wrong.append(f"not served {RECOVERY} s after its database came back")


def _judge_photos(made: Rig, walkers: list[Walker], result: Result) -> None:
    held = {row.sha256 for row in made.rows("SELECT sha256 FROM photo")}
    for sha256 in set().union(*(walker.told for walker in walkers)):
        files = list(made.settings.photos.rglob(f"{sha256}.full.jpg"))
        if sha256 not in held or len(files) != 1 or not _is_whole(files[0].read_bytes()):
            result.lost.append(f"photo {sha256}, after {result.kills} kills")


def _everything_arrives(made: Rig, walkers: list[Walker], result: Result) -> None:
    if not made.server.running:
        made.server.start()
    made.hang_up()
    for walker in walkers:
        if not walker.bring_all():
            result.wrong.append(f"stream {walker.phone.stream} does not come to its end")
    made.stop()
    made.judge(result, complete=True)
    _judge_photos(made, walkers, result)
    made.verify(result, [walker.receipt for walker in walkers if walker.receipt])
    done = made.command("verify")
    if done.returncode != 0 or "Sound." not in done.stdout:
        result.wrong.append(f"campus-patrol verify: {done.stdout}{done.stderr}")


def _picture(chance: random.Random) -> bytes:
    """Make a small picture unlike any other."""
    out = io.BytesIO()
    Image.frombytes("RGB", (16, 16), chance.randbytes(16 * 16 * 3)).save(out, "JPEG")
    return out.getvalue()


def _is_whole(content: bytes) -> bool:
    try:
        Image.open(io.BytesIO(content)).load()
    except (OSError, SyntaxError):
        return False
    return True
