"""Lighthouse's own verdict on the phone page, as it comes to a phone for the first time."""

import json
import os
import subprocess
from pathlib import Path

from tests.e2e.conftest import CHROMIUM, FLAGS, Site

# Newer ones want a newer Node; in package.json it would drag half of the registry into every clone.
LIGHTHOUSE = "lighthouse@12.8.2"


def scores(site: Site, folder: Path) -> dict[str, float]:
    """Run it once; return its four scores."""
    report = folder / "report.json"
    done = subprocess.run(
        [
            "npx",
            "--yes",
            LIGHTHOUSE,
            f"{site.origin}/",
            "--quiet",
            "--output=json",
            f"--output-path={report}",
            f"--chrome-flags={' '.join(FLAGS)}",
        ],
        env={**os.environ, "CHROME_PATH": str(CHROMIUM)},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    return {name: part["score"] for name, part in json.loads(report.read_text())["categories"].items()}


def test_lighthouse_finds_the_phone_page_fast_accessible_and_clean(site: Site, tmp_path: Path) -> None:
    best: dict[str, float] = {}
    # Performance is measured on a machine that may be busy: the best of three tells what the page can do.
    for _ in range(3):
        found = scores(site, tmp_path)
        best = {name: max(score, best.get(name, 0)) for name, score in found.items()}
        if best["performance"] >= 0.9:
            break
    print("Lighthouse:", {name: round(score * 100) for name, score in best.items()})
    assert best["accessibility"] == 1
    assert best["best-practices"] == 1
    assert best["performance"] >= 0.9
