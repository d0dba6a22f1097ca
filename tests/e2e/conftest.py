"""A school as it really is set up: by the command line, served by the real program, seen through a real browser."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from tests.e2e.camera import FakeCamera, labels
from tests.e2e.site import CHROMIUM, FLAGS, PASSWORD, Office, SetUp, Site, open_site, set_up_school
from tests.program import ROOT


def pytest_addoption(parser: pytest.Parser) -> None:
    """How often what is repeated in every run is repeated in a long one."""
    parser.addoption("--worker-updates", type=int, default=10, help="new versions of the service worker")
    parser.addoption("--storm-seed", type=int, default=None, help="play a storm on the road again")


PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
DESK = {"viewport": {"width": 1440, "height": 900}}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser."""
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def pages() -> None:
    """The built pages, which a clean clone gets from pip install."""
    if not (ROOT / "backend/campus_patrol/pwa/index.html").exists():
        pytest.fail(
            "the pages are not built: run npm --prefix frontend ci && npm --prefix frontend run build"
        )
    if CHROMIUM is None:
        pytest.fail("there is no Chromium on this machine")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """One driver for all tests."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def set_up(tmp_path_factory: pytest.TempPathFactory, pages: None) -> SetUp:
    """The school of campus.xlsx with an administrator, a guard and a printed sheet: typed once, as a school does it."""
    return set_up_school(tmp_path_factory.mktemp("set-up"))


@pytest.fixture
def site(set_up: SetUp, tmp_path: Path) -> Iterator[Site]:
    """That school, being served."""
    with open_site(set_up, tmp_path / "data") as served:
        yield served


@pytest.fixture
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A browser without a camera, for the desk."""
    with contextlib.closing(playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)) as browser:
        yield browser


@dataclass
class DeskUser:
    """The administrator at the desk."""

    page: Page

    def get(self, path: str) -> Any:
        """Ask the API as the signed-in administrator."""
        answer = self.page.context.request.get(f"{self.page.url.split('/desk')[0]}/api/v1/{path}")
        assert answer.ok, answer.text()
        return answer.json()


