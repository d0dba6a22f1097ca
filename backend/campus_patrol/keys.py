"""The server's own keys, made at first start and kept in the data folder."""

import base64
import binascii
import os
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature


def write_private(path: Path, content: bytes) -> None:
    """Write a secret so that nobody else on the machine reads it, not even for a moment (mode 0600, then rename)."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


@lru_cache(maxsize=8)
def server_key(folder: Path) -> ec.EllipticCurvePrivateKey:
    """Return the key (P-256) that signs receipts to phones, making it when the folder has none.

    Two processes that start at once could each make one: the link that fails is the loser, who reads the winner's.
    """
    path = folder / "server.pem"
    if not path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        draft = folder / f"server.{os.getpid()}.pem"
        write_private(
            draft,
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    loaded = read_server_key(folder)
    assert loaded is not None
    return loaded


def read_server_key(folder: Path) -> ec.EllipticCurvePrivateKey | None:
    """Return the key that signs receipts, or None when the folder has none: checking must never make one."""
    path = folder / "server.pem"
    if not path.is_file():
        return None
    loaded = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    return loaded


def public_text(key: ec.EllipticCurvePrivateKey) -> str:
    """Return the public half as base64 of its SPKI form, as WebCrypto imports it."""
    return base64.b64encode(
        key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).decode()


def sign(key: ec.EllipticCurvePrivateKey, *parts: object) -> str:
    """Sign parts joined by NUL with ECDSA-SHA-256; returns base64 of raw r‖s, the only form WebCrypto verifies."""
    signature = key.sign("\0".join(str(part) for part in parts).encode(), ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(signature)
    return base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()


def is_signed(key: ec.EllipticCurvePrivateKey, signature: str, *parts: object) -> bool:
    """Say whether this key signed these parts, as `sign` does."""
    return _is_signed(key.public_key(), signature, *parts)


def is_signed_by(public: str, signature: str | None, *parts: object) -> bool:
    """Say whether the key of this public half (base64 of its SPKI form) signed these parts, as `sign` does."""
    key = _public_key(public)
    return key is not None and signature is not None and _is_signed(key, signature, *parts)


def is_public_key(public: str) -> bool:
    """Say whether a text is the public half of a key that can sign here: P-256, base64 of its SPKI form."""
    return _public_key(public) is not None


@lru_cache(maxsize=4096)
def _public_key(public: str) -> ec.EllipticCurvePublicKey | None:
    try:
        key = serialization.load_der_public_key(base64.b64decode(public, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1) else None


def _is_signed(key: ec.EllipticCurvePublicKey, signature: str, *parts: object) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        # The last letter has bits that stand for nothing: only one way of writing a signature is the one we made.
        if base64.b64encode(raw).decode() != signature:
            return False
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        signed = "\0".join(str(part) for part in parts).encode()
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, binascii.Error, TypeError, ValueError):
        return False
    return True
