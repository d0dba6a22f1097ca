"""How well a tag will read: the level that is chosen, and the figures that a school with a long name is told."""

import random
import re
from pathlib import Path

import pytest

from qr_codes import reading
from qr_codes.papers import PAPERS
from qr_codes.payload import tag_url
from qr_codes.reading import SHORT_ENOUGH, forecast, level_for
from qr_codes.symbol import QUIET_ZONE
from tests.bench import payload

CODE = "0123456789"
SHORT = tag_url("https://xc.mdsx.cn", CODE)
LONG = tag_url("https://campus-patrol.mingde-experimental-school.edu.cn:8443", CODE)


def test_a_short_address_gets_level_q_on_every_paper():
    assert len(SHORT) == SHORT_ENOUGH
    assert {forecast(SHORT, paper).level for paper in PAPERS.values()} == {"Q"}


@pytest.mark.parametrize(
    ("characters", "box", "level"),
    [
        (30, 40.5, "Q"),  # modules of 1.09 mm: large enough for the better correction
        (30, 24, "M"),  # 0.73 mm instead of 0.65
        (45, 24, "Q"),  # as many modules at M
        (60, 40.5, "Q"),
        (60, 36, "M"),
    ],
)
def test_level_m_is_taken_only_where_it_makes_small_modules_larger(characters: int, box: float, level: str):
    assert level_for("A" * characters, box) == level


@pytest.mark.parametrize("paper", PAPERS.values(), ids=lambda paper: paper.key)
def test_what_is_expected_of_a_longer_text_is_never_more(paper):
    shares = [forecast("A" * characters, paper).read for characters in (12, 29, 45, 60, 80, 105, 120, 250)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == shares[1] == forecast(LONG, paper).read_short
    assert all(0 < share < 1 for share in shares)


def test_a_forecast_gives_the_size_that_is_printed():
    expected = forecast(SHORT, PAPERS["a4"])
    assert expected.module == pytest.approx(40.5 / (25 + 2 * QUIET_ZONE))
    assert expected.symbol == pytest.approx(25 * expected.module)


def test_every_paper_has_its_measured_figures_and_the_readme_shows_them():
    readme = (Path(reading.__file__).parent / "README.md").read_text("utf-8").partition("### By paper")[2]
    assert reading._MEASURED.keys() == PAPERS.keys()
    for key, shares in reading._MEASURED.items():
        row = re.search(rf"^\| `{key}` \|.*$", readme, re.MULTILINE)
        assert row, key
        assert [int(share) for share in re.findall(r"(\d+) %", row[0])] == [
            round(100 * share) for share in shares.values()
        ]


def test_the_measurement_sees_the_same_frames_every_time_and_more_of_a_larger_tag():
    chance = random.Random(1)
    texts = [payload.made_up(29, chance) for _ in range(60)]
    small, modules = payload.share(texts, "Q", 24, 1, worn=False)
    large, _ = payload.share(texts, "Q", 58, 1, worn=False)
    assert modules == 25
    assert small < large
    assert payload.share(texts, "Q", 24, 1, worn=False)[0] == small
