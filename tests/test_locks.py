"""Slow work is done with the write lock free: SQLite has one, and every phone that sends waits for it."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.conftest import PASSWORD, PIN, SchoolForTest, browser
from tests.imports.messy import room_rows, workbook
from tests.phone import Phone
from tests.photos.test_photos import photo


def sign_in(app: Flask, school: SchoolForTest, phone: Phone, staff: Any) -> int:
    body = {"account": school.accounts["admin"], "password": PASSWORD}
    return browser(app).post("/api/v1/session", json=body).status_code


def check_pin(app: Flask, school: SchoolForTest, phone: Phone, staff: Any) -> int:
    body = {"person": phone.person, "pin": PIN}
    return phone.client.post("/api/v1/pin", json=body, headers=phone.headers()).status_code


def put_photo(app: Flask, school: SchoolForTest, phone: Phone, staff: Any) -> int:
    return phone.put_photo(photo()).status_code


def print_tags(app: Flask, school: SchoolForTest, phone: Phone, staff: Any) -> int:
    return staff.post("/api/v1/tags/sheet", json={}).status_code


def import_rooms(app: Flask, school: SchoolForTest, phone: Phone, staff: Any) -> int:
    body = workbook(room_rows(3))
    return staff.post("/api/v1/imports", data=body).status_code


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("slow", "request_it"),
    [
        ("campus_patrol.people.service.secret_matches", sign_in),
        ("campus_patrol.people.service.secret_matches", check_pin),
        ("campus_patrol.photos.service._decode", put_photo),
        ("qr_codes.sheet.label_sheet", print_tags),
        ("campus_patrol.imports.sheets.read", import_rooms),
    ],
)
def test_another_writer_gets_in_while_the_slow_part_runs(
    app, settings, school, phone, staff, monkeypatch, slow: str, request_it: Callable[..., int]
) -> None:
    module, _, name = slow.rpartition(".")
    real = getattr(__import__(module, fromlist=[name]), name)
    tried = []

    def with_another_writer(*args: Any, **options: Any) -> Any:
        other = sqlite3.connect(settings.data / "campus-patrol.sqlite3", timeout=0, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
        other.close()
        tried.append(name)
        return real(*args, **options)

    monkeypatch.setattr(slow, with_another_writer)
    assert request_it(app, school, phone, staff) in (200, 201)
    assert tried == [name]
