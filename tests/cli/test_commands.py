"""The commands do what their help says, on a real data folder."""

import json
import os
import re
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text

from campus_patrol.cli import main
from campus_patrol.security import secret_matches
from campus_patrol.settings import Settings
from campus_patrol.terminal import out

Run = Callable[..., Result]
CAMPUS = Path(__file__).parent.parent.parent / "backend" / "campus_patrol" / "demo" / "campus.xlsx"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that is not there yet."""
    return tmp_path / "data"


@pytest.fixture
def run(data: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on the data folder."""
    for name in list(os.environ):
        if name.startswith("CAMPUS_PATROL_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(out, "_width", 160)

    def invoke(*arguments: object, folder: bool = True, **extra: object) -> Result:
        named = ["--data", str(data)] if folder else []
        return CliRunner().invoke(main, [*named, *map(str, arguments)], prog_name="campus-patrol", **extra)

    return invoke


@pytest.fixture
def made(run: Run) -> Run:
    """The same, with a school."""
    assert run("init", "--school", "明德实验学校", "--admin", "boss").exit_code == 0
    return run


def rows(data: Path, query: str) -> list[tuple]:
    engine = create_engine(Settings.load(data=data).database)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


def test_init_makes_the_school_and_prints_a_password_that_works_once(run: Run, data: Path) -> None:
    done = run(
        "init", "--school", "明德实验学校", "--admin", "boss", "--zone", "Asia/Urumqi", "--language", "en"
    )
    assert done.exit_code == 0, done.output
    password = re.search(r"password (\w{14})\n", done.output)[1]
    assert rows(data, "SELECT name, zone, language FROM school") == [("明德实验学校", "Asia/Urumqi", "en")]
    [(name, role, hashed)] = rows(data, "SELECT name, role, password_hash FROM person WHERE account = 'boss'")
    assert (name, role) == ("boss", "admin")
    assert secret_matches(hashed, password)
    assert password not in hashed


def test_init_without_a_terminal_asks_nothing(run: Run, data: Path) -> None:
    assert run("init", input="").exit_code == 0
    assert rows(data, "SELECT account FROM person") == [("admin",)]


def test_init_takes_the_password_from_a_file_and_does_not_print_it(
    run: Run, data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("correct horse battery\nsecond line\n", encoding="utf-8")
    done = run("init", "--school", "A", "--admin", "boss", "--admin-name", "王老师", "--password-file", file)
    assert done.exit_code == 0
    assert "correct horse" not in done.output
    [(name, hashed)] = rows(data, "SELECT name, password_hash FROM person")
    assert name == "王老师"
    assert secret_matches(hashed, "correct horse battery")


def test_a_second_init_changes_nothing(made: Run, data: Path) -> None:
    again = made("init", "--school", "另一所", "--admin", "other")
    assert again.exit_code == 2
    assert "already holds the school 明德实验学校" in again.stderr
    assert rows(data, "SELECT name FROM school") == [("明德实验学校",)]


def test_a_refused_init_leaves_no_half_of_a_school(run: Run, data: Path) -> None:
    assert run("init", "--school", "A", "--admin", "not an account").exit_code == 2
    assert rows(data, "SELECT count(*) FROM school") == [(0,)]
    assert run("init", "--school", "A", "--admin", "boss").exit_code == 0


def test_only_the_owner_may_look_into_the_data_folder(made: Run, data: Path) -> None:
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "campus-patrol.sqlite3").stat().st_mode) == 0o600


@pytest.mark.parametrize("where", ["before", "after", "environment"])
def test_the_data_folder_is_named_before_or_after_the_command_or_in_the_environment(
    run: Run, data: Path, where: str
) -> None:
    words = {
        "before": ["--data", data, "init"],
        "after": ["init", "--data", data],
        "environment": ["init"],
    }[where]
    env = {"CAMPUS_PATROL_DATA": str(data)} if where == "environment" else {}
    done = run(*words, folder=False, env=env)
    assert done.exit_code == 0, done.output
    assert (data / "campus-patrol.sqlite3").is_file()


def test_a_guard_gets_a_pin_and_no_password(made: Run, data: Path) -> None:
    done = made("person", "add", "王师傅", "--role", "guard")
    assert done.exit_code == 0
    pin = re.search(r"PIN (\d{6})\n", done.output)[1]
    [(pin_hash, password_hash)] = rows(
        data, "SELECT pin_hash, password_hash FROM person WHERE name = '王师傅'"
    )
    assert secret_matches(pin_hash, pin)
    assert password_hash is None
    assert "password" not in done.output


@pytest.mark.parametrize("name", ["[red]王[/red]", "A:AB:C", "[link=x]"])
def test_a_name_is_printed_as_it_is_written(made: Run, name: str) -> None:
    assert f"Added {name} (guard)." in made("person", "add", name, "--role", "guard").output


def test_a_supervisor_gets_a_password(made: Run, data: Path) -> None:
    done = made("person", "add", "李主任", "--role", "supervisor", "--account", "li")
    password = re.search(r"account li  password (\w+)\n", done.output)[1]
    [(hashed,)] = rows(data, "SELECT password_hash FROM person WHERE account = 'li'")
    assert secret_matches(hashed, password)


