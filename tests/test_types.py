"""The client's types are made from the contract of the API, and kept."""

import json
import subprocess
from pathlib import Path

from flask.testing import FlaskClient

from tests.program import ROOT

FRONTEND = ROOT / "frontend"
MAKER = FRONTEND / "node_modules" / ".bin" / "openapi-typescript"


def test_the_client_s_types_are_those_of_the_contract(client: FlaskClient, tmp_path: Path) -> None:
    assert MAKER.exists(), "openapi-typescript is not here: npm ci --prefix frontend"
    contract, types = tmp_path / "openapi.json", tmp_path / "schema.d.ts"
    contract.write_text(json.dumps(client.get("/api/v1/openapi.json").json), encoding="utf-8")
    made = subprocess.run(
        [MAKER, contract, "--output", types], cwd=FRONTEND, capture_output=True, text=True, timeout=60
    )
    assert made.returncode == 0, made.stdout + made.stderr
    kept = (FRONTEND / "src" / "api" / "schema.d.ts").read_text(encoding="utf-8")
    assert types.read_text(encoding="utf-8") == kept, "stale: npm --prefix frontend run types"
