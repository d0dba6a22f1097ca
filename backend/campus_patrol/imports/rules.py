"""What a school means by what it typed into a spreadsheet's cell.

Each function takes a cell's value as openpyxl gives it and returns the meaning, or raises CellError with a code and
what would have been allowed. None of them guesses: what can be read in two ways is refused.
"""

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

MAX_COUNT = 999
MAX_POWER_KW = 100
# Between these a bare number could be either unit: no room's unit draws over 30 kW, none under 100 W.
BARE_KW_UP_TO, BARE_W_FROM = 30, 100
LOWEST_FLOOR, HIGHEST_FLOOR = -9, 99
SHORTEST_WINDOW, LONGEST_WINDOW = 5, 720

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−﹣-", "-") | {"～": "~", "〜": "~", "…": ""})
# Full-width letters and digits, and the ideographic space; punctuation stays as the school wrote it.
_FOLD = {
    code: code - 0xFEE0
    for lo, hi in ((0xFF10, 0xFF19), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A))
    for code in range(lo, hi + 1)
}
_FOLD[0x3000] = 0x20
_CN = {
    "零": 0,
    "〇": 0,
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
}
_CN_NUMBER = re.compile(
    r"(?:([一二两三四五六七八九])百(?:(零|〇)(?!$|十)|(?=[一二三四五六七八九]?十)|$))?(?:([一二三四五六七八九])?(十))?([零〇一二两三四五六七八九])?"
)
_ARABIC = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]{1,9})?")
_NOTHING = frozenset({"无", "没有", "none", "no", "-", "--", "/", "×"})
_MEASURE = re.compile(
    r"(?:台|部|套|组|个|只|支|盏|根|管|头|处|units?|pcs?|pieces?|sets?|lamps?|lights?|taps?|acs?)(?:水?龙头|灯|灯管|空调)?$"
)
_KW = frozenset({"kw", "千瓦"})
_W = frozenset({"w", "瓦", "watt", "watts"})
_HOURS = r"(?:小时|钟头|hours?|hrs?|h)"
_MINUTES = r"(?:分钟|分|minutes?|mins?|min|m)"


class CellError(ValueError):
    """A cell that cannot be read: a code, and the parameters of the sentence that explains it."""

    def __init__(self, code: str, **params: Any) -> None:
        self.code, self.params = code, params
        super().__init__(code)


