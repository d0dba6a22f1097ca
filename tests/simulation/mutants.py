"""Bugs planted on purpose, one at a time: the simulation is worth as much as it catches of these.

Those of the phone are replacements in the TypeScript sources on their way into the bundle; a text that is not there
exactly once stops the build, so that no mutant goes stale unseen. Those of the server are functions replaced in the
worker's process.

Not in the list, because seeds do not catch them: two are put right by the next sync (an ack taken from the answer of
another request; any 200 taken for a stored photo), one is refused by the phone (a server that acknowledges more than
was announced). frontend/src/outbox/sync.test.ts holds all three: "wrong_request counts for nothing", "photos … are
called stored only by their own hash", "an acknowledgement beyond what was announced is not believed".
A photo whose hash the server does not check: a body cut here is never a readable picture;
tests/sync/test_bad_input.py holds that.
"""

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import update

from campus_patrol.database import db, new_id, use_school
from campus_patrol.people.models import Person
from campus_patrol.problems import Problem
from campus_patrol.sync import api, rules, service
from campus_patrol.sync.models import Record

Patch = tuple[str, str, str]

# name: (file, text, text in its place), …
PHONE: dict[str, list[Patch]] = {
    "delete on send": [
        (
            "sync.ts",
            "        const step = await this.judge(plan, await this.post(plan))\n",
            "        const answer = this.post(plan)\n"
            "        await this.store.write(['outbox'], async (tx) => {\n"
            "          for (const { n } of plan.rows) await tx.objectStore('outbox').delete(n)\n"
            "        })\n"
            "        const step = await this.judge(plan, await answer)\n",
        )
    ],
    "any 200 is success": [
        (
            "sync.ts",
            "        return stop('portal', 200, null)\n",
            "        await this.store.write(['meta'], async (tx) => {\n"
            "          const chain = await readChain(tx)\n"
            "          await tx.objectStore('meta').put({ ...chain, acked: chain.next - 1, safeAt: 1 }, 'chain')\n"
            "        })\n"
            "        return { ...GO_ON, outcome: OK }\n",
        )
    ],
    "clear on 401": [
        (
            "answers.ts",
            "    const stopped = { code, at: world.now() }\n",
            "    const stopped = { code, at: world.now() }\n"
            "    await store.write(['outbox'], (tx) => tx.objectStore('outbox').clear())\n",
        )
    ],
    "relaxed durability": [("db.ts", "durability: 'strict'", "durability: 'relaxed'")],
    "tick before complete": [("db.ts", "  await complete\n  return result\n", "  return result\n")],
    "a second stream under the same name": [
        (
            "outbox.ts",
            "        const stream = newStream(this.world)\n        const moved",
            "        const stream = chain.stream\n        const moved",
        ),
        ("outbox.ts", "          if (now.stream === stream) return\n", ""),
    ],
    "reuse the stream of a lost database": [
        (
            "outbox.ts",
            "    const stream = newStream(this.world)\n    const [first]",
            "    const stream = marker?.stream ?? newStream(this.world)\n    const [first]",
        )
    ],
    "say nothing of a lost database": [
        (
            "outbox.ts",
            "    const lost = marker === null ? null :",
            "    const lost = marker !== null || marker === null ? null :",
        )
    ],
    "no lock and no compare-and-set": [
        (
            "outbox.ts",
            "const chain = await this.world.alone(LOCK, LOCK_PATIENCE, () =>",
            "const chain = await Promise.resolve().then(() =>",
        ),
        (
            "outbox.ts",
            "            throw new Moved()\n          }\n          const row",
            "          }\n          const row",
        ),
        (
            "outbox.ts",
            "          await tx.objectStore('outbox').add(row)\n",
            "          await tx.objectStore('outbox').put(row)\n",
        ),
    ],
    "count a lost commit as saved": [
        (
            "outbox.ts",
            "            throw new Moved()\n          }\n          const row",
            "            return\n          }\n          const row",
        ),
    ],
    "move only what waits": [
        (
            "outbox.ts",
            "        for (const row of rows) {\n          if",
            "        for (const row of rows) {\n          if (row.n <= chain.acked) continue\n          if",
        )
    ],
    "never go back": [
        ("sync.ts", "        acked: ack,\n", "        acked: Math.max(chain.acked, ack),\n"),
        ("sync.ts", "acked: Math.min(now.acked, need - 1)", "acked: now.acked"),
    ],
    "forget what no backup holds": [
        ("sync.ts", "const safe = Math.min(chain.acked, chain.durable)", "const safe = chain.acked")
    ],
    "give up at a fork": [
        (
            "sync.ts",
            "    await this.outbox.move(chain.stream)\n    return GO_ON\n",
            "    return stop('refused', 409, 'fork')\n",
        )
    ],
    "give up at a gap": [
        (
            "sync.ts",
            "return this.goBack(chain, from, problem.need)",
            "return stop('refused', 409, String(from))",
        )
    ],
    "serialise again when sending": [
        (
            "sync.ts",
            "...rows.map((row) => row.line)]",
            "...rows.map((row) => JSON.stringify({ ...JSON.parse(row.line), sent: true }))]",
        )
    ],
    "take old records to another school": [
        (
            "device.ts",
            "const other = before !== null && before.school.id !== pack.school.id",
            "const other = false",
        )
    ],
    "hide what was put aside": [
        ("sync.ts", "if (row === undefined || n > ack || isStub(row)) continue", "continue")
    ],
    "drop what was put aside": [
        (
            "sync.ts",
            "        const { id, line } = row\n",
            "        const { id, line } = row\n"
            "        await tx.objectStore('outbox').delete(n)\n"
            "        if (id !== '') continue\n",
        )
    ],
    "drop the line that is too large": [
        ("outbox.ts", "            aside.push(asideRecord(row, 'line_too_long', at, false))\n", "")
    ],
    "drop photos before the answer": [
        (
            "photos.ts",
            "    const answer = await ask(this.world, `/api/v1/photos/",
            "    await this.mark(photo.sha256, 'waiting', 'dropped')\n"
            "    const answer = await ask(this.world, `/api/v1/photos/",
        )
    ],
    "send damaged photos": [
        (
            "outbox.ts",
            "  return (await sha256(world, bytes)) === name\n",
            "  return name !== (await sha256(world, new ArrayBuffer(0)))\n",
        ),
        (
            "outbox.ts",
            "  if (bytes === null || bytes.byteLength !== size || size === 0) return false\n",
            "  if (bytes === null || size === 0) return false\n",
        ),
    ],
    "a portal's 401 signs out": [
        ("answers.ts", "  if (status === 401 && code !== null) {", "  if (status === 401) {"),
        (
            "answers.ts",
            "    const stopped = { code, at: world.now() }\n",
            "    const stopped = { code: code ?? 'portal', at: world.now() }\n",
        ),
        (
            "answers.ts",
            "outcome: code === null ? 'portal' : 'refused'",
            "outcome: code === null && status !== 401 ? 'portal' : 'refused'",
        ),
    ],
    "wait for a clock that was put back": [
        ("sync.ts", "if (waited >= 0 && waited < patience)", "if (waited < patience)")
    ],
    "show a belief as safe": [
        ("outbox.ts", "        safe: chain.acked,\n", "        safe: chain.next - 1,\n"),
    ],
}

