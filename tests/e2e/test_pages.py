"""Every screen: usable by everybody (axe), installable, opened offline on any address, and fast on a phone."""

import contextlib
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.e2e.conftest import CHROMIUM, DESK, FLAGS, PHONE, DeskUser, PhoneUser, Site, watch
from tests.program import ROOT, free_port, serving

AXE = ROOT / "frontend/node_modules/axe-core/axe.min.js"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, pages: None) -> Iterator[dict[str, str]]:
    """The demo as a visitor starts it: fourteen nights of a whole school."""
    folder, port = tmp_path_factory.mktemp("demo"), free_port()
    output = folder / "said"
    with serving("demo", "--data", folder / "data", "--no-phones", port=port, output=output, seconds=120):
        said = output.read_text()
        account = re.search(r"(?m)^\W*(?:admin|管理员|administrator)\W.*", said, re.IGNORECASE)
        yield {"origin": f"http://localhost:{port}", "said": said, "line": account[0] if account else ""}


def violations(page: Page) -> list[str]:
    """What axe finds wrong with the page as it is now."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        "() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']})"
    )
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
