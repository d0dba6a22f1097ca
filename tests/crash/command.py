"""The long runs of kills, with a bar that moves; tests/crash/run starts it."""

import argparse
import random
import sys
from collections.abc import Callable

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from tests.crash import browser_kill, server_kill
from tests.crash.result import Result


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for; returns 0 when nothing was lost, doubled or wrong."""
    parser = argparse.ArgumentParser(prog="tests/crash/run", description=__doc__)
    parser.add_argument(
        "--browser-kills", type=int, default=0, metavar="N", help="kill a phone's browser so often"
    )
    parser.add_argument("--server-kills", type=int, default=0, metavar="N", help="kill the server so often")
    parser.add_argument("--postgres", action="store_true", help="with the server's database on PostgreSQL")
    parser.add_argument("--seed", type=int, default=None, help="play the same moments again")
    asked = parser.parse_args(arguments)
    if not asked.browser_kills and not asked.server_kills:
        parser.error("say how many kills: --browser-kills N, --server-kills N")
    seed = random.SystemRandom().randrange(1 << 32) if asked.seed is None else asked.seed
    print(f"seed {seed}", flush=True)
    results = []
    if asked.browser_kills:
        results.append(
            _shown(
                "browser",
                asked.browser_kills,
                lambda progress: browser_kill.kill_browser(asked.browser_kills, seed, progress),
            )
        )
    if asked.server_kills:
        results.append(
            _shown(
                "server",
                asked.server_kills,
                lambda progress: server_kill.kill_server(asked.server_kills, asked.postgres, seed, progress),
            )
        )
    for result in results:
        print(result)
    return 0 if all(result.good for result in results) else 1


def _shown(what: str, count: int, work: Callable[[Callable[[int], None]], Result]) -> Result:
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    if not sys.stdout.isatty():
        return work(lambda done: print(f"{what} {done} of {count}", flush=True) if done % 50 == 0 else None)
    with Progress(*columns) as bar:
        task = bar.add_task(what, total=count)
        return work(lambda done: bar.update(task, completed=done))
