"""What `pip install .` builds: everything the program needs at run time, and nothing built twice."""

import importlib.util
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent


class StoppedError(Exception):
    """The build hook gave up with a sentence."""


class Build:
    """Stands in for hatchling's application: keeps what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.display_info = self.display_error = self.said.append

    def abort(self, message: str) -> None:
        """End the build."""
        raise StoppedError(message)


@pytest.fixture(scope="module")
def module() -> Any:
    """The build hook, loaded as hatchling loads it."""
    spec = importlib.util.spec_from_file_location("build_frontend", ROOT / "backend" / "build_frontend.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a frontend of two files, and a package that brings the font."""
    frontend = tmp_path / "frontend"
    (frontend / "src").mkdir(parents=True)
    (frontend / "package-lock.json").write_text("{}")
    (frontend / "src" / "main.ts").write_text("export {}")
    (tmp_path / "backend" / "campus_patrol").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def hook(module: Any, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The hook for that checkout, with an npm that does what ours does; `commands` is what it was asked."""
    made = module.BuildFrontend(str(checkout), {}, None, None, str(checkout), "wheel", Build())
    made.commands = []

    def npm(command: list[str], folder: Path) -> None:
        made.commands.append(command[1])
        if command[1] == "ci":
            package = folder / module.FONT
            (package / "400Regular").mkdir(parents=True, exist_ok=True)
            (package / "400Regular" / "NotoSansSC_400Regular.ttf").write_bytes(b"font")
            (package / "LICENSE_FONT").write_text("OFL")
        else:
            pages = checkout / "backend" / "campus_patrol" / "pwa"
            shutil.rmtree(pages, ignore_errors=True)
            pages.mkdir()
            (pages / "index.html").write_text("<!doctype html>")

    monkeypatch.setattr(made, "run", npm)
    monkeypatch.setattr(made, "find_npm", lambda: "npm")
    return made


def test_a_first_build_makes_pages_and_font(hook: Any, checkout: Path) -> None:
    hook.initialize("standard", {})
    assert hook.commands == ["ci", "run"]
    assert (checkout / "backend/campus_patrol/pwa/index.html").is_file()
    assert (checkout / "qr_codes/fonts/NotoSansSC-Regular.ttf").read_bytes() == b"font"
    assert (checkout / "qr_codes/fonts/NotoSansSC-LICENSE.txt").read_text() == "OFL"


def test_a_second_build_does_nothing(hook: Any) -> None:
    hook.initialize("standard", {})
    hook.initialize("editable", {})
    assert hook.commands == ["ci", "run"]


def test_a_changed_source_builds_again_without_installing_again(hook: Any, checkout: Path) -> None:
    hook.initialize("standard", {})
    (checkout / "frontend/src/main.ts").write_text("export const changed = 1")
    hook.initialize("standard", {})
    assert hook.commands == ["ci", "run", "run"]


def test_a_changed_lock_file_installs_and_builds_again(hook: Any, checkout: Path) -> None:
    hook.initialize("standard", {})
    (checkout / "frontend/package-lock.json").write_text('{"packages": {}}')
    hook.initialize("standard", {})
    assert hook.commands == ["ci", "run", "ci", "run"]


@pytest.mark.parametrize(
    "file",
    ["src/main.test.ts", "screenshots/desk.webp", "test-results/log", ".cache/x", "node_modules/x/index.js"],
)
def test_what_the_pages_do_not_depend_on_builds_nothing(hook: Any, checkout: Path, file: str) -> None:
    hook.initialize("standard", {})
    (checkout / "frontend" / file).parent.mkdir(parents=True, exist_ok=True)
    (checkout / "frontend" / file).write_text("x")
    hook.initialize("standard", {})
    assert hook.commands == ["ci", "run"]


def test_pages_that_somebody_else_built_are_built_again(hook: Any, checkout: Path) -> None:
    hook.initialize("standard", {})
    (checkout / "backend/campus_patrol/pwa/.inputs.sha256").unlink()
    hook.initialize("standard", {})
    assert hook.commands == ["ci", "run", "run"]


@pytest.mark.parametrize("version", [None, "v18.20.4", "v20.18.1"])
def test_a_missing_or_old_node_is_named_in_one_sentence(
    module: Any, checkout: Path, monkeypatch: pytest.MonkeyPatch, version: str | None
) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda name: version and f"/usr/bin/{name}")
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=f"{version}\n"))
    made = module.BuildFrontend(str(checkout), {}, None, None, str(checkout), "wheel", Build())
    with pytest.raises(
        StoppedError, match=r"needs Node\.js 20\.19 or newer.*(neither was found|this machine has v)"
    ):
        made.initialize("standard", {})


def test_a_failing_npm_shows_what_it_said(module: Any, checkout: Path) -> None:
    build = Build()
    made = module.BuildFrontend(str(checkout), {}, None, None, str(checkout), "wheel", build)
    complain = "import sys; print('src/main.ts: no such thing'); sys.exit(1)"
    with pytest.raises(StoppedError, match=r"failed in .*frontend"):
        made.run([sys.executable, "-c", complain], checkout / "frontend")
    assert any("src/main.ts: no such thing" in line for line in build.said)


@pytest.mark.e2e
def test_the_wheel_carries_everything_the_program_needs_and_no_tests(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "campus_patrol/pwa/index.html",
        "campus_patrol/pwa/desk.html",
        "campus_patrol/pwa/sw.js",
        "campus_patrol/pwa/manifest.webmanifest",
        "campus_patrol/migrations/env.py",
        "campus_patrol/demo/campus.xlsx",
        "qr_codes/sheet.py",
        "qr_codes/fonts/NotoSansSC-Regular.ttf",
        "qr_codes/fonts/NotoSansSC-LICENSE.txt",
    ):
        assert needed in names
    assert any(name.endswith(".wasm") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "frontend/")) or name.endswith(".map")]


def test_the_phone_and_the_server_are_of_one_version() -> None:
    from campus_patrol import __version__

    assert json.loads((ROOT / "frontend/package.json").read_text())["version"] == __version__
