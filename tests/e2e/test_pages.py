"""Every screen: usable by everybody (axe), installable, opened offline on any address."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import DESK, PHONE, DeskUser, PhoneUser, Site, watch
from tests.program import ROOT, free_port, serving

AXE = ROOT / "frontend/node_modules/axe-core/axe.min.js"


@dataclass
class Demo:
    """The demo as a visitor starts it."""

    origin: str
    said: str
    sign_ins: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, pages: None) -> Iterator[Demo]:
    """Fourteen nights of a whole school, made and served by the one command."""
    folder, port = tmp_path_factory.mktemp("demo"), free_port()
    output = folder / "said"
    with serving("demo", "--data", folder / "data", "--no-phones", port=port, output=output, seconds=120):
        card = json.loads((folder / "data/demo.json").read_text())
        yield Demo(
            f"http://localhost:{port}", output.read_text(), {row["role"]: row for row in card["sign_ins"]}
        )


def violations(page: Page) -> list[str]:
    """What axe finds wrong with the page as it is now."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        "() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']})"
    )
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def sign_in(browser: Browser, demo: Demo, role: str = "admin", **options: object) -> Page:
    """Open the desk as somebody of this role."""
    page = browser.new_context(**{**DESK, **options}).new_page()
    watch(page, demo.origin)
    page.goto(f"{demo.origin}/desk")
    person = demo.sign_ins[role]
    page.locator("input[autocomplete=username]").fill(person["account"])
    page.locator("input[type=password]").fill(person["password"])
    page.locator("form button[type=submit], form button.primary").first.click()
    page.locator("table, [role=status], main h1").first.wait_for()
    page.get_by_role("navigation").first.wait_for()
    return page


DESK_PAGES = (
    "/desk",
    "/desk/ledger",
    "/desk/rounds",
    "/desk/campus",
    "/desk/campus/import",
    "/desk/tags",
    "/desk/people",
    "/desk/phones",
    "/desk/aside",
)


def test_the_demo_says_that_it_is_one_and_shows_fourteen_nights(browser: Browser, demo: Demo) -> None:
    assert "demo" in demo.said.lower() or "演示" in demo.said
    page = sign_in(browser, demo, locale="zh-CN")
    nights = page.context.request.get(f"{demo.origin}/api/v1/nights?limit=30").json()["items"]
    assert len(nights) == 14
    assert all(night["checkpoints"] > 0 for night in nights)
    page.locator("tbody tr").first.wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_every_desk_screen_is_usable_by_everybody(
    browser: Browser, demo: Demo, locale: str, scheme: str
) -> None:
    page = sign_in(browser, demo, locale=locale, color_scheme=scheme)
    wrong = {}
    for path in DESK_PAGES:
        page.goto(demo.origin + path)
        page.locator("main h1, h1").first.wait_for()
        page.wait_for_load_state("networkidle") if path != "/desk" else page.locator(
            "tbody tr"
        ).first.wait_for()
        assert page.locator("html").get_attribute("lang") == locale
        if found := violations(page):
            wrong[path] = found
    assert wrong == {}


def test_the_sign_in_screen_is_usable_by_everybody(browser: Browser, demo: Demo) -> None:
    for locale in ("zh-CN", "en"):
        page = browser.new_context(**DESK, locale=locale).new_page()
        watch(page, demo.origin)
        page.goto(f"{demo.origin}/desk")
        page.locator("input[type=password]").wait_for()
        assert violations(page) == []


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_every_phone_screen_is_usable_by_everybody(
    site: Site, desk: DeskUser, new_phone: Callable[..., PhoneUser], printed: dict, locale: str
) -> None:
    from tests.e2e.conftest import enrolment_code

    phone = new_phone(locale=locale)
    page, wrong = phone.page, {}

    def look(screen: str) -> None:
        # Colours that are still on their way have no contrast to speak of.
        page.wait_for_timeout(300)
        if found := violations(page):
            wrong[screen] = found

    page.goto(site.origin)
    page.locator("h1").first.wait_for()
    look("enrol")
    page.goto(f"{site.origin}/#enrol={enrolment_code(desk)}")
    page.locator("form button[type=submit]").click()
    page.get_by_role("listitem").get_by_role("button", name=site.guard).wait_for()
    look("who")
    page.get_by_role("listitem").get_by_role("button", name=site.guard).click()
    page.get_by_role("button", name="1", exact=True).wait_for()
    look("pin")
    for digit in site.guard_pin:
        page.get_by_role("button", name=digit, exact=True).click()
    scan = page.locator("button.scan")
    scan.wait_for()
    look("home")
    phone.camera.show(None)
    scan.click()
    page.locator("video").wait_for()
    look("camera")
    page.go_back()
    phone.camera.show(printed["A102"])
    scan.click()
    page.get_by_role("dialog").wait_for()
    look("checklist")
    for tile in page.locator(".tile").all():
        tile.click()
    look("checklist, everything marked")
    page.locator("button.save").click()
    page.get_by_role("dialog").wait_for(state="detached")
    page.go_back()
    scan.wait_for()
    look("saved")
    page.locator(".acts button").first.click()
    page.locator("h1").first.wait_for()
    look("waiting")
    assert wrong == {}


def test_the_phone_page_can_be_installed(site: Site, phone: PhoneUser) -> None:
    session = phone.context.new_cdp_session(phone.page)
    assert session.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []


@pytest.mark.parametrize("address", ["/", "/{code}", "/#anything", "/?utm=x"])
def test_without_a_server_the_phone_page_opens_on_any_of_its_addresses(
    site: Site, desk: DeskUser, phone: PhoneUser, printed: dict, address: str
) -> None:
    site.stop()
    phone.page.goto("about:blank")
    phone.page.goto(site.origin + address.format(code=site.codes["A101"]))
    phone.unlock()
    expect(phone.page.locator("h1").first).to_be_attached()


def test_the_desk_shows_a_record_within_five_seconds_of_its_sync_without_a_reload(
    site: Site, desk: DeskUser, phone: PhoneUser, printed: dict
) -> None:
    desk.page.goto(f"{site.origin}/desk")
    desk.page.get_by_role("heading", level=1).wait_for()
    desk.page.evaluate("window.sameDocument = true")
    phone.scan(printed["A101"])
    phone.page.get_by_role("button", name="全部正常").click()
    expect(phone.page.get_by_role("dialog")).to_have_count(0)
    expect(desk.page.get_by_text("A101").first).to_be_visible(timeout=5000 + 2000)
    assert desk.page.evaluate("window.sameDocument") is True


@pytest.mark.parametrize("options", [PHONE, {"viewport": {"width": 320, "height": 640}}, DESK])
def test_no_screen_of_the_desk_scrolls_sideways(browser: Browser, demo: Demo, options: dict) -> None:
    page = sign_in(browser, demo, locale="zh-CN", **options)
    for path in DESK_PAGES:
        page.goto(demo.origin + path)
        page.locator("h1").first.wait_for()
        page.wait_for_timeout(300)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path
