"""The contract of the API, and the client's types that are made from it."""

import json
import subprocess
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.program import ROOT, run

TYPES = ROOT / "frontend" / "src" / "api" / "schema.d.ts"
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def document(client: FlaskClient) -> dict:
    """The document as the server gives it to anybody."""
    return client.get("/api/v1/openapi.json").json


def test_the_server_and_the_command_line_give_the_same_contract(client: FlaskClient) -> None:
    printed = run("openapi")
    assert printed.returncode == 0, printed.stderr
    assert client.get("/api/v1/openapi.json").json == json.loads(printed.stdout)


def test_every_reference_in_the_contract_leads_somewhere(document: dict) -> None:
    seen = 0

    def walk(node: object) -> None:
        nonlocal seen
        if isinstance(node, dict):
            if isinstance(path := node.get("$ref"), str):
                target: object = document
                for part in path.removeprefix("#/").split("/"):
                    assert isinstance(target, dict), path
                    assert part in target, path
                    target = target[part]
                seen += 1
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    assert seen > 50


def test_every_operation_says_what_it_does_and_what_it_answers(document: dict) -> None:
    assert document["openapi"].startswith("3.1")
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method not in METHODS:
                continue
            assert operation.get("summary"), f"{method} {path}"
            assert any(code.startswith("2") for code in operation["responses"]), f"{method} {path}"


@pytest.mark.e2e
def test_the_client_s_types_are_those_of_the_contract(tmp_path: Path) -> None:
    """When this fails: npm --prefix frontend run types."""
    (tmp_path / "openapi.json").write_text(run("openapi").stdout, encoding="utf-8")
    made = subprocess.run(
        [
            "npx",
            "--no-install",
            "openapi-typescript",
            str(tmp_path / "openapi.json"),
            "-o",
            str(tmp_path / "schema.d.ts"),
        ],
        cwd=ROOT / "frontend",
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    assert (tmp_path / "schema.d.ts").read_text(encoding="utf-8") == TYPES.read_text(encoding="utf-8")
