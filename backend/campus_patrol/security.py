"""Who is asking, and may they: sessions, device tokens, permissions, throttling, headers.

Closed by default: a view without ``permit`` keeps the server from starting.
"""

import hashlib
import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import Flask, Response, current_app, g, request
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.engine import Connection

from campus_patrol import clock
from campus_patrol.database import any_school, db, glance, reading, upsert, use_school
from campus_patrol.people.models import Bucket, Device, Person, SignIn
from campus_patrol.problems import Problem

# OWASP's floor for argon2id; the library's default takes six times the time and three times the memory of a small box.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Checked when there is nothing to check, so that an unknown account takes as long as a known one.
_DECOY = _HASHER.hash("decoy")

COOKIE = "__Host-campus_patrol"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_READ = {"night.read", "findings.read", "places.read"}
_SUPERVISE = _READ | {
    "people.read",
    "devices.write",
    "places.write",
    "tags.read",
    "tags.write",
    "doubts.write",
    "history.read",
}
PERMISSIONS: dict[str, frozenset[str]] = {
    "guard": frozenset(),
    "repairer": frozenset(),
    "inspector": frozenset(_READ),
    "supervisor": frozenset(_SUPERVISE),
    "admin": frozenset(_SUPERVISE | {"people.write"}),
    "district": frozenset(),
    "device": frozenset({"device.sync", "device.pack", "device.pin"}),
}
PUBLIC = "public"

CSP = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; media-src 'self' blob:; style-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "object-src 'none'; frame-ancestors 'none'; form-action 'self'; "
    # Our own policy names the worker and the service worker; the other is the UI library's, for its fixed templates.
    "require-trusted-types-for 'script'; trusted-types campus-patrol svelte-trusted-html"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
    "X-Frame-Options": "DENY",
}


def hash_secret(secret: str) -> str:
    """Hash a password or PIN with argon2id (19 MiB, two passes)."""
    return _HASHER.hash(secret)


def secret_matches(hashed: str | None, secret: str) -> bool:
    """Tell whether a secret is the hashed one, taking the same time when there is none to compare with."""
    try:
        _HASHER.verify(hashed or _DECOY, secret)
    except (VerificationError, InvalidHashError):
        return False
    return hashed is not None


