"""Put the same pictures through our scan engine and other browser readers, in one page of a real browser."""

import argparse
import statistics
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, UnidentifiedImageError
from playwright.sync_api import Page, Route, sync_playwright
from rich.console import Console
from rich.progress import track

from qr_codes.payload import TagCode, parse
from tests.e2e.site import CHROMIUM, FLAGS
from tests.scan import night

ORIGIN = "http://localhost"
OURS, DEFAULT = "ours", "zxing-wasm"
OTHERS = ("jsQR", "qr-scanner")
# How many camera frames a reader had when it is asked whether it has read.
AFTER = (1, 2, 4)


@dataclass
class Tally:
    """What one engine read of some pictures."""

    pictures: int = 0
    read: dict[int, int] = field(default_factory=lambda: dict.fromkeys(AFTER, 0))
    wrong: int = 0
    times: list[float] = field(default_factory=list)

    def count(self, results: list[dict], expected: str | None, accepted: Callable[[str], bool]) -> None:
        """Add what the frames of one burst gave; ``expected`` is None where there is nothing to be read."""
        self.pictures += 1
        self.times += [result["ms"] for result in results]
        first = next((n for n, result in enumerate(results, 1) if expected in result["texts"]), None)
        for after in AFTER:
            self.read[after] += first is not None and first <= after
        self.wrong += any(
            text != expected and accepted(text) for result in results for text in result["texts"] if text
        )

    def share(self, after: int) -> float:
        """Per cent of the pictures that were read within so many frames."""
        return 100 * self.read[after] / max(1, self.pictures)

    @property
    def ms(self) -> float:
        """Mean milliseconds a frame."""
        return statistics.fmean(self.times) if self.times else 0.0


