"""Who may know whom: a folder imports from those below it only, and what decides knows neither HTTP nor database."""

import ast
from collections.abc import Iterator

import pytest

from tests.program import ROOT

PACKAGE = ROOT / "backend" / "campus_patrol"
FILES = {"__init__.py", "models.py", "schemas.py", "rules.py", "service.py", "api.py"}
# From the ground up; folders of one layer do not know each other.
LAYERS: tuple[set[str], ...] = (
    {"people", "history"},  # every deed is noted with its doer
    {"places", "photos"},
    {"tags"},
    {"patrols"},
    {"findings", "plans"},
    {"imports"},
    {"reports", "packs", "sync"},
    {"audit", "demo"},
    {"backups", "rescues", "witnesses"},
)
LEVEL = {folder: level for level, folders in enumerate(LAYERS) for folder in folders}
# Where the parts meet. security asks people's tables who is calling; the log's table list names every folder.
ABOVE = {"app", "terminal", "models", "server"}
GROUND = {("security", "people")}
SAME = {("people", "history"), ("history", "people")}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def owner(module: str) -> str:
    """The folder or foundation file of campus_patrol that a module belongs to."""
    return module.split(".")[1] if module.startswith("campus_patrol.") else ""


SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_down_only(path) -> None:
    here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if here in ABOVE or here.startswith("cli"):
        return
    used = {owner(module) for module in imported(ast.parse(path.read_text("utf-8")))} & LEVEL.keys()
    allowed = {there for there in used if LEVEL[there] < LEVEL.get(here, -1)} | {here}
    up = {there for there in used - allowed if (here, there) not in GROUND | SAME}
    assert not up, f"{here} must not know {sorted(up)}"


@pytest.mark.parametrize(
    ("file", "forbidden"),
    [
        ("rules.py", {"flask", "flask_smorest", "sqlalchemy"}),
        ("models.py", {"flask", "flask_smorest", "marshmallow"}),
        ("schemas.py", {"flask", "flask_smorest", "sqlalchemy"}),
        ("service.py", {"flask_smorest"}),
    ],
)
def test_each_file_of_a_folder_keeps_to_its_own(file: str, forbidden: set[str]) -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)}: {module}"
        for path in PACKAGE.glob(f"*/{file}")
        for module in imported(ast.parse(path.read_text("utf-8")))
        if module.split(".")[0] in forbidden
    ]
    assert not wrong


def test_every_folder_is_placed_and_holds_only_the_files_everybody_expects() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")} - {"migrations"}
    assert folders <= LEVEL.keys()
    more = {path.name for folder in folders for path in (PACKAGE / folder).glob("*.py")} - FILES
    # Reading a spreadsheet; of sync, what is read before the log, who sends, what is answered, and the queue.
    assert more == {"sheets.py", "lines.py", "batches.py", "senders.py", "receipts.py", "intake.py"}


def test_only_the_foundation_commits() -> None:
    """But for the demo, which makes a school's past before there is a request, and batches that share a commit."""
    committing = {
        path.relative_to(PACKAGE).as_posix()
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "commit"
    }
    assert committing == {"app.py", "terminal.py", "demo/service.py", "sync/intake.py"}