def plain(value: object) -> str:
    """Reduce a text to what recognition compares: half-width, lower case, one kind of dash, no spaces."""
    text = unicodedata.normalize("NFKC", str(value)).casefold().translate(_DASHES)
    return "".join(ch for ch in text if not ch.isspace() and unicodedata.category(ch) not in ("Cc", "Cf"))


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key by which 2 comes before 10."""
    return tuple(
        (0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part)
        for part in re.split(r"([0-9]+)", plain(text))
        if part
    )


def is_blank(value: object) -> bool:
    """Say whether a cell holds nothing that a person could see."""
    return value is None or (isinstance(value, str) and not plain(value))


def text(value: object, *, maximum: int) -> str:
    """Read a name as the school wrote it, with spaces and full-width letters put right; a lone dash is no text."""
    _refuse_dates(value)
    if isinstance(value, bool):
        raise CellError("not_text", value=shown(value))
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    visible = (ch for ch in str(value) if ch.isspace() or unicodedata.category(ch) not in ("Cc", "Cf"))
    kept = " ".join("".join(visible).translate(_FOLD).split())
    if len(kept) > maximum:
        raise CellError("too_long", value=shown(kept), length=len(kept), max=maximum)
    return "" if plain(kept) in ("-", "--", "/") else kept


def place_number(value: object, *, maximum: int) -> str:
    """Read a room's or water point's number; spaces in it mean nothing."""
    number = text(value, maximum=maximum).replace(" ", "")
    if not any(ch.isalnum() for ch in number):
        raise CellError("number_unreadable", value=shown(value))
    return number


def count(value: object) -> int:
    """Read how many there are, as 2, 2台, 两台, ２ or 无."""
    _refuse_dates(value)
    number = _number(value)
    if number is None and isinstance(value, str):
        word = plain(value)
        number = Decimal(0) if word in _NOTHING else _number(_MEASURE.sub("", word))
    if number is None or number != number.to_integral_value():
        raise CellError("not_a_count", value=shown(value), allowed=f"0–{MAX_COUNT}")
    return int(_within(number, 0, MAX_COUNT, value))


def power_kw(value: object, *, unit: str | None = None) -> Decimal:
    """Read one unit's power in kW, to the watt, as 3.5, 3.5kW or 3500W.

    unit is the heading's: kw, w or None. Without any, the size of a bare number decides, and between 30 and 100 it does
    not, so that is refused.
    """
    _refuse_dates(value)
    number = _number(value)
    if number is None and isinstance(value, str):
        word = plain(value)
        if word in _NOTHING:
            return Decimal(0)
        found = re.fullmatch(r"(.*?)/?(千瓦|kw|瓦|w|watts?)(?:/台)?", word)
        if found:
            number, unit = _number(found[1]), found[2]
    if number is None:
        raise CellError("not_a_power", value=shown(value), allowed="3.5kW, 3500W")
    if unit is None and BARE_KW_UP_TO < number < BARE_W_FROM:
        raise CellError("unit_missing", value=shown(value), allowed="kW, W")
    if unit in _W or (unit is None and number >= BARE_W_FROM):
        number /= 1000
    return _within(number, 0, MAX_POWER_KW, value).quantize(Decimal("0.001"), ROUND_HALF_UP)


def floor(value: object) -> int:
    """Read a floor as people count it: 1 is the ground floor, -1 the first basement; there is no floor 0."""
    _refuse_dates(value)
    number = _number(value)
    if number is None and isinstance(value, str):
        word = plain(value)
        if word == "首层":
            return 1
        above = re.fullmatch(r"(?:第|floor|level|fl|f|l)?(.+?)(?:层|楼|/?f|(?:st|nd|rd|th)?floor)?", word)
        below = re.fullmatch(r"(?:负|地下|basement|b|-)(?:第)?(.+?)(?:层|楼|/?f|floor)?", word)
        if below and (depth := _number(below[1])) is not None and depth > 0:
            number = -depth
        elif above:
            number = _number(above[1])
    if number is None or number != number.to_integral_value() or number == 0:
        raise CellError("not_a_floor", value=shown(value), allowed="3, 三层, 3F, B1, 负一层")
    return int(_within(number, LOWEST_FLOOR, HIGHEST_FLOOR, value))


def minutes(value: object, *, unit: str | None = None) -> int:
    """Read a length of time in minutes, as 90, 90分钟, 1.5小时, 1小时30分 or 1:30.

    unit is the heading's: 小时 or 分钟 or None. A bare number under 5 without a unit could be hours, so it is refused.
    """
    if isinstance(value, timedelta):
        number: Decimal | None = Decimal(value.total_seconds()) / 60
    elif isinstance(value, time):
        number = Decimal(value.hour * 60 + value.minute)
    else:
        _refuse_dates(value)
        number = _number(value)
        if number is not None:
            if unit is None and number < SHORTEST_WINDOW:
                raise CellError("unit_missing", value=shown(value), allowed="分钟, 小时")
            number *= 60 if unit == "小时" else 1
        elif isinstance(value, str):
            number = _spoken_minutes(plain(value))
    if number is None or number != number.to_integral_value():
        raise CellError("not_minutes", value=shown(value), allowed="90, 90分钟, 1.5小时")
    return int(_within(number, SHORTEST_WINDOW, LONGEST_WINDOW, value))


def time_of_day(value: object) -> str:
    """Read a time of day as HH:MM, from a time cell, 23:30, 23：30, 23点30分, 晚上11点半 or 11:30 pm."""
    clock: tuple[int, int] | None = None
    if isinstance(value, datetime) and value.year <= 1900:
        value = value.time()  # how a time of day formatted as a date comes out of a spreadsheet
    if isinstance(value, time):
        clock = value.hour, value.minute
    elif isinstance(value, float) and 0 < value < 1:
        clock = divmod(round(value * 1440) % 1440, 60)
    elif isinstance(value, str):
        clock = _spoken_time(plain(value))
    if clock is None:
        raise CellError("not_a_time", value=shown(value), allowed="23:30, 23点30分, 晚上11点半")
    return f"{clock[0]:02}:{clock[1]:02}"


_DAY = "一二三四五六日"
_WEEK_WORDS = {
    "每天": range(1, 8),
    "每日": range(1, 8),
    "天天": range(1, 8),
    "daily": range(1, 8),
    "everyday": range(1, 8),
    "工作日": range(1, 6),
    "weekdays": range(1, 6),
    "周末": range(6, 8),
    "双休日": range(6, 8),
    "weekends": range(6, 8),
    "weekend": range(6, 8),
}
_ENGLISH_DAY = re.compile(r"(mon|tue|wed|thu|fri|sat|sun)(?:sday|nesday|rsday|urday|day|rs|s)?")


def weekdays(value: object) -> list[int]:
    """Read days of the week, 1 for Monday to 7 for Sunday in order, from 一三五, 周一至周五, 1,3,5, Mon-Fri or 每天."""
    _refuse_dates(value)
    word = plain(int(value) if isinstance(value, float) and value.is_integer() else value)
    if word in _WEEK_WORDS:
        return list(_WEEK_WORDS[word])
    english = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    word = _ENGLISH_DAY.sub(lambda day: str(english.index(day[1]) + 1), word)
    word = re.sub(r"每?(?:星期|礼拜|周)|每", "", word).replace("天", "日")
    word = "".join(str(_DAY.index(ch) + 1) if ch in _DAY else ch for ch in word)
    chosen: set[int] = set()
    ranged = re.search(r"[至到~-]", word)
    # 12-5 is more likely a date than Monday and Tuesday to Friday.
    valid = re.fullmatch(r"[1-7](?:[至到~-][1-7])?(?:[,、;/和及]?[1-7](?:[至到~-][1-7])?)*", word)
    if valid and not (ranged and re.search(r"\d\d", word)):
        for first, last in re.findall(r"([1-7])(?:[至到~-]([1-7]))?", word):
            length = (int(last or first) - int(first)) % 7
            days = {(int(first) - 1 + step) % 7 + 1 for step in range(length + 1)}
            if chosen & days:
                chosen.clear()
                break
            chosen |= days
    if not chosen:
        raise CellError("not_weekdays", value=shown(value), allowed="一三五, 周一至周五, 每天, 工作日")
    return sorted(chosen)


_YES = frozenset({"是", "有", "y", "yes", "true", "1", "√", "✓", "✔", "☑", "对", "t"})
_NO = frozenset({"否", "无", "没有", "不是", "n", "no", "false", "0", "×", "✗", "✘", "x", "f", "-", "没"})


def yes_no(value: object) -> bool:
    """Read yes or no, in the words and marks that stand for them."""
    word = plain(int(value) if isinstance(value, bool | float) and value in (0, 1) else value)
    if word not in _YES and word not in _NO:
        raise CellError("not_yes_no", value=shown(value), allowed="是, 否")
    return word in _YES


_QUESTION_WORDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("空调", "空调关闭", "ac", "airconditioning", "airconditioner"), ("ac",)),
    **dict.fromkeys(
        ("电灯", "照明", "灯光", "灯具", "关灯", "灯", "lights", "lighting", "light"), ("lights",)
    ),
    **dict.fromkeys(("门窗", "门窗关闭", "关窗", "doorsandwindows", "doors", "windows"), ("doors_windows",)),
    **dict.fromkeys(("漏水", "渗漏", "用水", "leaks", "leak", "water"), ("dripping", "running")),
    **dict.fromkeys(("滴水", "滴漏", "dripping"), ("dripping",)),
    **dict.fromkeys(("长流水", "常流水", "水龙头", "running"), ("running",)),
    **dict.fromkeys(("热水", "热水供应", "hotwater"), ("hot_water",)),
    **dict.fromkeys(("安全隐患", "隐患", "安全", "hazards", "hazard", "safety"), ("hazard",)),
}
_QUESTION = re.compile("|".join(sorted(map(re.escape, _QUESTION_WORDS), key=len, reverse=True)))


def questions(value: object) -> list[str]:
    """Read what a route checks as keys of questions, in the order written; 漏水 asks both dripping and running."""
    _refuse_dates(value)
    word = plain(value)
    keys = [key for found in _QUESTION.findall(word) for key in _QUESTION_WORDS[found]]
    rest = re.sub(r"[;,、。/+和及与检查:]+", "", _QUESTION.sub("", word))
    if not keys or rest:
        raise CellError(
            "not_questions",
            value=shown(value),
            part=rest or shown(value),
            allowed="空调, 电灯, 门窗, 漏水, 热水, 安全隐患",
        )
    return list(dict.fromkeys(keys))


def kind_of(place_type: str | None) -> str:
    """Say what a row of the room sheet is: a facility when its type is a plant room, else a room."""
    plant = re.search(r"设备用房|设备间|设备房|配电|变电|泵房|锅炉|plant|facility", plain(place_type or ""))
    return "facility" if plant else "room"


def is_bare_number(value: object) -> bool:
    """Say whether a cell is a number without a unit, above zero."""
    return (_number(value) or 0) > 0


def shown(value: object) -> str:
    """Return a cell's value as a report may quote it: one line, at most 60 characters."""
    if isinstance(value, datetime) and value.time() == time(0):
        value = value.date()  # a date cell comes as midnight of its day
    line = " ".join(str(value).split())
    return line if len(line) <= 60 else line[:59] + "…"


