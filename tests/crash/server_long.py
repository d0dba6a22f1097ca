"""The long runs of what else is done to the server:

python -m tests.crash.server_long identical [--count 100] [--postgres]   32 times the same request at once
python -m tests.crash.server_long power [--count 200]                    cut the power under SQLite
python -m tests.crash.server_long together [--count 600] [--postgres]    eight writers and backups, in seconds
python -m tests.crash.server_long changes [--count 10000]                change the database behind verify's back
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from tests.audit.edits import edit_at_random
from tests.crash.result import Progress, Result
from tests.crash.server_load import send_same, write_together
from tests.crash.server_power import cut_power

COUNTS = {"identical": 100, "power": 200, "together": 600, "changes": 10_000}


def main() -> int:
    """Run what is asked for; returns 0 when nothing was lost, doubled or wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.crash.server_long",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=COUNTS)
    parser.add_argument("--count", type=int)
    parser.add_argument("--postgres", action="store_true", help="with the database on PostgreSQL")
    parser.add_argument("--seed", type=int)
    asked = parser.parse_args()
    count = asked.count or COUNTS[asked.what]
    seed = random.SystemRandom().randrange(1 << 32) if asked.seed is None else asked.seed
    if asked.what == "together":
        with tempfile.TemporaryDirectory() as folder:
            result = write_together(count, asked.postgres, Path(folder))
    else:
        works: dict[str, Callable[[Progress], Result]] = {
            "identical": lambda progress: send_same(count, asked.postgres, progress),
            "power": lambda progress: cut_power(count, seed, progress),
            "changes": lambda progress: edit_at_random(count, seed, progress),
        }
        with Bar(TextColumn(asked.what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()) as bar:
            task = bar.add_task(asked.what, total=count)
            result = works[asked.what](lambda done: bar.update(task, completed=done))
    print(result)
    return 0 if result.good else 1


if __name__ == "__main__":
    sys.exit(main())
