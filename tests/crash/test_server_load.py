"""Failures 27, 32, 40 and 41: much at once, from one phone and from many, and backups in the middle of it."""

import threading
from pathlib import Path

import pytest

from tests.crash.result import Result
from tests.crash.server_load import send_same, write_together
from tests.crash.server_rig import Rig, Wire, rig
from tests.phone import Phone


def quiet(_done: int) -> None:
    """No bar in a test."""


@pytest.mark.parametrize(
    "postgres",
    [
        pytest.param(False, marks=pytest.mark.e2e, id="sqlite"),
        pytest.param(True, marks=pytest.mark.postgres, id="postgresql"),
    ],
)
def test_32_identical_requests_at_once_are_stored_once_and_all_told_so(postgres: bool) -> None:
    result = send_same(10, postgres, quiet)
    print(result)
    assert result.good, result
    assert (result.kills, result.told) == (10, 19)


@pytest.mark.parametrize(
    "postgres",
    [
        pytest.param(False, marks=pytest.mark.e2e, id="sqlite"),
        pytest.param(True, marks=pytest.mark.postgres, id="postgresql"),
    ],
)
def test_eight_writing_processes_with_readers_and_backups_never_fail_and_lose_nothing(
    postgres: bool, tmp_path: Path
) -> None:
    result = write_together(10, postgres, tmp_path / "backups")
    print(result)
    assert result.good, result
    assert result.told > 50
    assert result.kills > 1


@pytest.mark.e2e
def test_300_phones_that_come_at_once_after_an_outage_are_all_served_or_told_when_to_come_again() -> None:
    with rig(300, postgres=False) as made:
        for phone in made.phones:
            for _ in range(5):
                phone.write(phone.checkpoint())
        made.server.start()
        answers = send_at_once(made)
        for phone, (status, headers) in zip(made.phones, answers, strict=True):
            assert status == 200 or (status in (429, 503) and int(headers["Retry-After"]) >= 1)
            if status != 200:
                phone.sync()
        assert sum(status == 200 for status, _ in answers) > 150
        result = Result("300 phones", 0)
        made.judge(result, complete=True)
        made.verify(result, [])
        assert result.good, result


def send_at_once(made: Rig) -> list[tuple[int, dict[str, str]]]:
    gate, answers = threading.Barrier(len(made.phones)), {}

    def send(number: int, phone: Phone) -> None:
        wire, body = Wire(made.server.port, timeout=60), phone.body()
        gate.wait()
        answer = wire.post(
            "/api/v1/sync", data=body, headers=phone.headers(**{"Content-Type": "application/x-ndjson"})
        )
        answers[number] = (answer.status_code, dict(answer.headers.items()))
        if answer.status_code == 200:
            phone.acked = answer.json["ack"]
        wire.close()

    threads = [threading.Thread(target=send, args=item) for item in enumerate(made.phones)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[number] for number in range(len(made.phones))]
