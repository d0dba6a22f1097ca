"""What happens in a made-up school at night: pure, and the same for the same seed."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from PIL import Image, ImageDraw, ImageFilter

from campus_patrol.patrols.rules import QUESTIONS


@dataclass(frozen=True, slots=True)
class Someone:
    """A person of the demo; those with an account sign in to the desk, those with a phone patrol."""

    name: str
    role: str
    account: str | None = None
    phone: str | None = None


CAST = (
    Someone("林晓梅", "admin", account="admin"),
    Someone("吴志远", "supervisor", account="zongwu"),
    Someone("陈静", "inspector", account="xuncha"),
    Someone("李国强", "guard", phone="夜巡一号机"),
    Someone("赵大勇", "guard", phone="夜巡二号机"),
    Someone("周海峰", "guard", phone="夜巡三号机"),
    Someone("孙立民", "repairer", phone="水电组手机"),
    Someone("郑文博", "district"),
)

# What guards say when a door is locked and the thing inside stays on.
_LOCKED = ("门已锁，进不去，窗外可见", "门已锁，已告诉值班老师", "钥匙不在值班室，明早处理")
_DRIPS = (
    "东侧第2个龙头关不紧，一直滴",
    "水池下方接头渗水，已放桶",
    "龙头垫圈老化，滴水成线",
    "冲水阀漏水，地面已湿",
)


@dataclass(frozen=True, slots=True)
class Hazard:
    """A hazard with the ready phrase that a guard picks for it, and where such a thing can be."""

    note: str
    category: str
    grade: str
    types: tuple[str, ...]
    scene: str | None = None


HAZARDS = (
    Hazard("消防通道堆放杂物", "fire", "general", ("教室", "办公室", "寝室"), "boxes"),
    Hazard("药品柜未上锁", "lab_chemicals", "major", ("实验室",), "cabinet"),
    Hazard("插座松动，有发热痕迹", "electricity", "major", ("教室", "办公室"), "socket"),
    Hazard("灭火器压力不足", "fire", "general", ("教室", "办公室", "实验室")),
    Hazard("窗户玻璃开裂", "building", "general", ("教室", "寝室"), "window"),
    Hazard("寝室内使用大功率电器", "electricity", "major", ("寝室",), "socket"),
    Hazard("后厨地面湿滑，燃气阀已关", "food", "general", ("食堂",)),
    Hazard("走廊照明灯不亮", "electricity", "general", ("教室", "寝室", "实验室")),
)


@dataclass(frozen=True, slots=True)
class Spot:
    """A place as a guard knows it."""

    id: str
    kind: str
    type: str
    building: str
    floor: int
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """What a guard saw at a place: readings as a record carries them, and the scene of a photo if he took one."""

    readings: dict[str, Any]
    scene: str | None = None
    scene_of: str | None = None

    @property
    def is_normal(self) -> bool:
        """Whether one tap was enough."""
        return all(reading["value"] == QUESTIONS[key].normal for key, reading in self.readings.items())


@dataclass(slots=True)
class Campus:
    """The habits of a school: rooms whose people forget things, taps that drip for days, a hazard now and then."""

    rng: Random
    nights: int
    careless: dict[str, float] = field(default_factory=dict)
    drips: dict[str, tuple[range, str]] = field(default_factory=dict)
    cold: dict[str, range] = field(default_factory=dict)
    hazards: dict[tuple[int, str], Hazard] = field(default_factory=dict)
    photographed: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, rng: Random, spots: Sequence[Spot], nights: int) -> "Campus":
        """Draw a school's habits for so many nights."""
        campus = cls(rng, nights)
        for spot in spots:
            # Most rooms hardly ever forget; a few do often. That is what a supervisor looks for.
            campus.careless[spot.id] = 7.0 if rng.random() < 0.07 else rng.uniform(0.2, 1.0)
        taps = [spot.id for spot in spots if spot.kind == "tap"]
        for tap in rng.sample(taps, min(5, len(taps))):
            start = rng.randrange(nights)
            campus.drips[tap] = range(start, start + rng.randint(3, 8)), rng.choice(_DRIPS)
        warm = [spot.id for spot in spots if "hot_water" in spot.questions]
        for tap in rng.sample(warm, min(2, len(warm))):
            start = rng.randrange(nights)
            campus.cold[tap] = range(start, start + 4)
        for hazard in HAZARDS:
            fitting = [spot.id for spot in spots if spot.type in hazard.types]
            if fitting:
                campus.hazards[rng.randrange(nights), rng.choice(fitting)] = hazard
        return campus

    def look(self, spot: Spot, *, night: int, weekday: int) -> Look:
        """Say what a guard sees at a place on the night of this number; weekday counts from Monday = 1."""
        readings: dict[str, Any] = {key: {"value": QUESTIONS[key].normal} for key in spot.questions}
        scenes: list[tuple[str, str]] = []
        for key in ("ac", "lights", "doors_windows"):
            if key in readings and self.rng.random() < self._forgotten(key, spot, weekday):
                readings[key] = self._left(key)
        if spot.id in self.drips and night in self.drips[spot.id][0]:
            readings["dripping"] = {"value": "yes", "handled": False, "note": self.drips[spot.id][1]}
            scenes.append(("dripping", "tap"))
        elif "running" in readings and self.rng.random() < 0.006:
            readings["running"] = {"value": "yes", "handled": True}
        if spot.id in self.cold and night in self.cold[spot.id]:
            readings["hot_water"] = {"value": "fault", "handled": False, "note": "只出冷水"}
        if hazard := self.hazards.get((night, spot.id)):
            readings["hazard"] = {
                "value": "found",
                "handled": False,
                "note": hazard.note,
                "category": hazard.category,
                "grade": hazard.grade,
            }
            if hazard.scene:
                scenes.append(("hazard", hazard.scene))
        # Nobody takes the same picture night after night.
        scenes = [(key, scene) for key, scene in scenes if f"{key}{spot.id}" not in self.photographed]
        if not scenes:
            return Look(readings)
        key, scene = scenes[-1]
        self.photographed.add(f"{key}{spot.id}")
        return Look(readings, scene, key)

    def _forgotten(self, key: str, spot: Spot, weekday: int) -> float:
        # Everybody is tired by Friday; a dormitory is hot on every night.
        often = {"ac": 0.018, "lights": 0.018, "doors_windows": 0.006}[key]
        if key == "ac":
            often *= 1.4 if spot.type == "寝室" else 0.5 + weekday * 0.35
        return min(0.5, often * self.careless[spot.id])

    def _left(self, key: str) -> dict[str, Any]:
        reading: dict[str, Any] = {
            "value": QUESTIONS[key].values[1].value,
            "handled": self.rng.random() < 0.85,
        }
        if not reading["handled"]:
            reading["note"] = self.rng.choice(_LOCKED)
        return reading


