"""Pure parts of the sync protocol: the hashes of the chain and of the school's log."""

import hashlib

GENESIS = "0" * 64


def chain_hash(stream: str, n: int, previous: str, line: bytes) -> str:
    """Return h[n] = SHA-256("campus-patrol-1" 0 stream 0 n 0 h[n-1] 0 line), in lower hex."""
    return hashlib.sha256(f"campus-patrol-1\0{stream}\0{n}\0{previous}\0".encode() + line).hexdigest()


def log_hash(previous: str, stream: str, n: int, line_hash: str) -> str:
    """Return L[k] = SHA-256(L[k-1] ‖ stream ‖ n ‖ h[n]): the school's log over all streams, in the order of arrival."""
    return hashlib.sha256(f"{previous}\0{stream}\0{n}\0{line_hash}".encode()).hexdigest()