Plant = Callable[[Any], None]


def _ack_before_commit(worker: Any) -> None:
    """Let the answer leave first; the commit comes with the next request."""
    commit = worker.commit
    real = worker.ask

    def late(**request: Any) -> dict[str, Any]:
        with worker.app.app_context():
            commit()
        return real(**request)

    worker.commit = lambda: None
    worker.ask = late


def _poison_blocks(_: Any) -> None:
    judge = rules.judge

    def strict(line: bytes, **schemas: Any) -> Any:
        judged = judge(line, **schemas)
        if judged.refusal:
            raise Problem("sync_header_invalid")
        return judged

    service.rules.judge = strict


def _poison_skipped(_: Any) -> None:
    store = service._store

    def skipping(lines: Any, stream: Any, *rest: Any) -> None:
        good = [line for line in lines if not line.refusal]
        if good:
            store(good, stream, *rest)
        stream.head, stream.head_hash = lines[-1].n, lines[-1].hash

    service._store = skipping


def _poison_unsaid(_: Any) -> None:
    service._put_aside = lambda *_: None


def _insert_or_replace(worker: Any) -> None:
    def replace(stream: Any, known: Any) -> None:
        for line in known:
            db.session.execute(
                update(Record)
                .where(Record.stream == stream.stream, Record.n == line.n)
                .values(line=line.raw, hash=line.hash)
            )
        if known and known[-1].n == stream.head:
            stream.head_hash = known[-1].hash

    _without_triggers(worker)
    service._first_difference = replace
    service._refuse_gap_or_fork = lambda *_: None