# ---------------------------------------------------------------- photos

_SIZE = (640, 480)
_WALL, _FLOOR, _LIGHT = (22, 27, 38), (13, 16, 23), (255, 214, 140)


def photo(scene: str, *, rng: Random) -> bytes:
    """Draw a plainly synthetic picture of a scene in a dark corridor; returns a JPEG of a few kilobytes."""
    image = _corridor(rng)
    {
        "tap": _draw_tap,
        "boxes": _draw_boxes,
        "cabinet": _draw_cabinet,
        "socket": _draw_socket,
        "window": _draw_window,
    }[scene](image, rng)
    grain = Image.frombytes("L", _SIZE, rng.randbytes(_SIZE[0] * _SIZE[1])).convert("RGB")
    image = Image.blend(image.filter(ImageFilter.GaussianBlur(0.8)), grain, 0.03)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=72)
    return out.getvalue()


def _corridor(rng: Random) -> Image.Image:
    image = Image.new("RGB", _SIZE, _WALL)
    draw = ImageDraw.Draw(image)
    vanish = (rng.randint(280, 360), rng.randint(170, 200))
    draw.polygon(
        [(0, 480), (640, 480), (vanish[0] + 60, vanish[1] + 50), (vanish[0] - 60, vanish[1] + 50)], _FLOOR
    )
    draw.polygon(
        [(0, 0), (640, 0), (vanish[0] + 60, vanish[1] - 50), (vanish[0] - 60, vanish[1] - 50)], (17, 21, 30)
    )
    draw.rectangle((vanish[0] - 60, vanish[1] - 50, vanish[0] + 60, vanish[1] + 50), (9, 11, 16))
    for step in range(1, 5):
        x = vanish[0] - 60 - step * step * 14
        draw.line(
            (x, vanish[1] - 50 - step * step * 10, x, vanish[1] + 50 + step * step * 13), (32, 38, 52), 2
        )
    _glow(image, (rng.randint(200, 440), 330), 190, (70, 74, 84))
    return image


