"""Hundreds of random changes to a school's database: `verify` finds each and names the row it begins at."""

import random

import pytest

from tests.audit.edits import edit_at_random


@pytest.mark.e2e
def test_every_random_change_to_the_database_is_found_and_named() -> None:
    result = edit_at_random(300, random.SystemRandom().randrange(1 << 32), lambda _done: None)
    print(result)
    assert result.good, result
    assert result.kills == 300
