"""What a phone knows after its storage was emptied, and what it keeps of photos after a month."""

import io

from PIL import Image

from tests.e2e.conftest import PhoneUser
from tests.e2e.site import Office
from tests.e2e.test_journey import tile
from tests.e2e.test_storage_lost import report_after_the_loss, save_without_signal
from tests.e2e.waiting import all_sent, wait_until


def test_a_phone_whose_whole_storage_is_gone_still_knows_by_its_cookie_what_it_had(
    office: Office, guard: PhoneUser, shorts: list[str]
) -> None:
    stream, first, last = save_without_signal(guard, shorts, 3)
    guard.page.close()
    guard.page = guard.context.new_page()
    guard.context.new_cdp_session(guard.page).send(
        "Storage.clearDataForOrigin",
        {
            "origin": guard.site.origin,
            "storageTypes": "indexeddb,local_storage,cache_storage,service_workers",
        },
    )
    report_after_the_loss(guard, office, stream, first, last, shorts)


def test_a_photo_is_a_thumbnail_on_the_phone_a_month_after_the_server_has_it(
    office: Office, guard: PhoneUser, shorts: list[str]
) -> None:
    page = guard.page
    guard.type_number(shorts[0])
    tile(page, "滴漏|(安全)?隐患").last.click()
    picture = io.BytesIO()
    Image.effect_noise((1200, 900), 40).convert("RGB").save(picture, "JPEG")
    page.get_by_role("dialog").locator("input[type=file]").set_input_files(
        {"name": "IMG_0003.jpg", "mimeType": "image/jpeg", "buffer": picture.getvalue()}
    )
    page.get_by_role("button", name="删除第 1 张照片").wait_for()
    guard.save()
    guard.home()
    (photo,) = wait_until(
        lambda: all_sent(guard) and [row for row in guard.read("photos") if row["state"] == "stored"],
        "the photo on the server",
    )
    assert photo["bytes"] == photo["size"]
    page.add_init_script("const now = Date.now; Date.now = () => now() + 31 * 86_400_000")
    page.reload()
    guard.unlock()
    (old,) = wait_until(
        lambda: [row for row in guard.read("photos") if row["state"] == "dropped"], "a photo that made room"
    )
    assert old["bytes"] is None
    assert 0 < old["thumb"] < photo["size"] / 4
