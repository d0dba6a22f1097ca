"""Signs to wait for."""

import time
from collections.abc import Callable
from typing import Any

from tests.e2e.conftest import PhoneUser


def wait_until(found: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """Wait until a question has an answer, and return it."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(0.1)
    return answer


def all_sent(phone: PhoneUser) -> bool:
    """Whether the server has confirmed everything that the phone wrote."""
    chain = next(row for row in phone.read("meta") if isinstance(row, dict) and "head" in row)
    return chain["acked"] == chain["next"] - 1
