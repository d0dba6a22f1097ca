"""Pure parts of the sync protocol: the hashes of the chain and of the school's log."""

import hashlib
from collections.abc import Mapping

GENESIS = "0" * 64


def chain_hash(stream: str, n: int, previous: str, line: bytes) -> str:
    """Return h[n] = SHA-256("campus-patrol-1" 0 stream 0 n 0 h[n-1] 0 line), in lower hex."""
    return hashlib.sha256(f"campus-patrol-1\0{stream}\0{n}\0{previous}\0".encode() + line).hexdigest()


def signed_parts(header: Mapping[str, object]) -> tuple[object, ...]:
    """Return what a phone signs of a batch with the key it made when it was enrolled, as the header was sent.

    The lines are bound through prev and head, the first and last hash of their chain, so that no line can be changed,
    left out or added; next binds what is announced. A token alone writes nothing: who copied it has no key, which
    never leaves the phone's WebCrypto. Who recorded a whole request can send it again to the same effect as the phone
    itself: every line is known by its number and hash, and nothing is stored twice. The school and the device are the
    token's, so another phone's request is signed by another key.
    """
    names = ("stream", "request", "from", "count", "next", "prev", "head", "device_time")
    return ("campus-patrol-sync", *(header[name] for name in names))


def log_hash(previous: str, stream: str, n: int, line_hash: str) -> str:
    """Return L[k] = SHA-256(L[k-1] ‖ stream ‖ n ‖ h[n]): the school's log over all streams, in the order of arrival."""
    return hashlib.sha256(f"{previous}\0{stream}\0{n}\0{line_hash}".encode()).hexdigest()