def test_the_whole_campus_comes_in_once_and_a_second_time_changes_nothing(made: Run, data: Path) -> None:
    first = made("import", CAMPUS)
    assert first.exit_code == 0, first.output
    counts = [re.findall(r"\d+", line) for line in first.output.splitlines()[1:4]]
    assert counts == [["358", "0", "0", "0"], ["66", "0", "0", "0"], ["4", "0", "0", "0"]]
    assert rows(data, "SELECT kind, count(*) FROM place GROUP BY kind") != []
    before = rows(data, "SELECT id, updated_at FROM place ORDER BY id")
    second = made("import", CAMPUS)
    counts = [re.findall(r"\d+", line) for line in second.output.splitlines()[1:4]]
    assert counts == [["0", "0", "358", "0"], ["0", "0", "66", "0"], ["0", "0", "4", "0"]]
    assert rows(data, "SELECT id, updated_at FROM place ORDER BY id") == before


def test_a_dry_run_counts_and_writes_nothing(made: Run, data: Path) -> None:
    done = made("import", CAMPUS, "--dry-run")
    assert done.exit_code == 0
    assert "358" in done.output
    assert "nothing was written" in done.output
    assert rows(data, "SELECT count(*) FROM place") == [(0,)]


def test_refused_rows_are_named_by_cell_with_the_reason_and_exit_code_1(made: Run, tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = "房间"
    for row in (
        ("楼栋", "楼层", "房号", "名称"),
        ("明德楼", 1, "A101", "七1班"),
        ("明德楼", "天上", "A102", "七2班"),
        ("明德楼", 1, "A101", "又一个"),
    ):
        sheet.append(row)
    book.save(tmp_path / "rooms.xlsx")
    done = made("import", tmp_path / "rooms.xlsx")
    assert done.exit_code == 1
    assert re.search(r"房间 +B3 +\S+ A102 +cannot read 天上", done.output), done.output
    assert re.search(r"房间 +C4 .*the same as row 2 of 房间", done.output), done.output


def test_label_sheets_are_written_whole(made: Run, tmp_path: Path) -> None:
    made("import", CAMPUS)
    pdf = tmp_path / "tags.pdf"
    done = made(
        "tags",
        "sheet",
        pdf,
        "--public-url",
        "https://patrol.example.cn",
        "--building",
        "致远楼",
        "--kind",
        "room",
    )
    assert done.exit_code == 0, done.stderr
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert pdf.read_bytes().rstrip().endswith(b"%%EOF")
    assert [file.name for file in tmp_path.iterdir() if "part" in file.name] == []


def test_a_roll_of_blank_labels_is_made_and_printed_at_once(made: Run, tmp_path: Path) -> None:
    address = ("--public-url", "https://patrol.example.cn")
    done = made("tags", "sheet", tmp_path / "roll.pdf", *address, "--blank", "24", "--paper", "roll50")
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "roll.pdf").read_bytes().startswith(b"%PDF-")
    # They have no place yet, so they are in no building.
    refused = made("tags", "sheet", tmp_path / "none.pdf", *address, "--blank", "1", "--kind", "room")
    assert refused.exit_code == 2
    assert not (tmp_path / "none.pdf").exists()


def test_tags_go_on_a_label_roll_and_a_long_address_is_told_its_price(made: Run, tmp_path: Path) -> None:
    made("import", CAMPUS)
    pdf = tmp_path / "roll.pdf"
    command = (
        "tags",
        "sheet",
        pdf,
        "--paper",
        "roll50",
        "--building",
        "致远楼",
        "--unprinted",
        "--public-url",
    )
    done = made(*command, "https://patrol.mingde-experimental-school.edu.cn")
    assert done.exit_code == 0, done.stderr
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert re.search(r"carries 59 characters; up to 29 .* 56% .* 62% with 29", done.output), done.output
    again = made(*command, "https://xc.mdsx.cn")
    assert again.exit_code == 2
    assert "No live tag fits" in again.stderr
    short = made("tags", "sheet", pdf, "--public-url", "https://xc.mdsx.cn", "--number", "A101")
    assert short.exit_code == 0
    assert "characters" not in short.output


def test_codes_are_exported_one_by_one_or_all_in_a_zip(made: Run, tmp_path: Path) -> None:
    made("import", CAMPUS)
    url = ("--public-url", "https://xc.mdsx.cn")
    done = made("tags", "export", tmp_path / "all.zip", "--type", "png", "--building", "致远楼", *url)
    assert done.exit_code == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        names = archive.namelist()
    assert len(names) > 10
    assert all(name.startswith("致远楼/") and name.endswith(".png") for name in names)
    assert made("tags", "export", tmp_path / "one.svg", "--number", "A101", *url).exit_code == 0
    assert (tmp_path / "one.svg").read_text("utf-8").startswith("<svg ")
    many = made("tags", "export", tmp_path / "many.svg", "--building", "致远楼", *url)
    assert many.exit_code == 2
    assert "choose one with --number" in many.stderr
    assert not (tmp_path / "many.svg").exists()


def test_openapi_needs_no_data_and_prints_the_contract(run: Run, data: Path) -> None:
    done = run("openapi")
    assert done.exit_code == 0
    document = json.loads(done.output)
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/sync" in document["paths"]
    assert not data.exists()


def test_every_command_explains_itself(run: Run) -> None:
    listed = []

    def walk(words: list[str]) -> None:
        done = run(*words, "--help", folder=False)
        assert done.exit_code == 0, words
        assert len(done.output) > 150, words
        listed.append(" ".join(words))
        inside = done.output.partition("Commands:\n")[2]
        for name in re.findall(r"^  (\S+) ", inside, re.MULTILINE):
            walk([*words, name])

    walk([])
    for expected in ("demo", "serve", "init", "import", "person add", "tags sheet", "tags export", "openapi"):
        assert expected in listed