@contextmanager
def page_with_engines() -> Iterator[tuple[Page, dict[str, bytes]]]:
    """Open a page that has the engines; yields it with a shelf of what it may fetch, by path."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        subprocess.run(["node", str(Path(__file__).parent / "build.mjs"), folder], check=True)
        shelf = {f"/{file.name}": file.read_bytes() for file in Path(folder).iterdir()}
        shelf["/"] = b'<!doctype html><script type="module" src="/engines.js"></script>'
        types = {".js": "text/javascript", ".wasm": "application/wasm", "": "text/html"}

        def serve(route: Route) -> None:
            path = route.request.url.removeprefix(ORIGIN)
            if path in shelf:
                kind = types.get(Path(path).suffix, "application/octet-stream")
                route.fulfill(body=shelf[path], content_type=kind)
            else:
                route.fulfill(status=404)

        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.route("**/*", serve)
        page.goto(f"{ORIGIN}/")
        page.wait_for_function("'prepare' in window")
        page.evaluate("prepare()")
        yield page, shelf
        browser.close()


def make(plan: tuple[str, float, int]) -> night.Burst:
    """Make one burst; a function of its own so that processes can share the work."""
    fault, level, seed = plan
    return night.burst(fault, level, seed)


def compare_bursts(
    page: Page, shelf: dict[str, bytes], bursts: Iterable[night.Burst], engines: list[str]
) -> dict[str, dict[str, Tally]]:
    """Return for each fault, and for "all", what every engine read."""
    tallies: dict[str, dict[str, Tally]] = defaultdict(lambda: defaultdict(Tally))
    for burst in bursts:
        shelf["/burst"] = b"".join(frame.tobytes() for frame in burst.frames)
        results = page.evaluate(
            "([width, height, engines]) => burst('/burst', width, height, engines)",
            [night.WIDTH, night.HEIGHT, engines],
        )
        for engine, frames in results.items():
            for name in (burst.fault, "all"):
                tallies[name][engine].count(frames, burst.text, lambda text: isinstance(parse(text), TagCode))
    return tallies


def photographs(folder: Path) -> list[tuple[Path, str | None]]:
    """Find photographs and the text beside each; None for those in a folder of pictures without a code."""
    found: list[tuple[Path, str | None]] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in (".webp", ".png", ".jpg", ".jpeg"):
            continue
        text = path.with_suffix(".txt")
        if path.parent.name.startswith("falsepositives"):
            found.append((path, None))
        elif text.exists():
            # As bytes: line ends are part of the text.
            found.append((path, text.read_bytes().decode(errors="replace")))
    return found


def compare_photographs(
    page: Page, shelf: dict[str, bytes], pictures: Iterable[tuple[Path, str | None]], engines: list[str]
) -> tuple[dict[str, Tally], dict[str, Tally]]:
    """Return what every engine read of photographs with a code, and of those without."""
    real: dict[str, Tally] = defaultdict(Tally)
    empty: dict[str, Tally] = defaultdict(Tally)
    for path, text in pictures:
        try:
            image = Image.open(path).convert("RGBA")
        except UnidentifiedImageError:
            raise SystemExit(f"{path} is not a picture") from None
        shelf["/photo"] = image.tobytes()
        results = page.evaluate(
            "([width, height, frames, engines]) => photo('/photo', width, height, frames, engines)",
            [image.width, image.height, max(AFTER), engines],
        )
        for engine, frames in results.items():
            (empty if text is None else real)[engine].count(frames, text, lambda _: True)
    return real, empty


def table(tallies: dict[str, Tally]) -> list[str]:
    """Write engines as lines: per cent read after 1, 2 and 4 frames, milliseconds a frame, wrong texts."""
    head = f"{'':20}" + "".join(f"{after:>5} fr." for after in AFTER) + f"{'ms':>9}{'wrong':>7}"
    lines = [head]
    for engine, tally in tallies.items():
        rates = "".join(f"{tally.share(after):9.1f}" for after in AFTER)
        lines.append(f"{engine:20}{rates}{tally.ms:9.1f}{tally.wrong:7}")
    return lines


def main() -> int:
    """Print the comparison; see tests/bench/scan."""
    parser = argparse.ArgumentParser(prog="tests/bench/scan", description=__doc__)
    parser.add_argument("--bursts", type=int, default=200, help="bursts of night frames, over all faults")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--photos", type=Path, help="folder of photographs with their texts in .txt beside them"
    )
    parser.add_argument("--quick", action="store_true", help="leave out jsQR and qr-scanner, which take long")
    parser.add_argument("--jobs", type=int, default=2, help="processes that make frames")
    options = parser.parse_args()
    err = Console(stderr=True)
    engines = [OURS, DEFAULT, *(() if options.quick else OTHERS)]
    plans = night.bursts(options.bursts, options.seed)
    with page_with_engines() as (page, shelf), ProcessPoolExecutor(options.jobs) as processes:
        made = track(processes.map(make, plans), "night frames", len(plans), console=err, transient=True)
        tallies = compare_bursts(page, shelf, made, engines)
        print(f"{len(plans)} bursts of {night.FRAMES} night frames, seed {options.seed}: per cent read")
        print("\n".join(table(tallies["all"])))
        print("\nafter 4 frames, by fault")
        print(f"{'':20}" + "".join(f"{engine:>12}" for engine in engines))
        for fault in night.FAULTS:
            rates = "".join(f"{tallies[fault][engine].share(4):12.1f}" for engine in engines)
            print(f"{fault:20}{rates}")
        ours, default = tallies["all"][OURS], tallies["all"][DEFAULT]
        print(
            f"\nours over {DEFAULT}: {ours.share(4) - default.share(4):+.1f} points on the burst, "
            f"{ours.share(4) - default.share(1):+.1f} over its first frame, "
            f"{ours.ms / default.ms:.2f} of its time a frame"
        )
        if options.photos:
            found = photographs(options.photos)
            if not found:
                raise SystemExit(f"no photographs in {options.photos}")
            real, empty = compare_photographs(
                page, shelf, track(found, "photographs", console=err, transient=True), engines
            )
            print(f"\n{real[OURS].pictures} photographs with a code, each held still: per cent read")
            print("\n".join(table(real)))
            print(f"\n{empty[OURS].pictures} photographs without one: texts read where there is none")
            print("\n".join(f"{engine:20}{tally.wrong:9}" for engine, tally in empty.items()))
    return 0
