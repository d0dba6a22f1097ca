"""README.md beside this file names tests that exist, for every failure, and words that the phone does show."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.simulation import mutants

HERE = Path(__file__).parent
FRONTEND = HERE.parent / "frontend" / "src"
TEXT = (HERE / "README.md").read_text(encoding="utf-8")
# Number, failure in a few words, tests.
ROWS = [
    (int(found[1]), found[2]) for found in re.finditer(r"^\| (\d+) \|[^|]+\| ([^|]+) \|$", TEXT, re.MULTILINE)
]
STEPS = {int(found[1]) for found in re.finditer(r"^(\d+)\. \*\*", TEXT, re.MULTILINE)}


@cache
def titles(file: str) -> tuple[str, ...]:
    """The names of the tests in a file of this folder or of the pages; raises FileNotFoundError."""
    path = next((at / file for at in (HERE, FRONTEND) if (at / file).exists()), None)
    if path is None:
        raise FileNotFoundError(file)
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        functions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
        return tuple(node.name for node in functions if node.name.startswith("test_"))
    return tuple(found[2] for found in re.finditer(r"\btest\(\s*(['\"`])(.+?)\1,", source))


@cache
def faults() -> set[str]:
    """What the simulation's seeds let happen."""
    sources = "".join((HERE / "simulation" / file).read_text() for file in ("seed.ts", "network.ts"))
    lists = re.findall(r"const [A-Z_]+ = \[([^]]+)\] as const", sources)
    return {name for one in lists for name in re.findall(r"'([^']+)'", one)}


def wrong_with(reference: str) -> str | None:
    """Say what is wrong with a reference of the table, if anything is."""
    kind, _, name = reference.partition(": ")
    if kind == "simulation":
        return None if name in faults() else "no such fault"
    if kind == "mutant":
        return None if name in mutants.ALL else "no such planted bug"
    if kind == "by hand":
        return None if int(name) in STEPS else "no such step"
    file, _, title = reference.partition("::")
    try:
        known = titles(file)
    except FileNotFoundError:
        return "no such file"
    pattern = re.escape(title).replace("…", ".*")
    count = sum(re.fullmatch(pattern, one) is not None for one in known)
    return None if count == 1 else f"{count} such tests"


def test_every_failure_stands_in_the_table_once() -> None:
    assert [number for number, _ in ROWS] == list(range(1, 48))


@pytest.mark.parametrize(("number", "cell"), ROWS, ids=[str(number) for number, _ in ROWS])
def test_every_test_that_the_table_names_exists(number: int, cell: str) -> None:
    references = re.findall(r"`([^`]+)`", cell)
    assert {reference: wrong for reference in references if (wrong := wrong_with(reference))} == {}
    # Words beside the references would be checked by nobody.
    assert re.sub(r"`[^`]+`", "", cell).strip() == ""
    # Nothing is left to hands alone.
    assert any("::" in reference or reference.startswith("simulation") for reference in references)


@pytest.mark.parametrize(
    "reference",
    [
        "sync/test_phones.py::test_that_somebody_renamed…",
        "sync/test_no_such_file.py::test_anything",
        "outbox/outbox.test.ts::the tick comes before complete…",
        # Two tests begin so: which one is meant?
        "outbox/sync.test.ts::a re…",
        "simulation: sun spots",
        "mutant: delete on sent",
        "by hand: 99",
    ],
)
def test_a_reference_that_leads_nowhere_is_noticed(reference: str) -> None:
    assert wrong_with(reference)


def test_what_the_checklist_says_is_shown_are_the_words_of_the_phone() -> None:
    words = "\n".join(path.read_text(encoding="utf-8") for path in (FRONTEND / "i18n").glob("*.zh-CN.ts"))
    said = re.findall(r"「([^」]+)」", TEXT.partition("By hand")[2])
    assert len(said) > 8
    assert [sentence for sentence in said if sentence not in words] == []
