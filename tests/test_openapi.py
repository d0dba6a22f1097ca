"""The contract of the API."""

import json

import pytest
from flask.testing import FlaskClient

from tests.program import run

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
