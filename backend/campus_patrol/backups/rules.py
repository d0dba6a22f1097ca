"""Pure parts of backups: what a manifest says, how backups are named, and which may go."""

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

import msgspec

from campus_patrol.engines import BackupError

MANIFEST = "manifest.json"
DATABASES = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
FORMAT = 1
_NAME = re.compile(r"campus-patrol-\d{8}T\d{6}Z\Z")


@dataclass(frozen=True, slots=True)
class SchoolFacts:
    """How far a school's log had grown in a backup."""

    id: str
    name: str
    generation: str
    log_length: int
    log_hash: str


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file of a backup."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup contains; ``verified_at`` is set once it was restored into a scratch place and verified there."""

    format: int
    made_at: str
    version: str
    engine: str
    off_machine: bool
    schools: list[SchoolFacts]
    counts: dict[str, int]
    files: dict[str, FileFacts]
    missing_photos: list[str]
    verified_at: str | None = None

    def dump(self) -> bytes:
        """Write it as JSON that a person can read."""
        return msgspec.json.format(msgspec.json.encode(asdict(self)), indent=1)

    @classmethod
    def load(cls, content: bytes) -> "Manifest":
        """Read a manifest. Raises BackupError manifest_unreadable, also when a file's name would lead outside."""
        try:
            read = msgspec.json.decode(content, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BackupError("manifest_unreadable", what=str(error)) from None
        paths = [PurePosixPath(name) for name in read.files]
        outside = any(path.is_absolute() or ".." in path.parts for path in paths)
        if read.format != FORMAT or read.engine not in DATABASES or outside:
            raise BackupError("manifest_unreadable", what=f"format {read.format}")
        return read


def name_of(made_at: datetime) -> str:
    """Name a backup by its time, so that names sort by age."""
    return f"campus-patrol-{made_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def is_backup(name: str) -> bool:
    """Say whether a folder's name is that of a finished backup: only a verified one gets it."""
    return _NAME.match(name) is not None


def to_remove(names: list[str], *, keep: int) -> list[str]:
    """Return the backups that are older than the newest ``keep``."""
    return sorted((name for name in names if is_backup(name)), reverse=True)[keep:]
