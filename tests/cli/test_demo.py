"""The demo, as somebody meets it who looks around."""

import http.cookiejar
import json
import re
import ssl
import stat
import tempfile
import urllib.request
from pathlib import Path

import pytest

from tests.program import free_port, run, serving

pytestmark = pytest.mark.e2e


def browser(context: ssl.SSLContext | None = None) -> urllib.request.OpenerDirector:
    """Make something that keeps cookies; the session's cookie is for https or localhost, so it is shown as secure."""
    jar = http.cookiejar.CookieJar(
        policy=http.cookiejar.DefaultCookiePolicy(secure_protocols=("http", "https"))
    )
    handlers = [urllib.request.HTTPCookieProcessor(jar)]
    if context:
        handlers.append(urllib.request.HTTPSHandler(context=context))
    return urllib.request.build_opener(*handlers)


def ask(opener: urllib.request.OpenerDirector, url: str, body: object = None) -> dict:
    """Send or fetch JSON as our own page does."""
    request = urllib.request.Request(url, headers={"Sec-Fetch-Site": "same-origin"})
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    with opener.open(request, timeout=20) as answer:
        return json.load(answer)


def test_the_demo_shows_fourteen_nights_to_whoever_signs_in_with_what_it_printed(tmp_path: Path) -> None:
    data, port = tmp_path / "demo", free_port()
    with serving("demo", "--data", data, port=port, output=tmp_path / "out", seconds=240) as served:
        said = served.output.read_text()
        assert "This is a demo" in said
        assert f"http://localhost:{port}/desk" in said
        for role in ("admin", "supervisor", "inspector", "guard", "repairer"):
            assert re.search(rf"^{role} ", said, re.MULTILINE), role

        here = f"http://localhost:{port}/api/v1"
        card = json.loads((data / "demo.json").read_text())
        assert stat.S_IMODE((data / "demo.json").stat().st_mode) == 0o600
        desk = [who for who in card["sign_ins"] if who.get("password")]
        assert {who["role"] for who in desk} >= {"admin", "supervisor", "inspector"}
        for who in desk:
            assert who["password"] in said
            opener = browser()
            me = ask(opener, f"{here}/session", {"account": who["account"], "password": who["password"]})
            assert me["person"]["role"] == who["role"]
            assert me["school"]["is_demo"] is True
            nights = ask(opener, f"{here}/nights?limit=30")["items"]
            assert len([night for night in nights if night["checkpoints"]]) >= 14

        code = re.search(r"#enrol=([A-Z2-7]{26})", said)[1]
        phone = ask(
            browser(), f"{here}/enrol", {"code": code, "name": "测试机", "public_key": None, "app": "1.0.0"}
        )
        assert len(phone["pack"]["places"]) == 358 + 66

        # What the desk shows to phones leads to the https address that they reach, which the printed authority signs.
        admin = next(who for who in desk if who["role"] == "admin")
        opener = browser()
        ask(opener, f"{here}/session", {"account": admin["account"], "password": admin["password"]})
        url = ask(opener, f"{here}/enrolments", {"name": "二号机"})["url"]
        outside = re.match(r"https://[^/]+", url)
        assert outside, url
        trusting = ssl.create_default_context(cafile=data / "tls" / "authority.pem")
        assert ask(browser(trusting), f"{outside[0]}/api/v1/health")["status"] == "ok"

    again = free_port()
    with serving(
        "demo", "--data", data, "--no-phones", port=again, output=tmp_path / "two", seconds=20
    ) as served:
        assert admin["password"] in served.output.read_text()
        assert json.loads((data / "demo.json").read_text())["sign_ins"] == card["sign_ins"]


def test_without_a_data_folder_nothing_stays_behind(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with serving(
        "demo", "--no-phones", port=free_port(), output=tmp_path / "out", seconds=240, TMPDIR=str(temporary)
    ) as served:
        assert "Stopping deletes it all" in served.output.read_text()
        assert [
            folder.name for folder in temporary.iterdir() if folder.name.startswith("campus-patrol-demo-")
        ]
        served.stop()
        assert served.process.returncode == 0
    assert list(temporary.iterdir()) == []
    assert tempfile.gettempdir() != str(temporary)


def test_the_demo_does_not_touch_a_real_school(tmp_path: Path) -> None:
    data = tmp_path / "real"
    assert run("init", "--data", data, "--school", "真的学校", "--admin", "boss").returncode == 0
    before = (data / "campus-patrol.sqlite3").read_bytes()
    for extra in ({}, {"CAMPUS_PATROL_DATA": str(data)}):
        words = ["demo", "--no-phones", "--port", free_port()] + ([] if extra else ["--data", data])
        done = run(*words, **extra)
        assert done.returncode == 2
        assert "holds the real school 真的学校" in done.stderr
    assert (data / "campus-patrol.sqlite3").read_bytes() == before
