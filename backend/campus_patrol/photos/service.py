"""Receive photos, make them harmless, show them."""

import hashlib
import io
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageOps
from sqlalchemy import select, update

from campus_patrol import clock
from campus_patrol.database import current_school_id, db, found, upsert
from campus_patrol.photos.models import Photo, RecordPhoto
from campus_patrol.photos.schemas import FATES
from campus_patrol.problems import Problem

# A phone's canvas sends 2 MP; 24 is what a camera app's own file may have. Above that nobody means a photo.
MAX_PIXELS = 24_000_000
THUMB_EDGE = 320
_FORMATS = ("JPEG", "PNG", "WEBP")


def receive(*, sha256: str, content: bytes, folder: Path) -> tuple[Photo, bool]:
    """Store a photo under the hash of the bytes the phone sent; return it and whether it is new.

    What is kept is a fresh JPEG of the pixels: no GPS, no serial number, nothing hidden behind the image. Raises
    photo_hash_differs, photo_not_image, photo_too_many_pixels.
    """
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Problem("photo_hash_differs")
    known = db.session.get(Photo, (current_school_id(), sha256))
    if known is not None and path(folder, sha256, "full").exists() and path(folder, sha256, "thumb").exists():
        _note_stored(sha256)
        return known, False
    # Nothing is written yet: let the write lock go while the picture is worked on, so that other phones get in.
    db.session.rollback()
    image = _decode(content)
    small = image.copy()
    small.thumbnail((THUMB_EDGE, THUMB_EDGE))
    # Files first, row last: a crash between leaves a file nobody names, never a row without its file.
    _write(path(folder, sha256, "full"), _encode(image, 85))
    _write(path(folder, sha256, "thumb"), _encode(small, 75))
    values = {
        "school_id": current_school_id(),
        "sha256": sha256,
        "size": len(content),
        "width": image.width,
        "height": image.height,
        "received_at": clock.now(),
    }
    # The same photo may be coming twice at once; both have written the same bytes, and one row is enough.
    db.session.execute(upsert(Photo).values(values).on_conflict_do_nothing())
    _note_stored(sha256)
    return db.session.get_one(Photo, (current_school_id(), sha256)), known is None


def _note_stored(sha256: str) -> None:
    """Stop asking for a photo.

    On PostgreSQL a record may name it in the same moment, and neither sees the other: then it is asked for once more,
    and the second time finds it here.
    """
    db.session.execute(
        update(RecordPhoto)
        .where(RecordPhoto.sha256 == sha256, RecordPhoto.stored.is_(False))
        .values(stored=True)
    )


def show(*, sha256: str, size: str, folder: Path) -> bytes:
    """Return the JPEG of a photo of the caller's school; ``size`` is full or thumb."""
    found(db.session.scalars(select(Photo).where(Photo.sha256 == sha256)).one_or_none())
    try:
        return path(folder, sha256, size).read_bytes()
    except FileNotFoundError:
        raise Problem("not_found") from None


def path(folder: Path, sha256: str, size: str, *, school: str | None = None) -> Path:
    """Return where a photo of this school lies; the name is made of a checked hash, never of a caller's words."""
    return folder / (school or current_school_id()) / sha256[:2] / f"{sha256}.{size}.jpg"


def stored(hashes: Iterable[str]) -> set[str]:
    """Return which of these photos are here."""
    wanted = set(hashes)
    if not wanted:
        return set()
    return set(db.session.scalars(select(Photo.sha256).where(Photo.sha256.in_(wanted))))


def move(*, records: Sequence[str], stream: str) -> bool:
    """Ask for the photos of records in the stream that their phone goes on with; return whether any is not here yet.

    Also those that are here: a restored backup may have forgotten them, and nobody sends in the old stream any more.
    """
    moved = db.session.execute(
        update(RecordPhoto)
        .where(RecordPhoto.record_id.in_(records))
        .values(stream=stream)
        .returning(RecordPhoto.stored)
    )
    return not all(moved.scalars().all())


def give_up(*, record_id: str, fates: Mapping[str, str]) -> None:
    """Note why photos of a record will not come, by their hashes; should they come after all, that counts."""
    for sha256, fate in fates.items():
        db.session.execute(
            update(RecordPhoto)
            .where(RecordPhoto.record_id == record_id, RecordPhoto.sha256 == sha256)
            .values(missing=fate if fate in FATES else "lost")
        )


def missing(records: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return why photos will not come, by record and hash; nothing for those that are here or may still come."""
    rows = select(RecordPhoto.record_id, RecordPhoto.sha256, RecordPhoto.missing).where(
        RecordPhoto.record_id.in_(set(records)),
        RecordPhoto.stored.is_(False),
        RecordPhoto.missing.is_not(None),
    )
    return {(record, sha256): fate for record, sha256, fate in db.session.execute(rows)}


def _decode(content: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=_FORMATS)
            if image.width * image.height > MAX_PIXELS:
                raise Problem("photo_too_many_pixels")
            image.load()
            return ImageOps.exif_transpose(image).convert("RGB")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Problem("photo_too_many_pixels") from None
    except (OSError, SyntaxError, ValueError, EOFError):
        raise Problem("photo_not_image") from None


def _encode(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        # On a full disk every try would leave another piece, and take the room that is left.
        draft.unlink(missing_ok=True)
        raise
    draft.replace(target)
    # Without this the name itself may be gone after a power cut, although the bytes are there.
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
