"""The built pages of the PWA, served from the package itself."""

import gzip
import hashlib
import mimetypes
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response, request

from campus_patrol.problems import Problem
from campus_patrol.security import PUBLIC, permit
from qr_codes.payload import check_code

FOLDER = Path(__file__).parent / "pwa"
_TYPES = {".webmanifest": "application/manifest+json", ".wasm": "application/wasm", ".js": "text/javascript"}
_SQUEEZE = {".html", ".js", ".css", ".svg", ".webmanifest", ".json", ".wasm"}

blp = Blueprint("pages", __name__)


@lru_cache(maxsize=512)
def _load(path: Path, _changed: float) -> tuple[bytes, bytes | None, str, str]:
    raw = path.read_bytes()
    squeezed = gzip.compress(raw, 9) if path.suffix in _SQUEEZE else None
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return raw, squeezed, kind, hashlib.sha256(raw).hexdigest()[:32]


def _answer(name: str, *, forever: bool = False) -> Response:
    try:
        path = (FOLDER / name).resolve()
        there = path.is_relative_to(FOLDER.resolve()) and path.is_file()
    except (OSError, ValueError):
        there = False  # a name too long for any file system, or with a NUL in it
    if not there:
        raise Problem("not_found")
    raw, squeezed, kind, digest = _load(path, path.stat().st_mtime)
    packed = squeezed is not None and "gzip" in request.headers.get("Accept-Encoding", "")
    response = Response(squeezed if packed else raw, mimetype=kind)
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    if squeezed is not None:
        response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if forever else "no-cache"
    response.set_etag(digest)
    return response.make_conditional(request)


@blp.get("/")
@permit(PUBLIC)
def guard() -> Response:
    """The guard page."""
    return _answer("index.html")


@blp.get("/desk")
@blp.get("/desk/")
@blp.get("/desk/<path:_view>")
@permit(PUBLIC)
def desk(_view: str = "") -> Response:
    """The desk page, on any of its addresses."""
    return _answer("desk.html")


@blp.get("/assets/<path:name>")
@permit(PUBLIC)
def asset(name: str) -> Response:
    """A built file whose name carries its hash."""
    return _answer(f"assets/{name}", forever=True)


@blp.get("/<path:name>")
@permit(PUBLIC)
def file(name: str) -> Response:
    """Icons, manifest, service worker; a tag's URL opens the guard page, which reads the code from its own address."""
    if check_code(name.upper()):
        return _answer("index.html")
    return _answer(name)