def _glow(image: Image.Image, centre: tuple[int, int], radius: int, colour: tuple[int, int, int]) -> None:
    """Light something up, as a torch or a lamp does."""
    mask = Image.new("L", _SIZE, 0)
    x, y = centre
    ImageDraw.Draw(mask).ellipse((x - radius, y - radius, x + radius, y + radius), fill=150)
    mask = mask.filter(ImageFilter.GaussianBlur(radius / 2.2))
    image.paste(Image.new("RGB", _SIZE, colour), (0, 0), mask)


def _draw_tap(image: Image.Image, rng: Random) -> None:
    draw = ImageDraw.Draw(image)
    x = rng.randint(250, 360)
    draw.rounded_rectangle((x - 150, 330, x + 170, 400), 18, (148, 154, 164))
    draw.rounded_rectangle((x - 130, 340, x + 150, 392), 14, (96, 102, 112))
    metal, shine = (176, 182, 192), (224, 228, 234)
    draw.rounded_rectangle((x - 12, 190, x + 12, 340), 8, metal)
    draw.arc((x - 12, 160, x + 88, 260), 180, 360, metal, 22)
    draw.rectangle((x + 66, 208, x + 88, 238), metal)
    draw.rounded_rectangle((x - 46, 178, x + 6, 194), 8, shine)
    draw.line((x - 5, 200, x - 5, 330), shine, 3)
    for y in range(252, 332, rng.randint(24, 30)):
        draw.ellipse((x + 72, y, x + 82, y + 15), (140, 190, 230))
    draw.ellipse((x + 40, 356, x + 116, 376), (128, 170, 205))


def _draw_boxes(image: Image.Image, rng: Random) -> None:
    draw = ImageDraw.Draw(image)
    for x, y, width, height in ((170, 270, 130, 120), (290, 300, 150, 100), (210, 185, 110, 90)):
        x += rng.randint(-15, 15)
        shade = rng.randint(-12, 12)
        face = (122 + shade, 92 + shade, 58 + shade)
        draw.rectangle((x, y, x + width, y + height), face)
        draw.polygon(
            [(x, y), (x + 18, y - 16), (x + width + 18, y - 16), (x + width, y)],
            tuple(min(255, part + 26) for part in face),
        )
        draw.line((x + width // 2, y, x + width // 2, y + height), (168, 140, 96), 7)
    draw.rounded_rectangle((470, 120, 560, 160), 4, (24, 110, 66))
    draw.polygon(
        [(486, 140), (502, 128), (502, 136), (544, 136), (544, 144), (502, 144), (502, 152)], (210, 240, 222)
    )


def _draw_cabinet(image: Image.Image, rng: Random) -> None:
    draw = ImageDraw.Draw(image)
    draw.rectangle((210, 110, 450, 410), (108, 116, 126))
    draw.rectangle((222, 122, 326, 398), (52, 60, 70))
    draw.polygon([(334, 122), (438, 122), (476, 142), (476, 418), (438, 398), (334, 398)], (132, 140, 150))
    for y in (200, 280, 360):
        draw.line((222, y, 326, y), (140, 148, 158), 4)
        for x in range(232, 316, 26):
            colour = rng.choice([(96, 60, 34), (44, 84, 110), (120, 120, 96), (70, 96, 70)])
            draw.rounded_rectangle((x, y - 46, x + 18, y - 2), 4, colour)
            draw.rectangle((x + 5, y - 54, x + 13, y - 46), (180, 184, 190))


def _draw_socket(image: Image.Image, rng: Random) -> None:
    _glow(image, (330, 260), 90, (150, 92, 40))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((250, 180, 410, 340), 14, (206, 204, 196))
    draw.rounded_rectangle((264, 194, 396, 326), 10, (188, 186, 178))
    for x, y, lean in ((300, 225, -6), (348, 225, 6), (324, 270, 0)):
        draw.line((x, y, x + lean, y + 26), (40, 40, 40), 9)
    for _ in range(40):
        x, y = round(rng.gauss(350, 22)), round(rng.gauss(238, 18))
        draw.ellipse((x - 4, y - 3, x + 4, y + 3), (110, 78, 44))


def _draw_window(image: Image.Image, rng: Random) -> None:
    _glow(image, (330, 230), 170, (176, 140, 84))
    draw = ImageDraw.Draw(image)
    draw.rectangle((220, 110, 440, 350), (58, 52, 44))
    for x in (232, 336):
        draw.rectangle((x, 122, x + 92, 338), _LIGHT)
        draw.line((x, 230, x + 92, 230), (58, 52, 44), 6)
    x, y = rng.randint(350, 390), rng.randint(160, 200)
    for _ in range(7):
        draw.line((x, y, x + rng.randint(-60, 60), y + rng.randint(-50, 70)), (120, 100, 64), 2)
