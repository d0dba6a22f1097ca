"""What a tag says: its code, its short number, the URL that carries the code, and the way back from what was read.

Nothing here tells anything about a place: code and short are chance plus one check character, so that a stranger's
photo of a door gives nothing away and a misread is noticed. Check characters follow ISO/IEC 7064, hybrid systems
MOD 37,36 (code) and MOD 11,10 (short).
"""

import re
import secrets
import unicodedata
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

# Crockford's base 32: no I, L, O, U, so nobody mixes letters up with digits and no words appear by chance.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 10
SHORT_LENGTH = 6

_DIGITS = "0123456789"
_CHECK_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CODE = re.compile(rf"[{ALPHABET}]{{{CODE_LENGTH}}}")
_SHORT = re.compile(rf"[0-9]{{{SHORT_LENGTH}}}")
_TAG_URL = re.compile(rf"https?://([^/?#\s@\\]{{1,260}})/([0-9a-z]{{{CODE_LENGTH}}})/?", re.IGNORECASE)
# RFC 1035; parse takes a port beside it.
_LONGEST_HOST = 253
# No payload of ours comes near this; a QR symbol may hold 4 kB of anything.
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class TagCode:
    """A tag's code, its check character right; host is the lower-case host of its URL, None for a bare code."""

    code: str
    host: str | None = None


@dataclass(frozen=True, slots=True)
class TagShort:
    """A tag's short number as six digits, its check digit right."""

    short: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """A text that is no tag of ours; ``misread`` has a tag's shape, but its check character is wrong."""

    what: Literal["url", "text", "misread"]


def new_code() -> str:
    """Make a code of nine random characters (45 bits) and their check character."""
    while True:
        body = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH - 1))
        check = _check_character(body, _CHECK_ALPHABET)
        # One in nine check characters is I, L, O or U, which the code's alphabet leaves out.
        if check in ALPHABET:
            return body + check


def new_short() -> str:
    """Make a short number of five random digits and their check digit; unique only where the caller sees to it."""
    body = "".join(secrets.choice(_DIGITS) for _ in range(SHORT_LENGTH - 1))
    return body + _check_character(body, _DIGITS)


def check_code(code: str) -> bool:
    """Tell whether this is a code, in upper case, whose check character is right."""
    return bool(_CODE.fullmatch(code)) and _check_character(code[:-1], _CHECK_ALPHABET) == code[-1]


def check_short(short: str) -> bool:
    """Tell whether these are six digits whose check digit is right."""
    return bool(_SHORT.fullmatch(short)) and _check_character(short[:-1], _DIGITS) == short[-1]


def spaced(short: str) -> str:
    """Write a short number as people read it: 123 456."""
    return f"{short[:3]} {short[3:]}"


def tag_url(base_url: str, code: str) -> str:
    """Return the URL that a tag's symbol carries, for a server's address such as https://patrol.example.cn.

    Upper case throughout (scheme and host do not mind), because the symbol's alphanumeric mode then holds it in
    fewer modules. Raises ValueError for an address that is not http or https, that has a path, or whose host name is
    longer than one may be.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(f"a tag's address must look like https://patrol.example.cn, not {base_url!r}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname.encode("idna").decode()
    if len(host) > _LONGEST_HOST:
        raise ValueError(f"a host name has at most {_LONGEST_HOST} characters, not {len(host)}")
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}/{code}".upper()


def parse(text: str) -> TagCode | TagShort | Foreign:
    """Recognise what a reader or a person gave: a tag's URL, a bare code, a short number, or nothing of ours.

    Upper or lower case, full-width characters, and spaces or hyphens inside a short number make no difference.
    """
    if len(text) > _LONGEST:
        return Foreign("url" if text.lstrip()[:4].lower() == "http" else "text")
    text = unicodedata.normalize("NFKC", text).strip()
    if url := _TAG_URL.fullmatch(text):
        code = url[2].upper()
        if check_code(code):
            return TagCode(code, url[1].lower())
        # Ten characters of our alphabet with a wrong check are a misread of one of ours far more often than a
        # foreign address.
        return Foreign("misread" if _CODE.fullmatch(code) else "url")
    if re.match(r"https?:", text, re.IGNORECASE):
        return Foreign("url")
    code = text.upper()
    if check_code(code):
        return TagCode(code)
    short = re.sub(r"[\s\-\u2010-\u2015\u2212]", "", text)
    if check_short(short):
        return TagShort(short)
    return Foreign("misread" if _CODE.fullmatch(code) or _SHORT.fullmatch(short) else "text")


def _check_character(body: str, alphabet: str) -> str:
    """Compute the check character of the hybrid system MOD M+1,M (ISO/IEC 7064), M being the size of the alphabet."""
    size = len(alphabet)
    product = size
    for character in body:
        total = (product + alphabet.index(character)) % size or size
        product = total * 2 % (size + 1)
    return alphabet[(1 - product) % size]