@pytest.fixture
def desk(browser: Browser, site: Site) -> DeskUser:
    """The desk page, signed in by typing."""
    page = browser.new_context(**DESK, locale="zh-CN").new_page()
    watch(page, site.origin)
    page.goto(f"{site.origin}/desk")
    page.get_by_label("账号").fill("admin")
    page.get_by_label("密码", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.get_by_role("navigation").first.wait_for()
    return DeskUser(page)


def watch(page: Page, origin: str) -> None:
    """Fail when a page asks another host, breaks its own content policy or throws."""
    page.on(
        "request",
        lambda request: (
            foreign.append(request.url) if not request.url.startswith((origin, "data:", "blob:")) else None
        ),
    )
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on(
        "console",
        lambda message: (
            broken.append(message.text)
            if "Content Security Policy" in message.text or "Trusted" in message.text
            else None
        ),
    )


foreign: list[str] = []
broken: list[str] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """When a test fails, keep what its pages showed, under its name."""
    report = yield
    if report.when == "call" and report.failed:
        for name in ("desk", "phone"):
            user = getattr(item, "funcargs", {}).get(name)
            with contextlib.suppress(Exception):
                user.page.screenshot(path=ROOT / ".screenshots" / f"{item.name}-{name}.png")
    return report


@pytest.fixture(autouse=True)
def nothing_leaves_this_machine() -> Iterator[None]:
    """No request to another host, no broken policy, no uncaught error, in any test."""
    foreign.clear()
    broken.clear()
    yield
    assert foreign == []
    assert broken == []


@dataclass
class PhoneUser:
    """A guard with a phone: one browser profile with its camera."""

    context: BrowserContext
    page: Page
    camera: FakeCamera
    site: Site

    def enrol(self, code: str) -> None:
        """Open the code's address and register."""
        self.page.goto(f"{self.site.origin}/#enrol={code}")
        self.page.get_by_role("button", name="登记", exact=True).click()
        scan = self.page.get_by_role("button", name="扫码", exact=True)
        self.page.get_by_role("heading", name="谁在值班").or_(scan).first.wait_for()

    def unlock(self, page: Page | None = None) -> None:
        """Pick the guard's name and type the PIN, unless the page knows already who holds the phone."""
        page = page or self.page
        name, scan = (
            page.get_by_role("listitem").get_by_role("button", name=self.site.guard),
            page.get_by_role("button", name="扫码", exact=True).or_(page.get_by_role("dialog")),
        )
        name.or_(scan).first.wait_for()
        if not name.is_visible():
            return
        name.click()
        for digit in self.site.guard_pin:
            page.get_by_role("button", name=digit, exact=True).click()
        scan.first.wait_for()

    def settle(self) -> None:
        """Wait until the page can be opened without a network."""
        self.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        self.page.evaluate(
            """async () => {
                const kept = async () => (await caches.keys()).some((name) => name.startsWith('guard-'))
                while (!(await kept())) await new Promise(done => setTimeout(done, 50))
            }"""
        )

    def scan(self, label: Any) -> None:
        """Hold a label in front of the camera and wait for its checklist."""
        self.camera.show(label)
        self.page.get_by_role("button", name="扫码", exact=True).click()
        self.page.get_by_role("dialog").wait_for(timeout=20_000)

    def type_number(self, short: str) -> None:
        """Type the number under a label, from the home screen or the camera, and wait for its checklist."""
        typing = self.page.get_by_role("button", name="输入号码")
        if not typing.or_(self.page.locator(".typed")).is_visible():
            self.page.get_by_role("button", name="扫码", exact=True).click()
        if not self.page.locator(".typed").is_visible():
            typing.click()
        keys = self.page.locator(".typed .keys")
        keys.evaluate(
            """(keys, short) => {
                const all = [...keys.querySelectorAll('button')]
                for (const digit of short) all.find((key) => key.textContent === digit).click()
            }""",
            short,
        )
        self.page.get_by_role("dialog").wait_for()

    def save(self) -> None:
        """Save the open checklist and wait until it has gone."""
        self.page.locator("button.save").click()
        self.page.get_by_role("dialog").wait_for(state="detached")

    def home(self) -> None:
        """Leave the camera."""
        self.page.get_by_role("button", name="关闭").last.click()
        self.page.get_by_role("button", name="扫码", exact=True).wait_for()

    def lines(self) -> list[dict[str, Any]]:
        """What the phone wrote, out of its own database."""
        return [json.loads(row["line"]) for row in self.read("outbox")]

    def read(self, store: str) -> list[dict[str, Any]]:
        """All rows of one store of the phone's database; bytes as their number."""
        return self.page.evaluate(
            """(store) => new Promise((done, failed) => {
                const open = indexedDB.open('campus-patrol')
                open.onerror = () => failed(open.error)
                open.onsuccess = () => {
                    const all = open.result.transaction(store).objectStore(store).getAll()
                    const plain = (_, value) => (value instanceof ArrayBuffer ? value.byteLength : value)
                    all.onsuccess = () => { open.result.close(); done(JSON.parse(JSON.stringify(all.result, plain))) }
                }
            })""",
            store,
        )

    def stream(self) -> str:
        """The stream that the phone writes on."""
        return next(row["stream"] for row in self.read("meta") if isinstance(row, dict) and "head" in row)


@pytest.fixture
def new_phone(playwright: Playwright, site: Site, tmp_path: Path) -> Iterator[Callable[[], PhoneUser]]:
    """Make phones, each with a profile and a camera of its own."""
    with contextlib.ExitStack() as stack:

        def make(
            profile: Path | None = None,
            *,
            lens: Literal["shows", "refused", "none"] = "shows",
            **options: Any,
        ) -> PhoneUser:
            number = len(list(tmp_path.glob("camera*")))
            camera = FakeCamera(tmp_path / f"camera{number}.y4m")
            camera.show(None)
            context = playwright.chromium.launch_persistent_context(
                str(profile or tmp_path / f"profile{number}"),
                executable_path=CHROMIUM,
                args=[
                    *FLAGS,
                    # Without these flags the browser finds what this machine has: no camera at all.
                    *(
                        []
                        if lens == "none"
                        else [
                            f"--use-fake-ui-for-media-stream{'=deny' if lens == 'refused' else ''}",
                            "--use-fake-device-for-media-stream",
                            f"--use-file-for-fake-video-capture={camera.file}",
                        ]
                    ),
                ],
                **{
                    **PHONE,
                    "locale": "zh-CN",
                    "timezone_id": "Asia/Shanghai",
                    "permissions": ["camera"] if lens == "shows" else [],
                    **options,
                },
            )
            stack.callback(context.close)
            context.on("page", lambda page: watch(page, site.origin))
            page = context.new_page()
            return PhoneUser(context, page, camera, site)

        yield make


@pytest.fixture
def phone(new_phone: Callable[[], PhoneUser], desk: DeskUser) -> PhoneUser:
    """A phone that was enrolled from the desk and is unlocked."""
    user = new_phone()
    user.enrol(enrolment_code(desk))
    user.unlock()
    user.settle()
    return user


@pytest.fixture
def office(site: Site) -> Office:
    """The administrator without a browser."""
    return Office(site)


@pytest.fixture
def shorts(office: Office) -> list[str]:
    """The numbers printed under the labels."""
    return [tag["short"] for tag in office.ask("GET", "tags?page_size=200")["items"]]


@pytest.fixture
def guard(new_phone: Callable[[], PhoneUser], office: Office) -> PhoneUser:
    """A phone that the office enrolled and its guard unlocked."""
    user = new_phone()
    user.enrol(office.enrolment_code())
    user.unlock()
    user.settle()
    return user


def enrolment_code(desk: DeskUser) -> str:
    """Make a code at the desk as the administrator does."""
    page = desk.page
    page.goto(f"{page.url.split('/desk')[0]}/desk/phones")
    page.get_by_role("button", name="登记手机").first.click()
    with page.expect_response(lambda r: r.url.endswith("/enrolments") and r.request.method == "POST") as made:
        page.get_by_role("dialog").get_by_role("button", name="生成二维码").click()
    return made.value.json()["code"]


@pytest.fixture
def printed(site: Site, tmp_path: Path, desk: DeskUser) -> dict[str, Any]:
    """The labels of 明德楼 cut out of the printed sheet, by the room's number."""
    folder = tmp_path / "pages"
    folder.mkdir()
    by_code = labels(site.sheet, folder)
    tags = desk.get("tags?page_size=200")["items"]
    site.codes = {tag["place"]["number"]: tag["code"] for tag in tags}
    return {number: by_code[code] for number, code in site.codes.items() if code in by_code}
