"""A phone as the server sees it: builds record lines, keeps the chain, sends batches, and can misbehave on purpose."""

import base64
import hashlib
import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from campus_patrol.database import new_id

GENESIS = "0" * 64
# The private key of each enrolled phone by its token: a phone whose database is gone and made anew keeps both.
KEYS: dict[str, ec.EllipticCurvePrivateKey] = {}
SIGNED = ("stream", "request", "from", "count", "next", "prev", "head", "device_time")


def chain_hash(stream: str, n: int, previous: str, line: bytes) -> str:
    """The chain's hash, written down once more from the protocol and not taken from the server."""
    return hashlib.sha256(
        b"campus-patrol-1\0"
        + stream.encode()
        + b"\0"
        + str(n).encode()
        + b"\0"
        + previous.encode()
        + b"\0"
        + line
    ).hexdigest()


def instant(at: datetime) -> str:
    """An instant as phones write it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_a_phone_writes(record: dict[str, Any]) -> bytes:
    """A line as JSON.stringify makes it."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass
class Phone:
    """One enrolled phone with its stream."""

    client: FlaskClient
    token: str
    device: dict[str, str]
    pack: dict[str, Any]
    person: str
    stream: str = field(default_factory=lambda: os.urandom(16).hex())
    lines: list[bytes] = field(default_factory=list)
    hashes: list[str] = field(default_factory=lambda: [GENESIS])
    boot: str = "boot-1"
    acked: int = 0

    @classmethod
    def enrol(cls, client: FlaskClient, code: str, *, person: str) -> "Phone":
        key = ec.generate_private_key(ec.SECP256R1())
        spki = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        public = base64.b64encode(spki).decode()
        answer = client.post(
            "/api/v1/enrol", json={"code": code, "name": "测试手机", "public_key": public, "app": "test"}
        )
        assert answer.status_code == 201, answer.json
        KEYS[answer.json["token"]] = key
        return cls(client, answer.json["token"], answer.json["device"], answer.json["pack"], person)

    def headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", **more}

    def record(self, kind: str = "checkpoint", **fields: Any) -> dict[str, Any]:
        """Make a record; every field can be set to something else."""
        at = fields.pop("at", datetime.now(UTC))
        record = {
            "v": 1,
            "kind": kind,
            "id": new_id(),
            "person": self.person,
            "tag": None,
            "at": instant(at) if isinstance(at, datetime) else at,
            "zone": 480,
            "elapsed": 1000 * (len(self.lines) + 1),
            "boot": self.boot,
            "data": {},
            "photos": [],
            "ref": None,
        }
        return {**record, **fields}

    def checkpoint(
        self, tag: str | None = None, readings: dict[str, Any] | None = None, **fields: Any
    ) -> dict[str, Any]:
        """Make a checkpoint with readings, all normal unless given."""
        data = {
            "place": fields.pop("place", None),
            "method": fields.pop("method", "camera"),
            "route": fields.pop("route", None),
            "round": fields.pop("round", None),
            "took_ms": 2100,
            "readings": {"ac": {"value": "off"}, "lights": {"value": "off"}}
            if readings is None
            else readings,
        }
        return self.record("checkpoint", tag=tag, data=data, **fields)

    def write(self, line: dict[str, Any] | bytes) -> bytes:
        """Put a line at the end of the stream, as it is, and return its bytes."""
        raw = line if isinstance(line, bytes) else as_a_phone_writes(line)
        self.lines.append(raw)
        self.hashes.append(chain_hash(self.stream, len(self.lines), self.hashes[-1], raw))
        return raw

    def body(self, first: int | None = None, last: int | None = None, **header: Any) -> bytes:
        """Build a batch of the lines first…last, by default all that are not acknowledged."""
        first = self.acked + 1 if first is None else first
        last = len(self.lines) if last is None else last
        made = {
            "v": 1,
            "request": os.urandom(8).hex(),
            "stream": self.stream,
            "from": first,
            "count": last - first + 1,
            "next": len(self.lines) + 1,
            "prev": self.hashes[first - 1],
            "head": self.hashes[last],
            "device_time": instant(datetime.now(UTC)),
            "persisted": True,
            "quota": None,
            "app": "test",
            **header,
        }
        made.setdefault("signature", self.sign(*(made.get(name) for name in SIGNED)))
        return b"".join(line + b"\n" for line in (as_a_phone_writes(made), *self.lines[first - 1 : last]))

    def sign(self, *parts: Any) -> str | None:
        """Sign a batch's header with the phone's key, written down once more from the protocol."""
        key = KEYS.get(self.token)
        if key is None:
            return None
        text = "\0".join(str(part) for part in ("campus-patrol-sync", *parts))
        r, s = decode_dss_signature(key.sign(text.encode("utf-8", "replace"), ec.ECDSA(hashes.SHA256())))
        return base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()

    def send(self, body: bytes) -> TestResponse:
        """Post a body to sync."""
        return self.client.post(
            "/api/v1/sync", data=body, headers=self.headers(**{"Content-Type": "application/x-ndjson"})
        )

    def sync(self, **header: Any) -> dict[str, Any]:
        """Send what is not acknowledged, and believe the receipt only for our own hash."""
        answer = self.send(self.body(**header))
        assert answer.status_code == 200, answer.json
        assert answer.json["ack_hash"] == self.hashes[answer.json["ack"]]
        # Whatever a test sends, nothing of it goes unsaid: each line is stored in its place, or put aside by name.
        assert answer.json["ack"] == len(self.lines) or header
        self.acked = answer.json["ack"]
        return answer.json

    def put_photo(self, content: bytes, sha256: str | None = None) -> TestResponse:
        """Send a photo's bytes."""
        name = sha256 or hashlib.sha256(content).hexdigest()
        return self.client.put(
            f"/api/v1/photos/{name}", data=content, headers=self.headers(**{"Content-Type": "image/jpeg"})
        )


def minutes_ago(minutes: float) -> datetime:
    """An instant so many minutes back."""
    return datetime.now(UTC) - timedelta(minutes=minutes)
