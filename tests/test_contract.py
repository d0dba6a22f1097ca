"""Whatever is sent, the API answers as its contract says: no server error, and every refusal is a known problem."""

import os
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as bounds
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from campus_patrol.problems import CATALOGUE
from campus_patrol.security import COOKIE
from tests.phone import Phone

# Of each operation, right and wrong input each; the same ones in every run. More with CONTRACT_EXAMPLES=100.
EXAMPLES = int(os.environ.get("CONTRACT_EXAMPLES", "12"))
BOUNDS = bounds(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
BY_DEVICE = {
    "/api/v1/sync",
    "/api/v1/rescue",
    "/api/v1/heads",
    "/api/v1/pack",
    "/api/v1/pin",
    "/api/v1/photos/{sha256}",
}
CONFORMANCE = [response_schema_conformance, content_type_conformance]


@schemathesis.serializer(
    "application/x-ndjson", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
)
def as_bytes(_context: object, value: object) -> bytes:
    """Send what was made up as it is."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@pytest.mark.simulation
def test_whatever_is_sent_is_answered_as_the_contract_says(
    app: Flask, school, as_role, new_phone, monkeypatch
) -> None:
    """Half of the calls name things that exist, so that they come further than to not found."""
    for folder in ("people", "rescues"):
        monkeypatch.setattr(f"campus_patrol.{folder}.service.throttle", lambda *_args, **_options: None)
    phone: Phone = new_phone()
    phone.write(phone.checkpoint(tag=school.codes["A101"], readings={"lights": {"value": "on"}}))
    phone.write(phone.checkpoint())
    phone.write(
        phone.record(
            "tag_placed",
            tag=school.codes["A101"],
            data={"place": school.places["A102"], "method": "camera"},
        )
    )
    phone.sync()
    staff = as_role("admin")
    doubtful = staff.get("/api/v1/checkpoints?only=doubt").json["items"][0]
    real = {
        "checkpoint_id": doubtful["id"],
        "doubt_id": doubtful["doubts"][0]["id"],
        "code_id": staff.post("/api/v1/rescue-codes").json["id"],
        "device_id": new_phone().device["id"],
        "enrolment_id": staff.post("/api/v1/enrolments", json={}).json["id"],
        "finding_id": staff.get("/api/v1/findings").json["items"][0]["id"],
        "night": staff.get("/api/v1/nights").json["items"][0]["night"],
        "person_id": school.people["repairer"],
        "placement_id": staff.get("/api/v1/tags/placements").json["items"][0]["id"],
        "place_id": school.places["A321"],
        "tag_id": staff.get("/api/v1/tags").json["items"][0]["id"],
    }
    # The tag above is replaced on the way: one that lives has a code to take, and one can still be retired.
    items = staff.get("/api/v1/tags").json["items"]
    others = {"/symbol.": items[1]["id"], "/retire": items[-1]["id"]}
    token = staff.get_cookie(COOKIE).value
    wrong: list[str] = []
    reached: dict[str, set[int]] = {}

    def check(case: Any, known: bool) -> None:
        if known:
            case.path_parameters.update({name: real[name] for name in case.path_parameters.keys() & real})
            for part, tag_id in others.items():
                if part in case.path:
                    case.path_parameters["tag_id"] = tag_id
        by_device = (case.path in BY_DEVICE and case.method != "GET") or case.path == "/api/v1/pack"
        # Signing out is tried by nobody in particular: the others need the session.
        cookies = {} if by_device or case.method == "DELETE" else {COOKIE: token}
        headers = phone.headers() if by_device else {"Sec-Fetch-Site": "same-origin"}
        answer = case.call(headers=headers, cookies=cookies)
        reached.setdefault(case.operation.label, set()).add(answer.status_code)
        said = f"{case.method} {answer.request.url} {answer.request.body!r:.300} -> {answer.status_code}"
        try:
            if answer.status_code >= 400:
                assert answer.status_code < 500
                assert answer.headers["content-type"] == ["application/problem+json"]
                assert CATALOGUE[answer.json()["code"]][0] == answer.json()["status"] == answer.status_code
            else:
                assert str(answer.status_code) in case.operation.definition.raw["responses"]
                case.validate_response(answer, checks=CONFORMANCE)
        except Exception as error:  # each is told, not only the first
            wrong.append(f"{said} {answer.content[:300]!r} {error}")

    for found in schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app).get_all_operations():
        operation = found.ok()
        BOUNDS(given(operation.as_strategy(), st.booleans())(check))()
        try:
            strategy = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
            BOUNDS(given(strategy, st.booleans())(check))()
        except Unsatisfiable:
            continue  # this one takes nothing that could be wrong
    assert not wrong, "\n".join(dict.fromkeys(wrong))
    # A session lost on the way would make every call a polite refusal.
    refused = {label for label, answers in reached.items() if min(answers) >= 400}
    assert refused == {
        "DELETE /api/v1/session",
        "GET /api/v1/photos/{sha256}",
        "PUT /api/v1/photos/{sha256}",
        "POST /api/v1/enrol",
        "POST /api/v1/imports",
        "POST /api/v1/pin",
        "POST /api/v1/rescue",
        "POST /api/v1/rescues/{stream}/accept",
        "POST /api/v1/session",
        "POST /api/v1/sync",
    }