def _no_unique_key(worker: Any) -> None:
    def all_fresh(lines: Any) -> list[Any]:
        for line in lines:
            if line.record:
                line.id = line.record["id"]
        return [line for line in lines if line.record]

    _without_triggers(worker)
    service._settle_ids = all_fresh


def _without_triggers(worker: Any) -> None:
    """Take the table's own guards away, where the planted bug is that they were never made."""
    with worker.app.app_context():
        connection = db.engine.raw_connection()
        connection.execute("CREATE TABLE bare AS SELECT * FROM record WHERE 0")
        connection.execute("DROP TABLE record")
        connection.execute("ALTER TABLE bare RENAME TO record")
        connection.commit()
        connection.close()


def _school_from_the_body(_: Any) -> None:
    read_batch = service.read_batch

    def trusting(body: bytes) -> Any:
        batch = read_batch(body)
        for line in batch.lines:
            try:
                named = json.loads(line).get("person")
            except (ValueError, AttributeError):
                continue
            info = db.session.info
            mine, info["school"] = info["school"], "*"
            person = db.session.query(Person).where(Person.id == named).one_or_none() if named else None
            info["school"] = mine
            if person is not None and person.school_id != mine:
                use_school(person.school_id)
        return batch

    api.service.read_batch = trusting


def _no_chain_check(_: Any) -> None:
    service._refuse_gap_or_fork = lambda stream, batch, *_: (
        Problem("gap", need=stream.head + 1) if batch.header["first"] > stream.head + 1 else None
    )
    service._first_difference = lambda *_: None


def _accept_gap(_: Any) -> None:
    service._refuse_gap_or_fork = lambda *_: None
    service._first_difference = lambda *_: None
    hash_at = service._hash_at

    def any_hash(stream: Any, n: int) -> str:
        try:
            return hash_at(stream, n)
        except Exception:
            return stream.head_hash

    service._hash_at = any_hash


def _ack_what_was_claimed(_: Any) -> None:
    """Keep the first half of a batch and acknowledge all of it."""
    store = service._store

    def half(lines: Any, stream: Any, *rest: Any) -> None:
        store(lines[: (len(lines) + 1) // 2], stream, *rest)
        stream.head, stream.head_hash = lines[-1].n, lines[-1].hash

    service._store = half


def _serialise_lines_again(_: Any) -> None:
    chain = service._chain

    def tidy(batch: Any) -> Any:
        lines = chain(batch)
        for line in lines:
            try:
                line.raw = json.dumps(json.loads(line.raw)).encode()
            except ValueError:
                continue
        return lines

    service._chain = tidy


def _cut_bodies_are_whole(_: Any) -> None:
    def trusting(body: bytes) -> Any:
        first, _, rest = body.partition(b"\n")
        try:
            header = service._HEADER.load(json.loads(first))
        except Exception:
            raise Problem("sync_header_invalid") from None
        lines = rest.split(b"\n")
        return service.Batch({**header, "count": len(lines)}, [line for line in lines if line])

    api.service.read_batch = trusting
    gap_only = {"none": None}
    service._refuse_gap_or_fork = lambda *_: gap_only["none"]


def _ids_forgotten(_: Any) -> None:
    """Give every line a fresh id, so that a stream that moved house counts twice."""

    def anew(lines: Any) -> list[Any]:
        fresh = [line for line in lines if line.record]
        for line in fresh:
            line.id = line.record["id"] = new_id()
        return fresh

    service._settle_ids = anew


def _no_photos_wanted(_: Any) -> None:
    service._wanted_photos = lambda _: []


SERVER: dict[str, Plant] = {
    "ack before commit": _ack_before_commit,
    "poison blocks": _poison_blocks,
    "poison skipped": _poison_skipped,
    "poison unsaid": _poison_unsaid,
    "insert or replace": _insert_or_replace,
    "no unique key": _no_unique_key,
    "ids forgotten": _ids_forgotten,
    "school from the body": _school_from_the_body,
    "no chain check": _no_chain_check,
    "accept gap": _accept_gap,
    "ack what was claimed": _ack_what_was_claimed,
    "serialise lines again": _serialise_lines_again,
    "cut bodies are whole": _cut_bodies_are_whole,
    "no photos wanted": _no_photos_wanted,
}

ALL = [*PHONE, *SERVER]


def patches(name: str) -> list[dict[str, str]]:
    """Return what a mutant of the phone changes in the sources; nothing for one of the server."""
    return [{"file": file, "find": find, "put": put} for file, find, put in PHONE.get(name, [])]


def plant(name: str, worker: Any) -> None:
    """Plant a mutant of the server in this process."""
    SERVER[name](worker)
