"""Play many seeds on several processes, show how far it is, and tell the story of the first that fails."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.postgres import postgres_server

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@dataclass
class Played:
    """What came of a number of seeds."""

    seeds: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, Any]] = field(default_factory=list)
    first: dict[str, Any] | None = None

    @property
    def summary(self) -> str:
        """The figures in one line."""
        rate = self.seeds / self.seconds if self.seconds else 0
        figures = ", ".join(f"{self.counts[name]} {name}" for name in ("phones", "ticks", "requests"))
        return f"{self.seeds} seeds in {self.seconds:.0f} s ({rate:.1f}/s): {figures}, {len(self.failures)} failed"


class SimulatorFailed(RuntimeError):
    """A process of the simulator ended on its own: nothing is known about the seeds."""


def build(folder: Path, patches: list[dict[str, str]] | None = None) -> Path:
    """Bundle the phone's code, with planted bugs when there are any; raises SimulatorFailed."""
    bundle = folder / "simulation.mjs"
    command = ["node", str(HERE / "build.mjs"), str(bundle)]
    if patches:
        planted = folder / "patches.json"
        planted.write_text(json.dumps(patches), encoding="utf-8")
        command.append(str(planted))
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise SimulatorFailed(done.stderr or done.stdout)
    return bundle


@contextmanager
def databases(postgres: bool) -> Iterator[Path | None]:
    """Yield the folder of a PostgreSQL server's socket when one is wanted."""
    with contextmanager(postgres_server.__wrapped__)() if postgres else nullcontext() as folder:  # type: ignore[attr-defined]
        yield folder


def play(
    *,
    bundle: Path,
    first: int,
    count: int,
    jobs: int = 1,
    postgres: Path | None = None,
    mutant: str | None = None,
    stop_at: int = 5,
    seen: Callable[[dict[str, Any]], None] = lambda _: None,
) -> Played:
    """Play ``count`` seeds from ``first``; stops after ``stop_at`` failures. Raises SimulatorFailed."""
    begun, played = time.monotonic(), Played()
    results: Queue[dict[str, Any] | str] = Queue()
    jobs = max(1, min(jobs, count))
    processes = [
        _start(bundle, first + job, jobs, (count - job + jobs - 1) // jobs, postgres, mutant)
        for job in range(jobs)
    ]
    threads = [threading.Thread(target=_listen, args=(one, results)) for one in processes]
    for thread in threads:
        thread.start()
    broken = ""
    try:
        running = jobs
        while running and len(played.failures) < stop_at:
            result = results.get()
            if isinstance(result, str):
                running -= 1
                broken = broken or result
                continue
            played.seeds += 1
            played.counts.update({name: result[name] for name in ("phones", "ticks", "requests")})
            played.faults.update(result["faults"])
            if played.first is None:
                played.first = result
            if result["broken"]:
                played.failures.append(result)
            seen(result)
    finally:
        for process in processes:
            process.terminate()
        for thread in threads:
            thread.join()
    if broken and not played.failures:
        raise SimulatorFailed(broken)
    played.seconds = time.monotonic() - begun
    played.failures.sort(key=lambda one: one["seed"])
    return played


def _start(
    bundle: Path, first: int, step: int, count: int, postgres: Path | None, mutant: str | None
) -> subprocess.Popen[str]:
    options = {"bundle": bundle, "first": first, "step": step, "count": count}
    more = {"postgres": postgres, "mutant": mutant}
    flags = [f"--{name}={value}" for name, value in {**options, **more}.items() if value is not None]
    paths = [str(ROOT / "backend"), str(ROOT)]
    # Sets and dictionaries must come in the same order each time, or a seed would not play the same again.
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.simulation.worker", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
    )


def _listen(process: subprocess.Popen[str], results: Queue[dict[str, Any] | str]) -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    errors: list[str] = []
    reader = threading.Thread(target=lambda: errors.extend(process.stderr or []))
    reader.start()
    for line in process.stdout:
        results.put(json.loads(line))
    reader.join()
    for pipe in (process.stdout, process.stderr):
        pipe.close()
    results.put("".join(errors)[-3000:] if process.wait() else "")


def story(result: dict[str, Any], lines: int | None = None) -> str:
    """Tell what happened, in order; only the end of it when ``lines`` is given."""
    told = result["story"]
    return "\n".join(told if lines is None else told[-lines:])


def main() -> int:
    """Read the arguments, play, and report."""
    parser = argparse.ArgumentParser(
        prog="tests/simulation/run",
        description="Plays seeds of many phones, pages and schools against the real server while everything fails.",
    )
    parser.add_argument("--seeds", type=int, default=100, help="how many (100)")
    parser.add_argument("--from", dest="first", type=int, default=1, help="the first (1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (one a core)")
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL instead of SQLite")
    parser.add_argument("--story", action="store_true", help="tell what happened even if all is well")
    asked = parser.parse_args()
    console = Console(highlight=False, markup=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with tempfile.TemporaryDirectory() as folder, databases(asked.postgres) as server:
        bundle = build(Path(folder))
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("seeds", total=asked.seeds)
            played = play(
                bundle=bundle,
                first=asked.first,
                count=asked.seeds,
                jobs=asked.jobs,
                postgres=server,
                seen=lambda _: progress.advance(task),
            )
    shown = played.failures[0] if played.failures else played.first if asked.story else None
    if shown:
        console.print(story(shown))
    console.print(played.summary)
    engine = " --postgres" if asked.postgres else ""
    for failure in played.failures:
        console.print(f"seed {failure['seed']}: {failure['broken']}")
        console.print(f"    tests/simulation/run --seeds 1 --from {failure['seed']}{engine} --story")
    return 1 if played.failures else 0
