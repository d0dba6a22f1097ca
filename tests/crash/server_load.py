"""Ask much of the server at once: the very same request many times, and many processes that write into one database."""

import multiprocessing
import shutil
import threading
import time
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

from campus_patrol.app import create_app
from campus_patrol.backups import service as backups
from campus_patrol.settings import Settings
from tests.crash.result import Progress, Result
from tests.crash.server_rig import NO_ANSWER, Rig, Wire, rig
from tests.phone import Phone

CLIENTS = 32
WRITERS = 8


def send_same(rounds: int, postgres: bool, progress: Progress) -> Result:
    """Send one batch from 32 connections in the same moment, so often; every answer must be that it is stored."""
    result = Result(f"{CLIENTS} identical requests on {_name(postgres)}", 0, unit="rounds")
    begun = time.monotonic()
    with rig(1, postgres=postgres) as made:
        made.server.start()
        [phone] = made.phones
        wires = [Wire(made.server.port) for _ in range(CLIENTS)]
        for number in range(rounds):
            for _ in range(1 + number % 3):
                phone.write(phone.checkpoint())
            _send_to_all(phone, wires, result)
            phone.acked = len(phone.lines)
            result.kills += 1
            [(held, aside)] = made.rows(
                "SELECT (SELECT count(*) FROM record), (SELECT count(*) FROM quarantine)"
            )
            if held != len(phone.lines) or aside:
                result.wrong.append(f"round {number}: {held} rows of {len(phone.lines)}, {aside} put aside")
            progress(result.kills)
        for wire in wires:
            wire.close()
        made.stop()
        made.judge(result, complete=True)
        made.verify(result, [])
    result.told, result.seconds = phone.acked, time.monotonic() - begun
    return result


def _send_to_all(phone: Phone, wires: list[Wire], result: Result) -> None:
    body, gate = phone.body(), threading.Barrier(len(wires))

    def send(wire: Wire) -> None:
        gate.wait()
        try:
            answer = wire.post(
                "/api/v1/sync", data=body, headers=phone.headers(**{"Content-Type": "application/x-ndjson"})
            )
        except NO_ANSWER as error:
            result.wrong.append(f"no answer: {error!r}")
            return
        said = answer.json
        stored = (len(phone.lines), phone.hashes[-1], [])
        if answer.status_code != 200 or (said["ack"], said["ack_hash"], said["quarantined"]) != stored:
            result.wrong.append(f"answered {answer.status_code} {said}")

    threads = [threading.Thread(target=send, args=(wire,)) for wire in wires]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def write_together(seconds: float, postgres: bool, target: Path) -> Result:
    """Let eight processes write, two read and one make backups, for so long; busy is an answer, failing is not.

    Each backup must hold what had been acknowledged when it was begun, and is restored once more at the end.
    """
    result = Result(f"{WRITERS} writing processes on {_name(postgres)}", 0, unit="backups")
    begun = time.monotonic()
    # A process of its own for each, with the whole application in it: they share nothing but the database.
    spawn = multiprocessing.get_context("spawn")
    with rig(WRITERS, postgres=postgres) as made:
        told, ready, stop = spawn.Value("q", 0), spawn.Semaphore(0), spawn.Event()
        said: Any = spawn.Queue()
        shared = (made.settings, told, ready, stop, said)
        work = [
            spawn.Process(target=_write, args=(phone.token, phone.person, *shared)) for phone in made.phones
        ]
        work += [spawn.Process(target=_read, args=(phone.token, *shared)) for phone in made.phones[:2]]
        for process in work:
            process.daemon = True
            process.start()
        try:
            for _ in work:
                assert ready.acquire(timeout=120)
            _back_up(made, seconds, target, told, result)
        finally:
            stop.set()
            ends = [said.get(timeout=120) for _ in work]
            for process in work:
                process.join(60)
        for phone, end in zip(made.phones, (end for end in ends if end["lines"]), strict=True):
            phone.stream, phone.lines, phone.acked = end["stream"], end["lines"], end["acked"]
        result.wrong += [sentence for end in ends for sentence in end["wrong"]]
        result.told = sum(end["acked"] for end in ends)
        busy = sum(end["busy"] for end in ends)
        # Those who wait for their turn get it: only a machine at its end says busy.
        if busy * 50 > result.told:
            result.wrong.append(f"{busy} times busy for {result.told} records")
        made.judge(result, complete=True)
        made.verify(result, [])
    result.seconds = time.monotonic() - begun
    return result


def _write(
    token: str,
    person: str,
    settings: Settings,
    told: "Synchronized[int]",
    ready: Any,
    stop: Any,
    said: Any,
) -> None:
    phone = Phone(create_app(settings).test_client(), token, {}, {}, person)
    wrong: list[str] = []
    busy = 0
    ready.release()
    while not stop.is_set() or phone.acked < len(phone.lines):
        if not stop.is_set():
            phone.write(phone.checkpoint())
        answer = phone.send(phone.body())
        if answer.status_code == 200:
            with told.get_lock():
                told.value += answer.json["ack"] - phone.acked
            phone.acked = answer.json["ack"]
        elif answer.status_code == 503 and "Retry-After" in answer.headers:
            busy += 1
        else:
            wrong.append(f"a writer was answered {answer.status_code} {answer.json}")
            break
    said.put(
        {"stream": phone.stream, "lines": phone.lines, "acked": phone.acked, "wrong": wrong, "busy": busy}
    )


def _read(token: str, settings: Settings, _told: object, ready: Any, stop: Any, said: Any) -> None:
    client, wrong = create_app(settings).test_client(), []
    ready.release()
    while not stop.is_set():
        answer = client.get("/api/v1/pack", headers={"Authorization": f"Bearer {token}"})
        if answer.status_code != 200:
            wrong.append(f"a reader was answered {answer.status_code} {answer.json}")
    said.put({"lines": [], "acked": 0, "wrong": wrong, "busy": 0})


def _back_up(
    made: Rig,
    seconds: float,
    target: Path,
    told: "Synchronized[int]",
    result: Result,
) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        before, second = told.value, int(time.time())
        folder, manifest = backups.make(settings=made.settings, target=target, scratch_url=made.scratch_url)
        result.kills += 1
        if manifest.counts["record"] < before:
            result.lost.append(f"{manifest.counts['record']} records in a backup begun after {before}")
        # Once more as whoever needs it would: files, integrity, counts and chains, in another scratch place.
        backups.check(
            folder=folder, keys=made.settings.keys, settings=made.settings, scratch_url=made.scratch_url
        )
        shutil.rmtree(folder)
        # Backups are named by the second.
        while int(time.time()) == second:
            time.sleep(0.02)


def _name(postgres: bool) -> str:
    return "PostgreSQL" if postgres else "SQLite"
