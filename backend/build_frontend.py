"""Hatchling's build hook: builds the two pages and fetches the Chinese font, so that `pip install .` is enough."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_NEEDED = (20, 19)
NOT_INPUTS = {"node_modules", "screenshots", "test-results", "playwright-report"}
FONT = Path("node_modules/@expo-google-fonts/noto-sans-sc")


class BuildFrontend(BuildHookInterface):
    """Run npm when its inputs changed since the last build; a finished copy (as in an sdist) is taken as it is."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Leave the pages in backend/campus_patrol/pwa/ and the font in qr_codes/fonts/."""
        root = Path(self.root)
        frontend, pages, fonts = (
            root / "frontend",
            root / "backend/campus_patrol/pwa",
            root / "qr_codes/fonts",
        )
        # Vite empties its output folder, so the stamp disappears with every build that was not made here.
        stamp = pages / ".inputs.sha256"
        inputs = digest(frontend)
        built = stamp.is_file() and stamp.read_text() == inputs and (pages / "index.html").is_file()
        if built and (fonts / "NotoSansSC-Regular.ttf").is_file():
            return
        npm = self.find_npm()
        self.install_packages(npm, frontend)
        fonts.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(
            frontend / FONT / "400Regular/NotoSansSC_400Regular.ttf", fonts / "NotoSansSC-Regular.ttf"
        )
        shutil.copyfile(frontend / FONT / "LICENSE_FONT", fonts / "NotoSansSC-LICENSE.txt")
        if not built:
            self.run([npm, "run", "build"], frontend)
            stamp.write_text(inputs)

    def find_npm(self) -> str:
        """Return npm's path, or stop the build with one sentence that says what to install."""
        node, npm = shutil.which("node"), shutil.which("npm")
        needed = ".".join(map(str, NODE_NEEDED))
        if not node or not npm:
            self.app.abort(
                f"Building Campus Patrol needs Node.js {needed} or newer with npm; neither was found."
            )
        text = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        found = tuple(int(number) for number in re.findall(r"\d+", text)[:2])
        if found < NODE_NEEDED:
            self.app.abort(
                f"Building Campus Patrol needs Node.js {needed} or newer; this machine has {text}."
            )
        return npm

    def install_packages(self, npm: str, frontend: Path) -> None:
        """Install exactly what package-lock.json names, unless that was done already."""
        wanted = hashlib.sha256((frontend / "package-lock.json").read_bytes()).hexdigest()
        mark = frontend / "node_modules/.campus-patrol-lock"
        if mark.is_file() and mark.read_text() == wanted:
            return
        # No package needs its install script, and one that is not run cannot do harm.
        self.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], frontend)
        mark.write_text(wanted)

    def run(self, command: list[str], folder: Path) -> None:
        """Run a command; when it fails, show everything it said and stop the build."""
        self.app.display_info(f"Campus Patrol: npm {' '.join(command[1:])} ...")
        plain = {**os.environ, "NO_COLOR": "1"}
        done = subprocess.run(
            command, cwd=folder, env=plain, capture_output=True, text=True, encoding="utf-8", errors="replace"
        )
        if done.returncode:
            self.app.display_error(done.stdout + done.stderr)
            self.app.abort(f"npm {' '.join(command[1:])} failed in {folder}; what it said stands above.")


def digest(frontend: Path) -> str:
    """Return a SHA-256 over names and contents of everything the built pages depend on."""
    total = hashlib.sha256()
    for file in sorted(input_files(frontend)):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{file.relative_to(frontend).as_posix()} {content}\n".encode())
    return total.hexdigest()


def input_files(folder: Path) -> Iterator[Path]:
    """Walk the frontend's sources, past what is installed, measured, photographed or tested."""
    for entry in folder.iterdir():
        if entry.name in NOT_INPUTS or entry.name.startswith(".") or entry.name.endswith(".test.ts"):
            continue
        if entry.is_dir():
            yield from input_files(entry)
        else:
            yield entry
