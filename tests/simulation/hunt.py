"""Plant each bug in turn and play seeds until one catches it."""

import argparse
import os
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from tests.simulation import mutants
from tests.simulation.runner import Played, build, play, story


def hunt(name: str, *, seeds: int, jobs: int = 1, first: int = 1) -> Played:
    """Play up to ``seeds`` seeds with the mutant planted, ending with the first that catches it."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = build(Path(folder), mutants.patches(name))
        server = name if name in mutants.SERVER else None
        return play(bundle=bundle, first=first, count=seeds, jobs=jobs, mutant=server, stop_at=1)


def main() -> int:
    """Hunt all mutants or those named; say which seed caught each, and how its story ends."""
    parser = argparse.ArgumentParser(
        prog="tests/simulation/mutants",
        description="Plants one bug at a time and plays seeds until one catches it.",
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
            played = hunt(name, seeds=asked.seeds, jobs=asked.jobs)
            if played.failures:
                caught = played.failures[0]
                console.print(f"{name}: caught by seed {caught['seed']} after {played.seeds} seeds")
                console.print("    " + story(caught, 3).replace("\n", "\n    "))
            else:
                at_large.append(name)
                console.print(f"{name}: NOT CAUGHT by {played.seeds} seeds")
            progress.advance(task)
    console.print(f"{len(names) - len(at_large)} of {len(names)} mutants caught")
    return 1 if at_large else 0
