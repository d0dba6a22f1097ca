"""The sync protocol under every fault at once, from seeds; and planted bugs, to show that the simulation bites."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.simulation import mutants
from tests.simulation.hunt import hunt, named_test_fails
from tests.simulation.runner import HERE, ROOT, build, play, story

pytestmark = pytest.mark.simulation

JOBS = os.cpu_count() or 1
# On the way, inside the server, and what befalls phones and backups.
FAULTS = 15 + 4 + 1 + 20


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The phone's real code with the simulator around it."""
    return build(tmp_path_factory.mktemp("simulation"))


def test_nothing_that_was_ticked_is_lost_doubled_or_changed_in_300_seeds(bundle: Path) -> None:
    played = play(bundle=bundle, first=1, count=300, jobs=JOBS)
    print(played.summary)
    assert not played.failures, story(played.failures[0], 60)
    # A run in which nothing happens proves nothing.
    assert played.seeds == 300
    assert played.counts["ticks"] > 6000
    assert played.counts["requests"] > 10_000
    assert {name: times for name, times in played.faults.items() if times < 10} == {}
    assert len(played.faults) == FAULTS


def test_a_seed_tells_the_same_story_twice(bundle: Path) -> None:
    stories = [play(bundle=bundle, first=5, count=1).first for _ in range(2)]
    assert stories[0] == stories[1]


@pytest.mark.parametrize(
    "name",
    [
        "delete on send",
        "tick before complete",
        "drop on upgrade",
        "ack before commit",
        "poison blocks",
        "serialise lines again",
        "backups unchecked",
    ],
)
def test_a_planted_bug_is_caught(name: str) -> None:
    assert hunt(name, seeds=60, jobs=JOBS).failures


@pytest.mark.parametrize("name", ["wait for a clock that was put back", "a photo under any name"])
def test_a_planted_bug_that_no_seed_can_see_is_caught_by_the_test_named_for_it(name: str) -> None:
    assert named_test_fails(name)


@pytest.mark.parametrize("name", mutants.PHONE)
def test_every_planted_bug_of_the_phone_still_finds_its_place(name: str) -> None:
    assert mutants.patched(name, ROOT / "frontend" / "src" / "outbox")


def test_the_simulator_fits_the_types_of_the_phones_code() -> None:
    compiler = ROOT / "frontend" / "node_modules" / ".bin" / "tsc"
    done = subprocess.run([compiler, "-p", HERE / "tsconfig.json"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout
