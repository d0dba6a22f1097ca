"""Closed by default: every route says who may call it, and nobody else gets through."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from campus_patrol import security
from campus_patrol.app import create_app
from campus_patrol.problems import CATALOGUE
from campus_patrol.security import PERMISSIONS, permit, throttle
from tests.conftest import PASSWORD, browser

PUBLIC = {
    "GET /",
    "GET /<path:name>",
    "GET /api/v1/health",
    "GET /api/v1/openapi.json",
    "GET /assets/<path:name>",
    "GET /desk",
    "GET /desk/",
    "GET /desk/<path:_view>",
    "POST /api/v1/enrol",
    "POST /api/v1/rescue",
    "POST /api/v1/session",
}


def routes(app: Flask) -> list[tuple[str, str, str]]:
    """Every method and rule with its permission."""
    return [
        (method, rule.rule, app.view_functions[rule.endpoint].permission)
        for rule in app.url_map.iter_rules()
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
    ]


def address(rule: str) -> str:
    """A path that matches a rule."""
    rule = rule.replace("<date:night>", "2026-11-22").replace("<string(length=64):sha256>", "0" * 64)
    return re.sub(r"<[^>]+>", "01a203a0-9180-70c4-b3c5-83cae527495e", rule)


def test_only_these_routes_are_open_to_anybody(app: Flask) -> None:
    assert {f"{method} {rule}" for method, rule, needed in routes(app) if needed == "public"} == PUBLIC


def test_a_route_without_a_permission_keeps_the_server_from_starting(settings, monkeypatch) -> None:
    from campus_patrol import app as composition

    def forget(app: Flask) -> None:
        app.add_url_rule("/api/v1/forgotten", "forgotten", lambda: "open to all")

    monkeypatch.setattr(composition, "_guard_requests", forget)
    with pytest.raises(RuntimeError, match="/api/v1/forgotten"):
        create_app(settings)


def test_a_permission_that_no_role_has_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"nobody\.may"):
        permit("nobody.may")


@pytest.mark.parametrize(
    "role", ["guard", "repairer", "inspector", "supervisor", "admin", "district", None, "device"]
)
def test_every_route_lets_in_exactly_the_roles_that_have_its_permission(
    app: Flask, school, as_role: Callable, phone, role: str | None
) -> None:
    granted = PERMISSIONS.get(role or "", frozenset())
    desk = role in ("inspector", "supervisor", "admin")
    client = as_role(role) if desk else browser(app)
    headers = phone.headers() if role == "device" else {}
    for method, rule, needed in routes(app):
        if needed == "public" or (method, rule) == ("DELETE", "/api/v1/session"):
            continue
        answer = client.open(
            address(rule), method=method, headers=headers, json=None if method == "GET" else {}
        )
        allowed = needed in granted
        let_in = answer.status_code not in (401, 403)
        assert let_in == allowed, (role, method, rule, answer.status_code)
        if not let_in:
            assert answer.json["code"] in ("signed_out", "forbidden", "device_unknown"), rule


@pytest.mark.parametrize("role", ["guard", "repairer", "district"])
def test_who_has_no_business_at_the_desk_cannot_sign_in(app: Flask, school, role: str) -> None:
    answer = browser(app).post(
        "/api/v1/session", json={"account": school.accounts[role], "password": PASSWORD}
    )
    assert (answer.status_code, answer.json["code"]) == (401, "wrong_password")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ],
)
def test_a_write_from_another_site_is_refused_even_with_the_cookie(
    app: Flask, school, as_role, headers
) -> None:
    client = as_role("admin")
    del client.environ_base["HTTP_SEC_FETCH_SITE"]
    answer = client.post("/api/v1/enrolments", json={}, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (403, "cross_site")
    assert (
        client.post("/api/v1/enrolments", json={}, headers={"Origin": "https://localhost"}).status_code == 201
    )


def test_the_cookie_is_bound_to_this_host_and_hidden_from_scripts(app: Flask, school) -> None:
    answer = browser(app).post("/api/v1/session", json={"account": "admin", "password": PASSWORD})
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-campus_patrol=")
    for part in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie


def test_a_new_sign_in_is_a_new_session_and_signing_out_ends_it(app: Flask, school, as_role) -> None:
    first, second = as_role("admin"), as_role("admin")
    tokens = {c.get_cookie(security.COOKIE, domain="localhost").value for c in (first, second)}
    assert len(tokens) == 2
    stolen = browser(app)
    stolen.set_cookie(security.COOKIE, first.get_cookie(security.COOKIE).value)
    assert stolen.get("/api/v1/session").status_code == 200
    assert first.delete("/api/v1/session").status_code == 204
    assert stolen.get("/api/v1/session").json["code"] == "signed_out"
    assert second.get("/api/v1/session").status_code == 200


def test_an_unknown_account_and_a_wrong_password_get_the_same_answer(app: Flask, school) -> None:
    answers = [
        browser(app).post("/api/v1/session", json={"account": account, "password": "nonsense"})
        for account in ("admin", "nobody")
    ]
    assert answers[0].json == answers[1].json


def test_every_answer_carries_the_headers(app: Flask, school, as_role) -> None:
    client = as_role("admin")
    for path in ("/", "/desk", "/nothing/here", "/api/v1/people", "/api/v1/nowhere", "/api/v1/health"):
        headers = client.get(path).headers
        for name in security.HEADERS:
            assert name in headers, (path, name)
    assert "no-store" in client.get("/api/v1/people").headers["Cache-Control"]
    assert "unsafe-inline" not in security.CSP
    assert "'unsafe-eval'" not in security.CSP


def test_a_refused_method_says_which_are_taken(app: Flask, school) -> None:
    answer = app.test_client().put("/api/v1/sync", data=b"")
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


def test_a_forwarded_address_is_believed_only_behind_a_proxy_that_was_declared(app: Flask, school) -> None:
    client = browser(app)
    codes = [
        client.post(
            "/api/v1/session",
            json={"account": "admin", "password": "wrong"},
            headers={"X-Forwarded-For": f"203.0.113.{i}"},
        ).json["code"]
        for i in range(6)
    ]
    assert codes[-1] == "too_many_tries"


def test_a_bucket_refills_with_time(app: Flask, monkeypatch) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr(security.time, "time", lambda: now[0])
    with app.app_context():
        for _ in range(3):
            throttle("key", burst=3, every=10)
        for _ in range(2):
            with pytest.raises(security.Problem) as refused:
                throttle("key", burst=3, every=10)
            assert refused.value.headers == {"Retry-After": "10"}
        now[0] += 10
        throttle("key", burst=3, every=10)
        now[0] += 1000
        for _ in range(3):
            throttle("key", burst=3, every=10)
        with pytest.raises(security.Problem):
            throttle("key", burst=3, every=10)


@pytest.mark.parametrize("name", ["%00", "a" * 300, "assets/%00", "../" * 5 + "etc/passwd", "%ff%fe"])
def test_an_address_that_names_no_file_is_not_found(client, name: str) -> None:
    assert client.get(f"/{name}").status_code == 404


def test_every_problem_has_a_status_and_a_sentence() -> None:
    for code, (status, sentence) in CATALOGUE.items():
        assert re.fullmatch(r"[a-z_]+", code)
        assert 400 <= status < 600
        assert sentence.endswith(".")


def test_an_unforeseen_error_says_nothing_of_the_inside(app: Flask, school, as_role, monkeypatch) -> None:
    from campus_patrol.people import service

    def fail(**_: object) -> None:
        raise RuntimeError("SELECT secret FROM /etc/passwd")

    client = as_role("admin")
    monkeypatch.setattr(service, "list_people", fail)
    answer = client.get("/api/v1/people")
    assert (answer.status_code, answer.json["code"]) == (500, "internal")
    assert "secret" not in answer.text
