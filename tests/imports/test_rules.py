"""What is read from a cell: everything a school types, and nothing that could mean two things."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus_patrol.imports import rules
from campus_patrol.imports.rules import CellError

DIGITS = "零一二三四五六七八九"


def in_chinese(number: int) -> str:
    """Say 0 to 999 in Chinese, written apart from the code under test."""
    hundreds, tens, ones = number // 100, number // 10 % 10, number % 10
    if number < 10:
        return DIGITS[number]
    if number < 20:
        return "十" + (DIGITS[ones] if ones else "")
    text = DIGITS[hundreds] + "百" if hundreds else ""
    if tens:
        text += DIGITS[tens] + "十"
    elif hundreds and ones:
        text += "零"
    return text + (DIGITS[ones] if ones else "")


def full_width(text: str) -> str:
    return "".join(chr(ord(ch) + 0xFEE0) if "!" <= ch <= "~" else ch for ch in text)


def refusal(read: Callable[..., Any], value: object, **options: Any) -> str:
    with pytest.raises(CellError) as caught:
        read(value, **options)
    return caught.value.code


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        *((2, 2), (2.0, 2), ("2台", 2), ("２ 台", 2), ("两台", 2), ("十二盏", 12), ("3个水龙头", 3)),
        *(
            ("无", 0),
            ("-", 0),
            ("—", 0),
            ("0", 0),
            ("一百零五", 105),
            ("4 units", 4),
            (" 6\n", 6),
            ("2.0", 2),
        ),
    ],
)
def test_counts_are_read_with_their_measure_words(value: object, meant: int) -> None:
    assert rules.count(value) == meant


@pytest.mark.parametrize(
    ("value", "code"),
    [
        *((2.5, "not_a_count"), ("约2台", "not_a_count"), ("2+1", "not_a_count"), ("2-3台", "not_a_count")),
        *(
            (True, "not_a_count"),
            ("二百五", "not_a_count"),
            ("若干", "not_a_count"),
            (float("nan"), "not_a_count"),
        ),
        *((-1, "out_of_range"), (1000, "out_of_range"), ("1,200", "out_of_range")),
        *((date(2026, 3, 1), "cell_is_date"), (time(2), "cell_is_date"), (float("inf"), "not_a_count")),
    ],
)
def test_a_count_that_is_not_plainly_one_is_refused(value: object, code: str) -> None:
    assert refusal(rules.count, value) == code


@given(number=st.integers(0, 999), unit=st.sampled_from(["", "台", "盏", " 个", "组"]))
def test_every_count_is_the_same_in_digits_full_width_and_chinese(number: int, unit: str) -> None:
    for written in (f"{number}{unit}", full_width(f"{number}{unit}"), f"{in_chinese(number)}{unit}"):
        assert rules.count(written) == number, written
    assert rules.count(number) == rules.count(float(number)) == number


@pytest.mark.parametrize(
    ("value", "unit", "kw"),
    [
        *((3.5, None, "3.5"), ("3.5kW", None, "3.5"), ("3500W", None, "3.5"), (3500, None, "3.5")),
        *(
            ("３．５ＫＷ", None, "3.5"),
            ("3.5千瓦", None, "3.5"),
            ("1500瓦", None, "1.5"),
            ("3.5㎾", None, "3.5"),
        ),
        *((2600, "w", "2.6"), (2.6, "kw", "2.6"), ("2.6kW", "w", "2.6"), (50, "w", "0.05"), (0, None, "0")),
        *(("无", None, "0"), ("3.5kW/台", None, "3.5")),
    ],
)
def test_power_is_read_in_either_unit(value: object, unit: str | None, kw: str) -> None:
    assert rules.power_kw(value, unit=unit) == Decimal(kw)


@pytest.mark.parametrize(
    ("value", "unit", "code"),
    [
        *((50, None, "unit_missing"), ("1.5匹", None, "not_a_power"), ("2*3.5kW", None, "not_a_power")),
        *((3500, "kw", "out_of_range"), ("200kW", None, "out_of_range"), (-1, None, "out_of_range")),
        (datetime(2026, 3, 5), None, "cell_is_date"),  # noqa: DTZ001 what a spreadsheet makes of 3.5
    ],
)
def test_a_power_that_could_be_either_unit_or_none_is_refused(
    value: object, unit: str | None, code: str
) -> None:
    assert refusal(rules.power_kw, value, unit=unit) == code


@given(watts=st.integers(0, 100_000))
def test_power_is_the_same_in_watts_and_kilowatts_to_the_watt(watts: int) -> None:
    kilowatts = Decimal(watts) / 1000
    for written in (f"{watts}W", f"{watts} 瓦", f"{kilowatts}kW", full_width(f"{kilowatts}KW")):
        assert rules.power_kw(written) == kilowatts, written
    assert rules.power_kw(watts, unit="w") == rules.power_kw(float(kilowatts), unit="kw") == kilowatts


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        *((3, 3), (3.0, 3), ("3", 3), ("３", 3), ("三层", 3), ("3F", 3), ("F3", 3), ("3楼", 3), ("三楼", 3)),
        *(
            ("第三层", 3),
            ("3/F", 3),
            ("3rd floor", 3),
            ("Level 2", 2),
            ("首层", 1),
            ("1层", 1),
            ("十二楼", 12),
        ),
        *(("负一层", -1), ("B1", -1), ("B2层", -2), ("地下一层", -1), ("-1", -1), ("－2层", -2), ("-1F", -1)),
        *((-1, -1), ("负1楼", -1), ("Basement 1", -1), (" 3 F ", 3)),
    ],
)
def test_floors_are_read_as_people_say_them(value: object, meant: int) -> None:
    assert rules.floor(value) == meant


@pytest.mark.parametrize(
    ("value", "code"),
    [
        *((0, "not_a_floor"), ("G", "not_a_floor"), ("地下室", "not_a_floor"), ("1-2层", "not_a_floor")),
        *((3.5, "not_a_floor"), ("夹层", "not_a_floor"), ("顶楼", "not_a_floor"), (True, "not_a_floor")),
        *((100, "out_of_range"), ("B10", "out_of_range"), (date(2026, 1, 2), "cell_is_date")),
    ],
)
def test_a_floor_that_is_not_one_floor_is_refused(value: object, code: str) -> None:
    assert refusal(rules.floor, value) == code


@given(floor=st.integers(-9, 99).filter(bool))
def test_every_floor_is_the_same_in_all_ways_of_writing_it(floor: int) -> None:
    depth = abs(floor)
    if floor > 0:
        ways = ["{n}", "{n}层", "{n}楼", "{n}F", "F{n}", "第{n}层", "{c}层", "{c}楼", "第{c}层", "{c}"]
    else:
        ways = ["-{n}", "B{n}", "负{n}层", "-{n}F", "地下{n}层", "负{c}层", "负{c}楼", "地下{c}层"]
    for way in ways:
        written = way.format(n=depth, c=in_chinese(depth))
        assert rules.floor(written) == rules.floor(full_width(written)) == floor, written
    assert rules.floor(floor) == rules.floor(float(floor)) == floor


@pytest.mark.parametrize(
    ("value", "unit", "meant"),
    [
        *(
            (90, None, 90),
            ("90分钟", None, 90),
            ("1.5小时", None, 90),
            ("1小时30分", None, 90),
            ("1:30", None, 90),
        ),
        *(("半小时", None, 30), ("一个半小时", None, 90), ("2小时半", None, 150), ("两小时", None, 120)),
        *((1.5, "小时", 90), (60, "分钟", 60), (time(1, 30), None, 90), (timedelta(minutes=90), None, 90)),
        *(("九十分钟", None, 90), ("1.5h", None, 90), ("90 min", None, 90), ("1h30m", None, 90)),
    ],
)
def test_time_limits_are_read_in_minutes_and_hours(value: object, unit: str | None, meant: int) -> None:
    assert rules.minutes(value, unit=unit) == meant


@pytest.mark.parametrize(
    ("value", "code"),
    [
        *((1, "unit_missing"), (1.5, "unit_missing"), (1000, "out_of_range"), ("13小时", "out_of_range")),
        *(
            ("很快", "not_minutes"),
            ("90秒", "not_minutes"),
            ("1.55分钟", "not_minutes"),
            ("1:75", "not_minutes"),
        ),
    ],
)
def test_a_time_limit_without_a_clear_length_is_refused(value: object, code: str) -> None:
    assert refusal(rules.minutes, value) == code


@given(length=st.integers(5, 720))
def test_every_time_limit_is_the_same_in_all_ways_of_writing_it(length: int) -> None:
    hours, rest = divmod(length, 60)
    ways = [str(length), f"{length}分钟", f"{length} min", f"{hours}:{rest:02}", f"{in_chinese(length)}分钟"]
    if hours:
        ways.append(f"{hours}小时{rest}分" if rest else f"{hours}小时")
    for written in ways:
        assert rules.minutes(written) == rules.minutes(full_width(written)) == length, written


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        *(("23:30", "23:30"), ("23：30", "23:30"), ("２３：３０", "23:30"), (time(23, 30), "23:30")),
        *(("23:30:00", "23:30"), (0.979166667, "23:30"), (datetime(1899, 12, 30, 23, 30), "23:30")),  # noqa: DTZ001
        *(("晚上11点半", "23:30"), ("晚上十一点半", "23:30"), ("夜里11:30", "23:30"), ("23点30分", "23:30")),
        *(("晚8点", "20:00"), ("下午4点半", "16:30"), ("中午12点", "12:00"), ("上午9:15", "09:15")),
        *(("凌晨0点40", "00:40"), ("凌晨12点半", "00:30"), ("晚上12点", "00:00"), ("24:00", "00:00")),
        *(
            ("夜里1点", "01:00"),
            ("11:30 PM", "23:30"),
            ("12 am", "00:00"),
            ("12:15pm", "12:15"),
            ("2330", "23:30"),
        ),
        *(("十点一刻", "10:15"), ("22时30分", "22:30"), ("十一点零五", "11:05"), ("7:30", "07:30")),
    ],
)
def test_times_are_read_as_people_say_them(value: object, meant: str) -> None:
    assert rules.time_of_day(value) == meant


@pytest.mark.parametrize(
    "value",
    [
        *("25:00", "23:60", "晚上1点", "上午23:30", "13 pm", "23", "23.30", 23, 23.3, 0, 1.5, "放学后", True),
        *("晚上11点半至12点", "23:30-0:30", datetime(2026, 3, 1, 23, 30), date(2026, 3, 1)),  # noqa: DTZ001
    ],
)
def test_a_time_that_is_not_one_time_of_day_is_refused(value: object) -> None:
    assert refusal(rules.time_of_day, value) == "not_a_time"


@given(hour=st.integers(0, 23), minute=st.integers(0, 59))
def test_every_time_of_day_is_the_same_in_all_ways_of_writing_it(hour: int, minute: int) -> None:
    meridiem = f"{(hour + 11) % 12 + 1}:{minute:02} {'pm' if hour >= 12 else 'am'}"
    ways = [
        f"{hour}:{minute:02}",
        f"{hour:02}:{minute:02}:00",
        f"{hour}点{minute}分",
        f"{hour:02}{minute:02}",
    ]
    ways += [f"{in_chinese(hour)}点{in_chinese(minute)}分", meridiem]
    for written in ways:
        expected = f"{hour:02}:{minute:02}"
        assert rules.time_of_day(written) == rules.time_of_day(full_width(written)) == expected, written
    if hour or minute:
        assert rules.time_of_day((hour * 60 + minute) / 1440) == f"{hour:02}:{minute:02}"


@pytest.mark.parametrize(
    ("value", "days"),
    [
        *(
            ("一三五", [1, 3, 5]),
            ("周一至周五", [1, 2, 3, 4, 5]),
            ("1,3,5", [1, 3, 5]),
            ("１、３、５", [1, 3, 5]),
        ),
        *(("每天", [1, 2, 3, 4, 5, 6, 7]), ("工作日", [1, 2, 3, 4, 5]), ("日一二三四", [1, 2, 3, 4, 7])),
        *(("六日", [6, 7]), ("周日至周四", [1, 2, 3, 4, 7]), ("周末", [6, 7]), ("礼拜天", [7])),
        *(
            ("Mon-Fri", [1, 2, 3, 4, 5]),
            ("Mon, Wed, Thursday", [1, 3, 4]),
            ("Tue/Sat", [2, 6]),
            (135, [1, 3, 5]),
        ),
        *(
            ("每周一、三、五", [1, 3, 5]),
            ("周一至周三，周五", [1, 2, 3, 5]),
            ("星期一 星期三", [1, 3]),
            (1, [1]),
        ),
        *(
            ("1-5", [1, 2, 3, 4, 5]),
            ("周五～周日", [5, 6, 7]),
            ("weekdays", [1, 2, 3, 4, 5]),
            (135.0, [1, 3, 5]),
        ),
    ],
)
def test_weekdays_are_read_as_people_write_them(value: object, days: list[int]) -> None:
    assert rules.weekdays(value) == days


@pytest.mark.parametrize(
    "value", ["单周", "8", 0, "12-5", "一一", "周一至", "上学日", 1.3, True, "周一除外", "一八"]
)
def test_weekdays_that_are_not_plain_are_refused(value: object) -> None:
    assert refusal(rules.weekdays, value) == "not_weekdays"


@given(days=st.sets(st.integers(1, 7), min_size=1))
def test_every_set_of_weekdays_is_the_same_in_all_ways_of_writing_it(days: set[int]) -> None:
    chinese = ["一二三四五六日"[day - 1] for day in sorted(days)]
    ways = [
        "".join(chinese),
        "、".join(chinese),
        ",".join(map(str, sorted(days))),
        "周" + " 周".join(chinese),
    ]
    ways.append("".join(reversed(chinese)))
    for written in ways:
        assert rules.weekdays(written) == sorted(days), written


@pytest.mark.parametrize(
    "value", ["是", "有", "Y", "yes", "√", "✓", True, 1, 1.0, "1", " 是 ", "ＹＥＳ", "TRUE"]
)
def test_yes_is_read_in_its_words_and_marks(value: object) -> None:
    assert rules.yes_no(value) is True


@pytest.mark.parametrize("value", ["否", "无", "没有", "N", "no", "×", False, 0, "0", "-", "X"])
def test_no_is_read_in_its_words_and_marks(value: object) -> None:
    assert rules.yes_no(value) is False


@pytest.mark.parametrize("value", ["部分", 2, "○", "是/否", "冬季"])
def test_a_perhaps_is_refused(value: object) -> None:
    assert refusal(rules.yes_no, value) == "not_yes_no"


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        ("空调;电灯;门窗;安全隐患", ["ac", "lights", "doors_windows", "hazard"]),
        ("漏水；热水", ["dripping", "running", "hot_water"]),
        ("空调、照明和门窗", ["ac", "lights", "doors_windows"]),
        ("AC, lights", ["ac", "lights"]),
        ("空调电灯空调", ["ac", "lights"]),
    ],
)
def test_what_a_route_checks_becomes_question_keys(value: str, keys: list[str]) -> None:
    assert rules.questions(value) == keys


def test_a_check_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(CellError) as caught:
        rules.questions("空调；电梯")
    assert (caught.value.code, caught.value.params["part"]) == ("not_questions", "电梯")


def test_names_keep_what_the_school_wrote_but_for_width_and_spaces() -> None:
    assert rules.text("  明德楼（东）\n Ａ区 \u200b", maximum=60) == "明德楼（东） A区"
    assert rules.text(101.0, maximum=60) == "101"
    assert rules.text("—", maximum=60) == ""
    assert refusal(rules.text, "长" * 61, maximum=60) == "too_long"
    assert refusal(rules.text, date(2026, 1, 2), maximum=60) == "cell_is_date"


def test_a_number_needs_something_to_call_it_by() -> None:
    assert rules.place_number("Ａ 101", maximum=40) == "A101"
    assert rules.place_number(101, maximum=40) == "101"
    assert refusal(rules.place_number, "---", maximum=40) == "number_unreadable"


@given(
    value=st.one_of(
        st.text(), st.floats(), st.integers(), st.booleans(), st.datetimes(), st.times(), st.timedeltas()
    )
)
def test_no_value_makes_a_recogniser_fail_other_than_by_refusing(value: object) -> None:
    for read in (
        *(rules.count, rules.power_kw, rules.floor, rules.minutes, rules.time_of_day, rules.weekdays),
        *(rules.yes_no, rules.questions),
    ):
        try:
            read(value)
        except CellError as error:
            assert error.code  # noqa: PT017 being refused is one of two right answers
