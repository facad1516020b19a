"""A push service and the browsers behind it: made on demand, and what they are shown is kept. Nothing leaves this machine.

`POST /push/browsers` answers a subscription as a page's `toJSON()` would say it, to be handed to `/notifications/subscribe`.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_CURVE = ec.SECP256R1()


class Pushes:
    """Browsers and what they were shown, in a SQLite file. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS browser (name TEXT PRIMARY KEY, key TEXT, auth BLOB)")
        self._database.execute("CREATE TABLE IF NOT EXISTS push (id INTEGER PRIMARY KEY AUTOINCREMENT, told TEXT)")

    def browser(self, url: str) -> dict[str, Any]:
        """A new browser's subscription; `url` is where this service is reached."""
        key, auth, name = ec.generate_private_key(_CURVE), uuid.uuid4().bytes, uuid.uuid4().hex
        number = format(key.private_numbers().private_value, "x")
        with self._lock:
            self._database.execute("INSERT INTO browser VALUES (?, ?, ?)", [name, number, auth])
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": _text(point), "auth": _text(auth)}
        return {"endpoint": f"{url}/push/{name}", "expirationTime": None, "keys": keys}

    def take(self, name: str, headers: dict[str, str], body: bytes) -> int:
        """Show a push to its browser; answers the status that RFC 8030 wants."""
        with self._lock:
            found = self._database.execute("SELECT key, auth FROM browser WHERE name = ?", [name]).fetchone()
        if found is None:
            return 404
        if not headers.get("authorization", "").startswith("vapid ") or "ttl" not in headers:
            return 400
        try:
            shown = json.loads(_read(body, ec.derive_private_key(int(found[0], 16), _CURVE), found[1]))
        except (InvalidTag, ValueError, IndexError):
            return 400
        kept = {name: headers[name] for name in ("ttl", "urgency", "topic") if name in headers}
        told = {"browser": name, "shown": shown, "headers": kept, "received_at": datetime.now(UTC).isoformat()}
        with self._lock:
            self._database.execute("INSERT INTO push (told) VALUES (?)", [json.dumps(told)])
        return 201

    def shown(self) -> list[dict[str, Any]]:
        """Every push, oldest first: `{id, browser, shown, headers, received_at}`."""
        with self._lock:
            rows = self._database.execute("SELECT id, told FROM push ORDER BY id").fetchall()
        return [{"id": str(number)} | json.loads(told) for number, told in rows]

    def empty(self) -> None:
        with self._lock:
            self._database.execute("DELETE FROM push")


def _read(body: bytes, key: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """RFC 8291 from the browser's side. Raises InvalidTag, ValueError, IndexError."""
    salt, length = body[:16], body[20]
    theirs = body[21 : 21 + length]
    ours = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, theirs))
    secret = HKDF(SHA256(), 32, auth, b"WebPush: info\x00" + ours + theirs).derive(shared)
    opened = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\x00").derive(secret)
    nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\x00").derive(secret)
    return AESGCM(opened).decrypt(nonce, body[21 + length :], None).rstrip(b"\x00")[:-1]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
