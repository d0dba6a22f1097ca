"""Pure parts of a rescue: how long an approval holds, whether a stream came whole, who made a line."""

from datetime import datetime, timedelta

import msgspec

CODE_MINUTES = 10
# A phone with thousands of records on a slow line, cut off now and then, is done long before.
HAND_OVER_MINUTES = 60


def refusal(
    *, expires_at: datetime, used_at: datetime | None, held_by: str | None, stream: str, now: datetime
) -> str | None:
    """Say with a problem's code why an approval does not hold for this stream, or None when it does.

    The first stream that comes with it within ten minutes has it, and an hour to bring everything: the same request
    may come again when its answer was lost. Nobody else can use it any more.
    """
    if used_at is None:
        return "rescue_expired" if expires_at <= now else None
    if held_by != stream:
        return "rescue_used"
    return "rescue_expired" if used_at + timedelta(minutes=HAND_OVER_MINUTES) <= now else None


def is_whole(*, first: int, last: int, head: int, announced_next: int) -> bool:
    """Say whether the lines first…last and what the log had of their stream are all that the phone ever announced."""
    return first <= head + 1 and last >= announced_next - 1


class Made(msgspec.Struct):
    """Who made a record and when by the phone's clock, as far as its line can be read."""

    person: str | None = None
    at: str | None = None


_made = msgspec.json.Decoder(Made).decode


def made_by(line: bytes) -> Made:
    """Read from a line who made it and when."""
    try:
        return _made(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Made()
