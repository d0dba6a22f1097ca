"""Whatever a person gets wrong ends in exit code 2 and one sentence, never in a traceback."""

import contextlib
import os
import pty
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from campus_patrol.cli import main
from tests.program import COMMAND, environment, run


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a school."""
    folder = tmp_path_factory.mktemp("bad") / "data"
    done = CliRunner().invoke(main, ["init", "--data", str(folder), "--school", "明德", "--admin", "boss"])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are not what they are taken for."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "text.xlsx").write_text("no workbook")
    (folder / "empty.xlsx").write_bytes(b"")
    (folder / "zip.xlsx").write_bytes(b"PK\x03\x04" + os.urandom(500))
    (folder / "short").write_text("1234567")
    (folder / "file").write_text("a file where a folder should be")
    return folder


CASES = (
    ("no such command", "dance", "No such command 'dance'"),
    ("no such option", "init --colour red", "No such option"),
    ("role unknown", "person add 王 --role boss", "is not one of"),
    ("role missing", "person add 王", "Missing option '--role'"),
    ("name missing", "person add --role guard", "Missing argument"),
    ("name empty", "person add  --role guard", "Missing argument"),
    ("name too long", f"person add {'长' * 61} --role guard", "A name has 1 to 60 letters"),
    ("supervisor without account", "person add 王 --role supervisor", "needs an account"),
    ("account taken", "person add 王 --role admin --account boss", "already has this account"),
    ("account with blanks", "person add 王 --role admin --account 王", "An account has 2 to 60"),
    ("no such file", "import FILES/none.xlsx", "does not exist"),
    ("a folder for a file", "import FILES", "is a directory"),
    ("text for a workbook", "import FILES/text.xlsx", "not an Excel workbook"),
    ("nothing for a workbook", "import FILES/empty.xlsx", "not an Excel workbook"),
    ("damaged workbook", "import FILES/zip.xlsx", "not an Excel workbook"),
    ("no public address", "tags sheet FILES/o.pdf", "--public-url"),
    ("address with a path", "tags sheet FILES/o.pdf --public-url https://a.cn/b", "with no path"),
    (
        "no such building",
        "tags sheet FILES/o.pdf --public-url https://a.cn --building 天",
        "No building is called 天",
    ),
    ("nothing to print", "tags sheet FILES/o.pdf --public-url https://a.cn", "No live tag fits"),
    ("no folder for the PDF", "tags sheet FILES/no/o.pdf --public-url https://a.cn", "There is no folder"),
    ("no such paper", "tags sheet FILES/o.pdf --public-url https://a.cn --paper a3", "is not one of"),
    (
        "no such number",
        "tags sheet FILES/o.pdf --public-url https://a.cn --number Z9",
        "No place has the number Z9",
    ),
    (
        "address too long for a code",
        f"tags sheet FILES/o.pdf --public-url https://{'a' * 64}.cn",
        "No code can carry",
    ),
    (
        "export of another kind",
        "tags export FILES/o.gif --public-url https://a.cn",
        "must end in .zip, .svg or .png",
    ),
    ("export of nothing", "tags export FILES/o.zip --public-url https://a.cn", "No live tag fits"),
    ("port too high", "serve --port 70000", "is not in the range"),
    ("port in words", "serve --port eighty", "is not a valid integer"),
    ("tls without a key", "serve --tls cert.pem", "CERT,KEY"),
    ("tls files missing", "serve --tls a.pem,b.pem", "a.pem cannot be read: No such file or directory."),
    ("database not reachable", "serve --database-url postgresql://127.0.0.1:1/x", "Connection refused"),
    ("database unknown", "serve --database-url foo://x", "must look like postgresql://"),
    ("database nonsense", "serve --database-url nonsense", "must look like postgresql://"),
    ("demo on real data", "demo --no-phones", "holds the real school 明德"),
)
WITHOUT_SCHOOL = (
    ("serve before init", "serve", "run campus-patrol init first"),
    ("import before init", "import FILES/text.xlsx", "run campus-patrol init first"),
    ("person before init", "person add 王 --role guard", "run campus-patrol init first"),
    (
        "password too short",
        "init --school A --admin boss --password-file FILES/short",
        "8 characters or more",
    ),
    ("no time zone", "init --school A --admin boss --zone Mars/Base", "No time zone is called Mars/Base"),
    ("no such language", "init --school A --admin boss --language fr", "is not one of"),
    ("school's name too long", f"init --school {'长' * 121} --admin boss", "1 to 120 letters"),
)


def check(words: str, sentence: str, folder: Path, files: Path) -> None:
    arguments = [word.replace("FILES", str(files)) for word in words.split(" ") if word]
    done = CliRunner().invoke(main, ["--data", str(folder), *arguments], prog_name="campus-patrol")
    assert done.exit_code == 2, done.output
    assert sentence in done.stderr
    assert done.stderr.startswith("campus-patrol: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)


@pytest.mark.parametrize(("words", "sentence"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_bad_input_with_a_school(words: str, sentence: str, data: Path, files: Path) -> None:
    check(words, sentence, data, files)


@pytest.mark.parametrize(
    ("words", "sentence"), [case[1:] for case in WITHOUT_SCHOOL], ids=[case[0] for case in WITHOUT_SCHOOL]
)
def test_bad_input_without_a_school(words: str, sentence: str, tmp_path: Path, files: Path) -> None:
    check(words, sentence, tmp_path / "none", files)


def test_a_data_folder_that_is_a_file_is_refused(files: Path) -> None:
    check("init --school A --admin boss", "is a file", files / "file", files)


def test_data_of_a_newer_version_are_left_alone(data: Path, tmp_path: Path, files: Path) -> None:
    folder = tmp_path / "newer"
    shutil.copytree(data, folder)
    with contextlib.closing(sqlite3.connect(folder / "campus-patrol.sqlite3")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    check("person add 王 --role guard", "written by a newer version", folder, files)


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path, files: Path) -> None:
    (tmp_path / "campus-patrol.sqlite3").write_text("not a database" * 100)
    check("serve", "file is not a database", tmp_path, files)


def test_a_setting_that_cannot_be_used_stops_the_start(data: Path) -> None:
    done = run("serve", "--data", data, CAMPUS_PATROL_PROXY_HOPS="many")
    assert done.returncode == 2
    assert done.stderr == "campus-patrol: CAMPUS_PATROL_PROXY_HOPS must be a whole number, not 'many'\n"


def test_it_speaks_chinese_on_a_chinese_terminal(tmp_path: Path) -> None:
    done = run("serve", "--data", tmp_path / "none", LC_ALL="zh_CN.UTF-8")
    assert done.returncode == 2
    assert "里还没有学校，请先运行 campus-patrol init。" in done.stderr
    assert "夜间巡查" in run("--help", LC_ALL="zh_CN.UTF-8").stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_at_a_terminal_init_asks_for_what_it_was_not_told(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "init", "--data", str(tmp_path / "data")],
        env=environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    for question, answer in (
        (b"School: ", "明德".encode()),
        (b"account [admin]: ", b""),
        (b"Enter makes one): ", b"correct horse"),
        (b"confirmation: ", b"correct horse"),
    ):
        while question not in said:
            said += os.read(ours, 4096)
        said = b""
        os.write(ours, answer + b"\n")
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:
            break
        if not part:
            break
        said += part
    os.close(ours)
    assert process.wait(30) == 0
    assert "Made the school 明德".encode() in said
    assert b"correct horse" not in said
