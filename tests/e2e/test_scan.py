"""Every way into a checkpoint, what is said when one is shut, and how soon a tag is read on a slow phone."""

import io
import itertools
import statistics
from collections.abc import Callable
from typing import Any

import pytest
from numpy.random import default_rng
from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import expect

from qr_codes.symbol import png
from tests.e2e.camera import held
from tests.e2e.conftest import DeskUser, PhoneUser, Site, enrolment_code
from tests.e2e.waiting import wait_until

pytestmark = pytest.mark.e2e

# Chrome's own NFC interface, which no desktop has: the sticker is held to it by `window.sticker(text)`.
NFC = """
window.NDEFReader = class extends EventTarget {
    async scan() {
        window.sticker = (text) => {
            const data = new DataView(new TextEncoder().encode(text).buffer)
            const message = { records: [{ recordType: 'url', data }] }
            this.dispatchEvent(Object.assign(new Event('reading'), { message }))
        }
    }
}
"""

# A phone whose every core is four times as slow. The protocol's throttle reaches the page's thread only; the worker's
# answers are held back for three times as long as they took, and say that they took four times as long.
SLOW = """
const seen = (window.seen = { sharp: 0, waits: [] })
window.Worker = class extends Worker {
    constructor(...given) {
        super(...given)
        let sent = 0
        const post = this.postMessage.bind(this)
        this.postMessage = (...message) => { sent = performance.now(); post(...message) }
        this.addEventListener('message', (event) => {
            if (event.late) return
            event.stopImmediatePropagation()
            const took = performance.now() - sent
            setTimeout(() => {
                const late = new MessageEvent('message', { data: { ...event.data, ms: event.data.ms * 4 } })
                late.late = true
                if (event.data.texts?.length && seen.sharp) {
                    seen.waits.push(performance.now() - seen.sharp)
                    seen.sharp = 0
                }
                this.dispatchEvent(late)
            }, took * 3)
        })
    }
}
// The tag is white in the middle of a grey wall: the first frame that is bright there is the first sharp one.
const canvas = document.createElement('canvas')
canvas.width = canvas.height = 8
const pen = canvas.getContext('2d', { willReadFrequently: true })
let bright = false
const watch = (video) => {
    const step = () => {
        const side = video.videoHeight / 2
        pen.drawImage(video, (video.videoWidth - side) / 2, side / 2, side, side, 0, 0, 8, 8)
        const pixels = pen.getImageData(0, 0, 8, 8).data
        const mean = pixels.reduce((sum, value, i) => sum + (i % 4 === 0 ? value : 0), 0) / 64
        if (mean > 100 && !bright) seen.sharp = performance.now()
        if (mean <= 100) seen.sharp = 0
        bright = mean > 100
        video.requestVideoFrameCallback(step)
    }
    video.requestVideoFrameCallback(step)
}
const play = HTMLMediaElement.prototype.play
HTMLMediaElement.prototype.play = function () {
    if (!this.watched) watch(this)
    this.watched = true
    return play.call(this)
}
// All is normal, in every room, as soon as anybody asks.
setInterval(() => document.querySelector('button.save')?.click(), 50)
"""


def saved(phone: PhoneUser) -> dict[str, Any]:
    """Tap once, and return the record as the phone wrote it."""
    phone.page.get_by_role("button", name="全部正常").click()
    phone.page.get_by_role("dialog").wait_for(state="detached")
    return next(line for line in reversed(phone.lines()) if line["kind"] == "checkpoint")


def open_camera(phone: PhoneUser) -> None:
    """Press the large button."""
    phone.page.get_by_role("button", name="扫码", exact=True).click()