def new_token() -> str:
    """Make a bearer token of 256 bits."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Hash a token for the database: a full-entropy secret needs no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Caller:
    """The phone a request comes from, as plain values that outlast the transaction they were read in."""

    id: str
    school_id: str
    public_key: str | None


def permit(
    permission: str, *, largest: str = "body_limit", again: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a view run only for callers with this permission; ``largest`` names the setting that bounds its body.

    ``public`` is for anybody; names that start with ``device.`` are for enrolled phones, by bearer token, cookies
    ignored; all others are for signed-in staff, by cookie, from our own pages only. With ``again`` false the view
    itself asks once more, in the transaction that acts.
    """
    granted = frozenset().union(*PERMISSIONS.values())
    if permission != PUBLIC and permission not in granted:
        raise ValueError(f"no role has the permission {permission!r}")

    of_device = permission.startswith("device.")

    def look() -> None:
        """Find out who it is before their body is read; no transaction is open afterwards."""
        if of_device:
            with glance() as connection:
                _authenticate_device(connection)
            return
        with reading():
            authenticate()
        db.session.rollback()

    def authenticate() -> None:
        if of_device:
            with any_school():
                _authenticate_device(db.session.connection())
        elif permission != PUBLIC and permission not in PERMISSIONS[_authenticate_staff().role]:
            raise Problem("forbidden")

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if request.method not in _SAFE:
                request.max_content_length = getattr(current_app.extensions["settings"], largest)
                # Strangers are sent away before their body is read. Then the whole body, with no transaction open:
                # a slow upload that held the write lock would stop every other phone. Then who it is once more,
                # inside the transaction that acts, so that a phone revoked meanwhile writes nothing.
                look()
                request.get_data(cache=True)
            if again or request.method in _SAFE:
                authenticate()
            return view(*args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded

    return decorate


def require_permissions(app: Flask) -> None:
    """Refuse to start when a route does not say who may call it.

    Raises RuntimeError that names the routes.
    """
    open_routes = [
        f"{rule.rule} ({rule.endpoint})"
        for rule in app.url_map.iter_rules()
        if not getattr(app.view_functions[rule.endpoint], "permission", None)
    ]
    if open_routes:
        raise RuntimeError("these routes do not say who may call them: " + ", ".join(open_routes))


def refuse_cross_site() -> None:
    """Refuse an unsafe cookie-borne request that did not come from our own pages (OWASP CSRF sheet, fetch metadata)."""
    if request.method in _SAFE:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise Problem("cross_site")
        return
    origin = request.headers.get("Origin")
    if origin is None or urlsplit(origin).netloc != request.host:
        raise Problem("cross_site")


def _authenticate_staff() -> Person:
    refuse_cross_site()
    token = request.cookies.get(COOKIE)
    if not token:
        raise Problem("signed_out")
    with any_school():
        row = db.session.execute(
            select(Person, SignIn)
            .join(SignIn, SignIn.person_id == Person.id)
            .where(SignIn.token_hash == token_hash(token))
        ).one_or_none()
        if row is None or not row.Person.active or row.SignIn.expires_at <= clock.now():
            raise Problem("signed_out")
        use_school(row.Person.school_id)
    g.person, g.sign_in = row
    return row.Person


# Said once, and of the table rather than the model: it is asked with every request of every phone.
_BY_TOKEN = select(Device.id, Device.school_id, Device.public_key, Device.revoked_at).where(
    Device.token_hash == bindparam("hash")
)


def _authenticate_device(connection: Connection) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem("device_unknown", headers={"WWW-Authenticate": "Bearer"})
    device = connection.execute(_BY_TOKEN, {"hash": token_hash(token)}).one_or_none()
    if device is None:
        raise Problem("device_unknown", headers={"WWW-Authenticate": "Bearer"})
    if device.revoked_at is not None:
        raise Problem("device_revoked", headers={"WWW-Authenticate": "Bearer"})
    use_school(device.school_id)
    g.device = Caller(device.id, device.school_id, device.public_key)


def current_person() -> Person:
    """Return the member of staff this request was permitted for."""
    return g.person


def current_device() -> Caller:
    """Return the phone this request was permitted for."""
    return g.device


def acting_person_id() -> str | None:
    """Return whose deed it is that goes into the history; None for the command line and for phones."""
    return g.person.id if g and "person" in g else None


def sign_in(person: Person, *, days: int) -> str:
    """Open a session for a person and return the cookie's token."""
    token = new_token()
    now = clock.now()
    db.session.add(
        SignIn(
            school_id=person.school_id,
            person_id=person.id,
            token_hash=token_hash(token),
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
    )
    return token


def set_cookie(response: Response, token: str, *, days: int) -> None:
    """Hand the session to the browser; ``__Host-`` makes browsers refuse it from anything but this very host."""
    response.set_cookie(
        COOKIE, token, max_age=days * 86400, secure=True, httponly=True, samesite="Strict", path="/"
    )


def drop_cookie(response: Response) -> None:
    """Take the session from the browser."""
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="Strict", path="/")


def throttle(key: str, *, burst: int, every: float) -> None:
    """Take one try out of a bucket that holds ``burst`` and regains one each ``every`` seconds.

    Runs in a transaction of its own, before the request's first query, so that the try counts although a refused
    request rolls back. Raises too_many_tries with Retry-After when the bucket is empty.
    """
    # On SQLite a second writer would wait for this request's own transaction for ever; nothing is in it yet but reads.
    db.session.rollback()
    now = time.time()
    # The write that changes nothing makes the row and locks it, so that two tries at once are still two.
    locked = (
        upsert(Bucket)
        .values(key=key, tokens=burst, at=now)
        .on_conflict_do_update(index_elements=["key"], set_={"key": key})
        .returning(Bucket.tokens, Bucket.at)
    )
    with db.engine.begin() as connection:
        tokens, at = connection.execute(locked).one()
        tokens = min(float(burst), tokens + max(0.0, now - at) / every)
        # A refused try takes nothing: whoever waits the time they were told gets in.
        left = tokens - 1 if tokens >= 1 else tokens
        connection.execute(update(Bucket).where(Bucket.key == key).values(tokens=left, at=now))
        # A bucket nobody has touched for a day is full again, and a full one is the same as none.
        # Passing over those that somebody has in hand: two sweeps that wait for each other's rows are a deadlock.
        full = select(Bucket.key).where(Bucket.at < now - 86_400).with_for_update(skip_locked=True)
        connection.execute(delete(Bucket).where(Bucket.key.in_(full)))
    if tokens < 1:
        wait = math.ceil((1 - tokens) * every)
        raise Problem("too_many_tries", headers={"Retry-After": str(wait)}, retry_after=wait)
