"""Plant each bug in turn and play seeds until one catches it, or run the unit test that is named for it."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from tests.simulation import mutants
from tests.simulation.runner import ROOT, Played, build, play, story

FRONTEND = ROOT / "frontend"
_IN_PYTEST = (
    "import sys, pytest; from tests.simulation import mutants; mutants.plant(sys.argv[1], None); "
    "sys.exit(pytest.main([*sys.argv[2:], '-q', '-p', 'no:cacheprovider']))"
)


def hunt(name: str, *, seeds: int, jobs: int = 1, first: int = 1) -> Played:
    """Play up to ``seeds`` seeds with the mutant planted, ending with the first that catches it."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = build(Path(folder), mutants.patches(name))
        server = name if name in mutants.SERVER else None
        return play(bundle=bundle, first=first, count=seeds, jobs=jobs, mutant=server, stop_at=1)


def named_test_fails(name: str) -> bool:
    """Run the unit test named for a mutant with the mutant planted; tell whether the test, and nothing else, failed."""
    file, words = mutants.NAMED[name]
    with tempfile.TemporaryDirectory() as folder:
        done = (
            _vitest(name, file, words, Path(folder)) if name in mutants.PHONE else _pytest(name, file, words)
        )
    counted = re.findall(r"(\d+) failed", re.sub(r"\x1b\[[0-9;]*m", "", done.stdout))
    return done.returncode != 0 and bool(counted)


def _vitest(name: str, file: str, words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it in a copy of the sources, where the bug can be written into the file."""
    skipped = shutil.ignore_patterns("node_modules", "test-results", "screenshots")
    copy = folder / "frontend"
    shutil.copytree(FRONTEND, copy, ignore=skipped)
    (copy / "node_modules").symlink_to(FRONTEND / "node_modules")
    outbox = copy / "src" / "outbox"
    for source, text in mutants.patched(name, outbox).items():
        (outbox / source).write_text(text, encoding="utf-8")
    command = ["node", "node_modules/vitest/vitest.mjs", "run", file.removeprefix("frontend/"), "-t", words]
    return subprocess.run(command, capture_output=True, text=True, cwd=copy)


def _pytest(name: str, file: str, words: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join((str(ROOT / "backend"), str(ROOT)))
    return subprocess.run(
        [sys.executable, "-c", _IN_PYTEST, name, file, "-k", words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths},
    )


def main() -> int:
    """Hunt all mutants or those named; say which seed or which test caught each, and how the story ends."""
    parser = argparse.ArgumentParser(
        prog="tests/simulation/mutants",
        description="Plants one bug at a time and plays seeds until one catches it, or runs the test named for it.",
    )
    parser.add_argument("names", nargs="*", help="only these; without names, all")
    parser.add_argument("--seeds", type=int, default=300, help="give a mutant up after so many seeds (300)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (one a core)")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in mutants.ALL]
    if unknown:
        parser.error(f"no such mutant: {', '.join(unknown)}; there are: {', '.join(mutants.ALL)}")
    names = asked.names or mutants.ALL
    console = Console(highlight=False, markup=False, soft_wrap=True)
    at_large = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("mutants", total=len(names))
        for name in names:
            found = _catch(name, asked.seeds, asked.jobs)
            if found is None:
                at_large.append(name)
            console.print(f"{name}: {found or 'NOT CAUGHT'}")
            progress.advance(task)
    console.print(f"{len(names) - len(at_large)} of {len(names)} mutants caught")
    return 1 if at_large else 0


def _catch(name: str, seeds: int, jobs: int) -> str | None:
    if name in mutants.NAMED:
        file, words = mutants.NAMED[name]
        return f"caught by {file}: {words}" if named_test_fails(name) else None
    played = hunt(name, seeds=seeds, jobs=jobs)
    if not played.failures:
        return None
    caught = played.failures[0]
    told = story(caught, 3).replace("\n", "\n    ")
    return f"caught by seed {caught['seed']} after {played.seeds} seeds\n    {told}"
