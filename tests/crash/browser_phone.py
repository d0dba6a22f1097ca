"""The guard page in a browser that dies again and again, and what is in its database each time it comes back."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crash.browser_process import Chromium
from tests.e2e.site import Office, Site
from tests.phone import GENESIS, chain_hash

_SCRIPT = (Path(__file__).parent / "browser_guard.js").read_text()
RESTING = _SCRIPT.replace("walk = WALK", "walk = null")
# Of this origin, and none of the app's code runs on it: the database is looked at as the kill left it.
QUIET = "/manifest.webmanifest"


class Gone(Exception):
    """The browser has no database of this origin any more."""


@dataclass
class Memory:
    """What a phone's database held when it was last looked at; each look goes on where the last one ended."""

    stream: str = ""
    ids: dict[str, bytes] = field(default_factory=dict)  # id -> line
    photos: set[str] = field(default_factory=set)
    known: int = 0
    head: str = GENESIS
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def look(self, kept: dict[str, Any]) -> None:
        """Check the rows that came since: the chain by our own arithmetic, and each photo byte by byte."""
        chain = kept["chain"]
        self.stream = self.stream or chain["stream"]
        if chain["stream"] != self.stream:
            self.wrong.append(f"the phone began another stream after {self.known}")
            return
        for row in kept["rows"]:
            line = row["line"].encode()
            made = chain_hash(self.stream, row["n"], self.head, line)
            if (row["n"], row["previous"], row["hash"]) != (self.known + 1, self.head, made):
                self.wrong.append(f"the chain breaks at {row['n']}, after {self.known}")
            self.known, self.head = row["n"], row["hash"]
            record = json.loads(line)
            if record["id"] != row["id"] or row["id"] in self.ids:
                self.doubled.append(row["id"])
            self.ids[row["id"]] = line
            for photo in record["photos"]:
                content = base64.b64decode(kept["photos"][photo["sha256"]])
                self.photos.add(photo["sha256"])
                if (len(content), hashlib.sha256(content).hexdigest()) != (photo["size"], photo["sha256"]):
                    self.wrong.append(f"half a record: {row['id']} without its photo's bytes")
        if (chain["next"], chain["head"]) != (self.known + 1, self.head):
            self.wrong.append(f"the chain says next {chain['next']}, the rows end at {self.known}")


def walking_script(site: Site, numbers: list[str], photos: float) -> str:
    """What makes a guard page walk by itself; a share of the records carries a photo."""
    walk = {"guard": site.guard, "pin": site.guard_pin, "numbers": numbers, "photos": photos}
    return _SCRIPT.replace("walk = WALK", f"walk = {json.dumps(walk)}")


@dataclass
class GuardPhone:
    """One profile with the guard page of one school."""

    site: Site
    profile: Path
    numbers: list[str]
    # Code that is put before the page's own, to plant a fault in it.
    plant: str = ""
    # The share of records that carry a photo.
    photos: float = 0.3

    def start(self, *, walking: bool = True) -> Chromium:
        """Start the browser; its page, once opened, walks a round by itself."""
        script = walking_script(self.site, self.numbers, self.photos) if walking else RESTING
        return Chromium(self.profile, self.plant + script, "told")

    def enrol(self, office: Office) -> None:
        """Register the phone as its guard would, and wait until its page opens without a network."""
        browser = self.start(walking=False)
        try:
            browser.open(f"{self.site.origin}/#enrol={office.enrolment_code()}")
            button = "[...document.querySelectorAll('button')].find(one => one.textContent.trim() === '登记')"
            browser.wait(f"!!({button})", "the button that registers")
            browser.evaluate(f"{button}.click()")
            browser.wait("document.body.innerText.includes('谁在值班')", "the list of names")
            browser.evaluate("navigator.serviceWorker.ready.then(() => true)")
            browser.wait(
                "caches.keys().then(keys => keys.some(key => key.startsWith('guard-')))", "the worker's files"
            )
        finally:
            browser.kill()

    def kept(self, browser: Chromium, known: int) -> dict[str, Any]:
        """Read what the database holds after a number, on a page where nothing else touches it; raises Gone."""
        browser.open(self.site.origin + QUIET)
        kept = browser.evaluate(f"kept({known})")
        if kept is None:
            raise Gone
        return kept


def short_numbers(office: Office) -> list[str]:
    """The short numbers on the tags of the school."""
    tags = office.ask("GET", "tags?page_size=200")["items"]
    return [tag["short"] for tag in tags]