def _refuse_dates(value: object) -> None:
    if isinstance(value, date | datetime | time | timedelta):
        raise CellError("cell_is_date", value=shown(value))


def _within(number: Decimal, low: int, high: int, value: object) -> Decimal:
    if not low <= number <= high:
        raise CellError("out_of_range", value=shown(value), min=low, max=high, allowed=f"{low}–{high}")
    return number


def _number(value: object) -> Decimal | None:
    """Read a bare number, in digits or in Chinese, or return None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        number = Decimal(str(value))
        return number if number.is_finite() else None
    if not isinstance(value, str):
        return None
    word = plain(value)
    sign, digits = (-1, word[1:]) if word.startswith("-") else (1, word)
    if _ARABIC.fullmatch(digits):
        return sign * Decimal(digits.replace(",", ""))
    spoken = _chinese(word)
    return None if spoken is None else Decimal(spoken)


def _chinese(word: str) -> int | None:
    """Read a Chinese numeral from 零 to 九百九十九; 二百五 is either of two numbers and so none."""
    found = _CN_NUMBER.fullmatch(word)
    if not word or not found:
        return None
    hundreds, _, tens, ten, ones = found.groups()
    if ones in ("零", "〇") and (hundreds or ten):
        return None
    return (
        (_CN[hundreds] * 100 if hundreds else 0)
        + ((_CN[tens] if tens else 1) * 10 if ten else 0)
        + (_CN[ones] if ones else 0)
    )


def _spoken_minutes(word: str) -> Decimal | None:
    colon = re.fullmatch(r"(\d{1,2}):(\d{2})", word)
    if colon:
        return Decimal(int(colon[1]) * 60 + int(colon[2])) if int(colon[2]) < 60 else None
    if re.fullmatch(rf"半个?{_HOURS}", word):
        return Decimal(30)
    found = re.fullmatch(rf"(?:([^半]+?)(?:个(半)?)?{_HOURS}(半)?)?(?:([^半]+?){_MINUTES})?", word)
    if not word or not found:
        return None
    hours, half, half_after, rest = found.groups()
    parts = [_number(part) for part in (hours, rest) if part is not None]
    if None in parts or ((half or half_after) and rest):
        return None
    whole = (_number(hours) or Decimal(0)) if hours else Decimal(0)
    return (
        whole * 60
        + (30 if half or half_after else 0)
        + ((_number(rest) or Decimal(0)) if rest else Decimal(0))
    )


_PERIOD = r"(凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|晚间|夜间|夜里|深夜|半夜|午夜|晚|夜)"
_TIME = re.compile(
    rf"{_PERIOD}?([0-9]{{1,2}}|[零〇一二两三四五六七八九十]{{1,3}})"
    r"(?::([0-5][0-9])(?::[0-5][0-9])?|[点时](?:(整)|(半)|(一刻)|(三刻)|([0-9]{1,2}|[零〇一二三四五六七八九十]{1,4})分?)?)?(am|pm|a\.m\.|p\.m\.)?"
)
# For each period, the hours it can be said with and what they mean on a 24-hour clock.
_PERIOD_HOURS: dict[str, dict[int, int]] = {
    "dawn": {12: 0} | {hour: hour for hour in range(7)},
    "morning": {hour: hour for hour in range(4, 13)},
    "noon": {11: 11, 12: 12, 1: 13, 2: 14, 13: 13, 14: 14},
    "afternoon": {12: 12}
    | {hour: hour + 12 for hour in range(1, 8)}
    | {hour: hour for hour in range(13, 20)},
    "evening": {hour: hour + 12 for hour in range(5, 12)}
    | {hour: hour for hour in range(17, 24)}
    | {12: 0, 24: 0, 0: 0},
    "night": {hour: hour + 12 for hour in range(8, 12)}
    | {hour: hour for hour in (*range(20, 24), *range(6))}
    | {12: 0, 24: 0},
}
_PERIODS = {
    "凌晨": "dawn",
    **dict.fromkeys(("清晨", "早上", "早晨", "上午"), "morning"),
    "中午": "noon",
    "下午": "afternoon",
    **dict.fromkeys(("傍晚", "晚上", "晚间", "晚"), "evening"),
    **dict.fromkeys(("夜间", "夜里", "深夜", "半夜", "午夜", "夜"), "night"),
}


def _spoken_time(word: str) -> tuple[int, int] | None:
    military = re.fullmatch(r"([01][0-9]|2[0-3])([0-5][0-9])", word)
    if military:
        return int(military[1]), int(military[2])
    found = _TIME.fullmatch(word)
    if not found:
        return None
    period, hour_word, colon, _, half, quarter, three, spoken, meridiem = found.groups()
    hour = _number(hour_word)
    past = _number(re.sub("^[零〇](?=.)", "", spoken)) if spoken else Decimal(colon or 0)
    if (
        hour is None
        or past is None
        or past > 59
        or (":" not in word and not re.search("[点时]", word) and not meridiem)
    ):
        return None
    minute = 30 if half else 15 if quarter else 45 if three else int(past)
    if meridiem:
        if period or not 1 <= hour <= 12:
            return None
        return int(hour) % 12 + (12 if meridiem.startswith("p") else 0), minute
    if period:
        meant = _PERIOD_HOURS[_PERIODS[period]].get(int(hour))
        return None if meant is None else (meant, minute)
    if hour == 24 and minute == 0:
        return 0, 0
    return (int(hour), minute) if hour < 24 else None
