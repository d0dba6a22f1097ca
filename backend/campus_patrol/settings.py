"""Everything the server can be told from outside, read once."""

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

PREFIX = "CAMPUS_PATROL_"


class SettingsError(ValueError):
    """A setting's text cannot be used; the message names the setting and says what it takes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one server, each with the sentence that documents it."""

    data: Path = field(metadata={"help": "The data folder: database, photos and keys live here."})
    database_url: str = field(
        default="", metadata={"help": "An SQLAlchemy address; empty means an SQLite file in the data folder."}
    )
    public_url: str = field(
        default="",
        metadata={
            "help": "The address printed on tags, as https://patrol.example.cn; empty: as each request came in."
        },
    )
    proxy_hops: int = field(
        default=0,
        metadata={"help": "How many reverse proxies stand in front and set X-Forwarded-*; 0 trusts none."},
    )
    body_limit: int = field(
        default=512 * 1024, metadata={"help": "Largest request body in bytes, photos aside."}
    )
    photo_limit: int = field(default=4 * 1024 * 1024, metadata={"help": "Largest photo in bytes."})
    session_days: int = field(
        default=7, metadata={"help": "Days until a member of staff must sign in again."}
    )

    def __post_init__(self) -> None:
        if self.public_url:
            parts = urlsplit(self.public_url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
                raise SettingsError("public_url must look like https://patrol.example.cn, with no path")
            # It is printed on every tag: a phone that opens plain http has no camera and cannot work offline.
            if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
                raise SettingsError("public_url must begin with https://, or phones would have no camera")
        for name, least in (
            ("proxy_hops", 0),
            ("body_limit", 4096),
            ("photo_limit", 4096),
            ("session_days", 1),
        ):
            if getattr(self, name) < least:
                raise SettingsError(f"{name} must be {least} or more")

    @classmethod
    def load(cls, *, data: Path | str | None = None, **overrides: object) -> "Settings":
        """Read the environment once (CAMPUS_PATROL_<NAME>, or …_FILE for a secret) and apply overrides.

        Raises SettingsError for text that cannot be used.
        """
        values: dict[str, object] = {}
        for f in fields(cls):
            text = _from_environment(f.name)
            if text is None:
                continue
            if f.type in (int, "int"):
                try:
                    values[f.name] = int(text)
                except ValueError:
                    raise SettingsError(
                        f"{PREFIX}{f.name.upper()} must be a whole number, not {text!r}"
                    ) from None
            else:
                values[f.name] = text
        values.update({k: v for k, v in overrides.items() if v is not None})
        folder = data or values.get("data") or "campus-patrol-data"
        values["data"] = Path(str(folder)).expanduser().resolve()
        return cls(**values)  # type: ignore[arg-type]

    @property
    def database(self) -> str:
        """The SQLAlchemy address to connect to; a bare postgresql:// is given the installed driver."""
        if not self.database_url:
            return f"sqlite:///{self.data / 'campus-patrol.sqlite3'}"
        for bare in ("postgres://", "postgresql://"):
            if self.database_url.startswith(bare):
                return "postgresql+psycopg://" + self.database_url[len(bare) :]
        return self.database_url

    @property
    def photos(self) -> Path:
        """The folder of the content-addressed photos."""
        return self.data / "photos"

    @property
    def keys(self) -> Path:
        """The folder of the keys made at first start."""
        return self.data / "keys"


def _from_environment(name: str) -> str | None:
    variable = PREFIX + name.upper()
    if file := os.environ.get(variable + "_FILE"):
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(f"{variable}_FILE cannot be read: {error.strerror}") from None
    return os.environ.get(variable)
