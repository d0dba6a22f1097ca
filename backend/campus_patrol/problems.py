"""The catalogue of everything that can go wrong: code, HTTP status, sentence.

The client translates by code; the sentence is for logs and for people who read raw answers.
"""

from collections.abc import Callable, Mapping
from logging import Logger
from typing import Any

from flask import Flask, Response, json
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException

CATALOGUE: dict[str, tuple[int, str]] = {
    # any route
    "not_found": (404, "There is nothing here that you may see."),
    "method_not_allowed": (405, "This address does not take that method."),
    "invalid": (422, "Something in the request is not as it should be; see errors."),
    "malformed": (400, "The request could not be read."),
    "too_large": (413, "The request is larger than this server takes."),
    "encoding_refused": (415, "Compressed request bodies are refused."),
    "type_refused": (415, "This content type is not taken here."),
    "busy": (503, "The server is busy with another write; try again."),
    "storage_failed": (503, "The server cannot write to its disk; nothing of this request was stored."),
    "internal": (500, "The server failed; nothing of this request was stored."),
    # who is asking
    "signed_out": (401, "Sign in first."),
    "wrong_password": (401, "Account or password is wrong."),
    "forbidden": (403, "Your role may not do this."),
    "cross_site": (403, "This request came from another site."),
    "too_many_tries": (429, "Too many tries; wait a little."),
    "device_unknown": (401, "This phone is not enrolled."),
    "device_revoked": (401, "This phone was revoked."),
    "device_signature": (401, "This request was not signed with the key of the phone."),
    "wrong_pin": (403, "The PIN is wrong."),
    # people
    "account_taken": (409, "Another person already has this account."),
    "account_needed": (422, "This role signs in to the desk and needs an account."),
    "last_admin": (409, "The school would have nobody left who may change things."),
    "enrolment_unknown": (401, "This enrolment code is not known."),
    "enrolment_used": (401, "This enrolment code was used already."),
    "enrolment_expired": (401, "This enrolment code is older than ten minutes."),
    # places
    "number_taken": (409, "This building has a place with this number already."),
    "sheet_unreadable": (422, "The workbook cannot be read; see reason."),
    # tags
    "tag_already_replaced": (409, "This tag is not live any more; its place has another one."),
    "already_settled": (409, "Somebody has decided this already."),
    "no_shorts_left": (409, "The school has used up its short numbers."),
    "nothing_to_print": (422, "No live tag fits this choice."),
    "address_not_printable": (
        422,
        "No code can carry this server's address: it needs a host name that exists, of at most 253 characters.",
    ),
    "label_font_missing": (
        500,
        "The labels' font is not installed; run `pip install .` in the source folder.",
    ),
    # sync
    "sync_header_invalid": (400, "The first line of the batch is not a valid header."),
    "sync_cut_off": (400, "The batch is cut off: its last line is not complete or lines are missing."),
    "gap": (409, "Records before these have not arrived yet."),
    "fork": (409, "This stream went another way; start a new stream."),
    # rescues
    "rescue_unknown": (401, "This rescue code is not known."),
    "rescue_used": (401, "This rescue code belongs to another phone."),
    "rescue_expired": (401, "This rescue code is too old."),
    "rescue_other_school": (403, "This phone belongs to another school."),
    "rescue_differs": (422, "The records are not the ones that were announced."),
    # patrols
    "already_cleared": (409, "Somebody has cleared this doubt already."),
    # photos
    "photo_hash_differs": (422, "The bytes are not the photo that was announced."),
    "photo_not_image": (422, "This is not a JPEG, PNG or WebP image."),
    "photo_too_many_pixels": (422, "The image has too many pixels."),
}


class Problem(Exception):
    """Something that went wrong in a way the catalogue names; becomes a problem+json answer and rolls back."""

    def __init__(
        self,
        code: str,
        *,
        detail: str | None = None,
        errors: Any = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        self.status, self.title = CATALOGUE[code]
        self.code, self.detail, self.errors, self.headers, self.extra = code, detail, errors, headers, extra
        super().__init__(f"{code}: {detail or self.title}")

    def response(self) -> Response:
        """Dump the problem as RFC 9457 problem+json."""
        body = {"code": self.code, "status": self.status, "title": self.title, **self.extra}
        if self.detail:
            body["detail"] = self.detail
        if self.errors:
            body["errors"] = self.errors
        answer = Response(json.dumps(body), status=self.status, mimetype="application/problem+json")
        for name, value in (self.headers or {}).items():
            answer.headers[name] = value
        return answer


_BY_STATUS = {
    400: "malformed",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "type_refused",
    422: "invalid",
}


def from_http(error: HTTPException) -> Problem:
    """Put a framework's HTTP error into the catalogue, keeping the headers its status promises (Allow, Retry-After)."""
    data = getattr(error, "data", None) or {}
    headers = dict(data.get("headers") or {})
    for name, value in error.get_headers(None):
        if name in ("Allow", "Retry-After"):
            headers[name] = value
    return Problem(
        _BY_STATUS.get(error.code or 500, "malformed" if (error.code or 500) < 500 else "internal"),
        errors=data.get("messages"),
        headers=headers,
    )


def from_error(error: Exception, log: Logger) -> Problem:
    """Put any raised error into the catalogue; what nobody foresaw is logged and answered as internal."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return from_http(error)
    if isinstance(error, OperationalError):
        text = str(error.orig).lower()
        log.error("the database refused: %s", type(error.orig).__name__)
        busy = any(word in text for word in ("locked", "busy", "timeout", "deadlock"))
        return Problem("busy" if busy else "storage_failed", headers={"Retry-After": "2" if busy else "30"})
    if isinstance(error, DataError | UnicodeEncodeError):
        # A NUL, half a surrogate pair, a number beyond a column's: text and numbers that no database can hold.
        return Problem("malformed")
    if isinstance(error, OSError):
        log.error("the disk refused: errno %s", error.errno)
        return Problem("storage_failed", headers={"Retry-After": "30"})
    log.exception("unexpected error", exc_info=error)
    return Problem("internal")


def register(app: Flask, *, rollback: Callable[[], None]) -> None:
    """Answer every raised error from the catalogue, rolling back first, so that a raise never half-writes."""

    @app.errorhandler(Exception)
    def answer(error: Exception) -> Response:
        rollback()
        return from_error(error, app.logger).response()
