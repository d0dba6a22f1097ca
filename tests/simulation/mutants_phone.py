"""Bugs of the phone: texts in the TypeScript sources, each there exactly once, and what to put in their place."""

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
            "    const stream = newStream(this.world)\n    const rows",
            "    const stream = marker?.stream ?? newStream(this.world)\n    const rows",
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
            "const other = school !== undefined && school !== pack.school.id",
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
        (
            "outbox.ts",
            "            aside.push(asideRecord(row, 'line_too_long', at, false))\n            lines.push",
            "            lines.push",
        )
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
        (
            "answers.ts",
            "  return status === 401 && code !== null && code.startsWith('device_')",
            "  return status === 401",
        ),
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
    "drop on upgrade": [
        (
            "db.ts",
            "  if (from < 1) {\n",
            "  for (const name of [...db.objectStoreNames]) db.deleteObjectStore(name)\n"
            "  if (from < 1 || from === 1) {\n",
        )
    ],
    "stand in the way of an update": [
        ("db.ts", "      this.replaced = true\n      db.close()\n", "      this.replaced = true\n")
    ],
    "leave a restored server without its photos": [
        (
            "sync.ts",
            "if (chain.generation !== null && chain.generation !== generation) await offerAgain(tx)",
            "",
        )
    ],
    "say that nothing waits": [("outbox.ts", "waiting: chain.next - 1 - chain.acked,", "waiting: 0,")],
    "take the answer of another request": [
        ("sync.ts", " || body.request !== plan.request) {\n        return", ") {\n        return")
    ],
    "any 200 is a stored photo": [
        ("photos.ts", "if ((body as { sha256?: unknown } | null)?.sha256 !== photo.sha256) return PORTAL", "")
    ],
    "believe an ack beyond what was announced": [
        ("sync.ts", "if (body.ack > plan.chain.next - 1) return stop('refused', 200, 'ack_beyond')", ""),
        ("sync.ts", "if ((await hashAt(tx, chain, ack)) !== ack_hash) return 'foreign'", ""),
    ],
    "spare copy never read": [("spare.ts", "of (await spare?.names()) ?? [])", "of [] as string[])")],
    "spare copy removed on send": [
        (
            "sync.ts",
            "        const step = await this.judge(plan, await this.post(plan))\n",
            "        const { stream, acked } = plan.chain\n"
            "        this.outbox.later((spare) => spare.acknowledged(stream, acked, acked + plan.rows.length))\n"
            "        const step = await this.judge(plan, await this.post(plan))\n",
        )
    ],
    "spare lines serialised again": [
        (
            "spare.ts",
            "  return { id, at, text: line }\n",
            "  return { id, at, text: JSON.stringify({ id, ...JSON.parse(line) }) }\n",
        )
    ],
    "what came back goes to any school": [
        (
            "device.ts",
            "before?.school.id ?? (await this.store.read(['meta'], (tx) => tx.objectStore('meta').get('school')))",
            "before?.school.id",
        )
    ],
}