def as_file(picture: Image.Image) -> dict[str, Any]:
    """A picture as it comes out of the phone's gallery."""
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=80)
    return {"name": "IMG_0007.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def test_a_photo_of_the_tag_is_a_way_in(phone: PhoneUser, printed: dict) -> None:
    open_camera(phone)
    tilted = held(printed["A102"], (1600, 1200)).rotate(24, fillcolor=70)
    phone.page.locator(".actions input[type=file]").set_input_files(as_file(tilted))
    phone.page.get_by_role("dialog").wait_for()
    record = saved(phone)
    assert (record["data"]["method"], record["tag"]) == ("photo", phone.site.codes["A102"])


def test_a_photo_without_a_tag_says_how_to_take_a_better_one(phone: PhoneUser) -> None:
    open_camera(phone)
    phone.page.locator(".actions input[type=file]").set_input_files(as_file(Image.new("L", (800, 600), 90)))
    expect(phone.page.locator(".scan .sentence")).to_contain_text("照片里没有找到标签")


def test_a_room_whose_tag_is_gone_is_found_by_some_digits_of_its_number(
    phone: PhoneUser, desk: DeskUser, printed: dict
) -> None:
    open_camera(phone)
    phone.page.get_by_role("button", name="输入号码").click()
    for digit in "101":
        phone.page.locator(".typed .keys").get_by_role("button", name=digit, exact=True).click()
    phone.page.locator(".typed .found button", has_text="A101").first.click()
    expect(phone.page.get_by_role("dialog")).to_contain_text("没有扫到标签")
    record = saved(phone)
    place = next(tag["place"]["id"] for tag in desk.get("tags?search=A101")["items"])
    assert (record["data"]["method"], record["tag"], record["data"]["place"]) == ("list", None, place)


def test_an_nfc_sticker_is_a_way_in_where_the_browser_has_it(phone: PhoneUser, printed: dict) -> None:
    phone.page.add_init_script(NFC)
    phone.page.reload()
    phone.unlock()
    open_camera(phone)
    phone.page.get_by_role("button", name="NFC").click()
    wait_until(lambda: phone.page.evaluate("'sticker' in window"), "the page listens for stickers")
    phone.page.evaluate("text => sticker(text)", f"{phone.site.origin}/{phone.site.codes['A101']}".upper())
    phone.page.get_by_role("dialog").wait_for()
    record = saved(phone)
    assert (record["data"]["method"], record["tag"]) == ("nfc", phone.site.codes["A101"])


def test_the_desk_writes_a_tags_address_to_an_nfc_sticker(desk: DeskUser, site: Site) -> None:
    page = desk.page
    page.add_init_script(
        "window.NDEFReader = class { async write(message) { window.sticker = message.records[0] } }"
    )
    page.goto(f"{site.origin}/desk/tags?search=A101")
    page.get_by_role("button", name="打印 七年级1班").click()
    page.get_by_role("button", name="写到 NFC 贴").click()
    expect(page.get_by_role("dialog")).to_contain_text("写好了")
    tag = desk.get("tags?search=A101")["items"][0]
    assert page.evaluate("sticker") == {"recordType": "url", "data": f"{site.origin}/{tag['code']}".upper()}


def test_without_nfc_there_is_no_button_for_it_and_without_a_torch_none_either(phone: PhoneUser) -> None:
    open_camera(phone)
    expect(phone.page.locator(".scan")).to_have_attribute("data-camera", "live")
    expect(phone.page.get_by_role("button", name="输入号码")).to_be_visible()
    expect(phone.page.get_by_role("button", name="NFC")).to_have_count(0)
    expect(phone.page.get_by_role("button", name="手电")).to_have_count(0)


@pytest.mark.parametrize(
    ("lens", "words", "remedy"),
    [
        ("refused", "浏览器没有得到相机权限", "选“权限”，打开“相机”"),
        ("none", "没有找到相机", "可以输入标签上的六位数字"),
    ],
)
def test_a_camera_that_does_not_open_is_explained_and_the_number_leads_on(
    desk: DeskUser, new_phone: Callable[..., PhoneUser], shorts: list[str], lens: str, words: str, remedy: str
) -> None:
    phone = new_phone(lens=lens)
    phone.enrol(enrolment_code(desk))
    phone.unlock()
    open_camera(phone)
    alert = phone.page.get_by_role("alert")
    expect(alert).to_contain_text(words)
    expect(alert).to_contain_text(remedy)
    phone.type_number(shorts[0])
    assert saved(phone)["data"]["method"] == "typed"


def test_a_foreign_code_is_refused_in_words_and_never_opened(phone: PhoneUser, site: Site) -> None:
    poster = Image.open(io.BytesIO(png("https://poster.example/win", scale=8))).convert("L")
    phone.camera.show(poster)
    open_camera(phone)
    expect(phone.page.locator(".scan .sentence")).to_contain_text("这不是巡查标签", timeout=20_000)
    assert phone.page.url.startswith(site.origin)
    assert [line for line in phone.lines() if line["kind"] == "checkpoint"] == []


def test_a_torn_and_dirty_tag_is_read_all_the_same(phone: PhoneUser, printed: dict) -> None:
    label = printed["A101"].convert("L")
    draw = ImageDraw.Draw(label)
    rng = default_rng(4)
    for _ in range(14):
        x, y = rng.uniform(0.2, 0.8, 2) * label.width
        size = rng.uniform(0.006, 0.018) * label.width
        draw.ellipse((x - size, y - size, x + size, y + size), fill=120)
    draw.line((0, label.height * 0.62, label.width, label.height * 0.7), fill=235, width=label.width // 110)
    phone.camera.show(label.filter(ImageFilter.GaussianBlur(1.2)))
    open_camera(phone)
    phone.page.get_by_role("dialog").wait_for(timeout=20_000)
    assert saved(phone)["tag"] == phone.site.codes["A101"]


def test_a_tag_is_read_soon_after_its_first_sharp_frame_on_a_phone_four_times_as_slow(
    phone: PhoneUser, printed: dict
) -> None:
    rate, size = 30, (1280, 720)
    rng = default_rng(1)
    walk = []
    # Two doors by turns, so that neither is the tag that was just taken; never the same pause before a door.
    for _ in range(4):
        for number in ("A101", "A102"):
            walk += [held(None, size)] * int(rng.integers(35, 48)) + [held(printed[number], size)] * 40
    phone.camera.play(walk, rate)
    page = phone.page
    page.add_init_script(SLOW)
    page.reload()
    phone.unlock()
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
    open_camera(phone)
    wait_until(lambda: page.evaluate("seen.waits.length") >= 12, "twelve tags were read", seconds=120)
    waits = page.evaluate("seen.waits")
    median = statistics.median(waits)
    print(
        f"first sharp frame to decoded, four times as slow: median {median:.0f} ms, longest {max(waits):.0f} ms"
    )
    records = [line for line in phone.lines() if line["kind"] == "checkpoint"]
    assert {line["tag"] for line in records} == {phone.site.codes["A101"], phone.site.codes["A102"]}
    # The button is pressed twenty times a second: each room is saved once all the same.
    for before, after in itertools.pairwise(records):
        assert before["tag"] != after["tag"], "one look at a door was saved twice"
    # 120 ms is the aim, and met where nothing else runs; this bound only tells that reading waits for nothing else.
    assert median < 500
