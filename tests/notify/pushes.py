"""Push services as they are seen over HTTP: a strict one for browsers, which reads what it gets as a browser would."""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.notify.standins import Answer, Desk

CREATED = Answer(201, b"", {"Location": "/message/1"})


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@dataclass
class Browser:
    """One subscription, from the inside."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: uuid.uuid4().bytes)

    def read(self, body: bytes) -> bytes:
        """What a push says: RFC 8291 from the receiver's side."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        theirs = body[21 : 21 + length]
        assert (length, len(body) <= size) == (65, True)
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
        info = b"WebPush: info\x00" + point(self.key) + theirs
        secret = HKDF(SHA256(), 32, self.auth, info).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\x00").derive(secret)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\x00").derive(secret)
        plain = AESGCM(key).decrypt(nonce, body[21 + length :], None).rstrip(b"\x00")
        assert plain[-1:] == b"\x02"
        return plain[:-1]


@dataclass
class Pushed:
    """One push that a browser was shown."""

    browser: str
    told: dict[str, Any]
    headers: dict[str, str]
    size: int


@dataclass
class PushService(Desk):
    """A push service as RFC 8030 and RFC 8292 say it must be; what it does not like it answers by its number."""

    browsers: dict[str, Browser] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    pushed: list[Pushed] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    def subscribe(self, url: Callable[[str], str] = str) -> dict[str, Any]:
        """A new browser's subscription, as its `toJSON()` says it."""
        name, browser = uuid.uuid4().hex, Browser()
        self.browsers[name] = browser
        keys = {"p256dh": b64(point(browser.key)), "auth": b64(browser.auth)}
        return {"endpoint": f"{url(self.url)}/push/{name}", "expirationTime": None, "keys": keys}

    def serve(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        told = {name.lower(): value for name, value in headers.items()}
        name = path.removeprefix("/push/")
        if method != "POST" or name not in self.browsers:
            return Answer(404)
        if name in self.gone:
            return Answer(410)
        if len(body) > 4_096:
            return Answer(413)
        if not self._signed(told.get("authorization", "")):
            return Answer(403)
        if told.get("content-encoding") != "aes128gcm" or not re.fullmatch(r"[0-9]{1,7}", told.get("ttl", "")):
            return Answer(400)
        if told.get("urgency") not in ("very-low", "low", "normal", "high"):
            return Answer(400)
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", told.get("topic", "")):
            return Answer(400)
        self.pushed.append(Pushed(name, json.loads(self.browsers[name].read(body)), told, len(body)))
        return CREATED

    def _signed(self, authorization: str) -> bool:
        found = re.fullmatch(r"vapid t=([^,]+), k=([A-Za-z0-9_-]+)", authorization)
        if found is None:
            return False
        self.keys.add(found[2])
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw(found[2]))
        claims = jwt.decode(found[1], key, algorithms=["ES256"], audience=self.url)
        return bool(claims["exp"] - time.time() <= 86_400 and claims["sub"].startswith(("mailto:", "https:")))


# --- Firebase ---------------------------------------------------------------------------------------------------------


def fcm_error(status: int, name: str, code: str = "", field: str = "", **headers: str) -> Answer:
    """An error as FCM writes it: google.rpc.Status with FcmError and BadRequest among its details."""
    details: list[dict[str, Any]] = []
    if code:
        details.append({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code})
    if field:
        violations = [{"field": field, "description": "The registration token is not a valid FCM registration token"}]
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations})
    told = {"error": {"code": status, "message": "No", "status": name, "details": details}}
    return Answer(status, json.dumps(told).encode(), {name.replace("_", "-"): value for name, value in headers.items()})


_FIELDS = {"token", "notification", "data", "android", "apns", "webpush", "fcm_options"}


@dataclass
class FcmDesk(Desk):
    """Google's token door and FCM's, strict about what their references say."""

    account: dict[str, str] = field(default_factory=dict)
    public: Any = None
    tokens: list[str] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    messages: list[dict[str, Any]] = field(default_factory=list)
    slow: float = 0.0

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if path == "/token":
            self.calls.append((method, path))
            return self._token(headers, body)
        return super().answer(method, path, headers, body)

    def _token(self, headers: dict[str, str], body: bytes) -> Answer:
        time.sleep(self.slow)
        asked = dict(parse_qsl(body.decode()))
        if asked.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return Answer(400, b'{"error":"unsupported_grant_type"}')
        try:
            claims = jwt.decode(asked["assertion"], self.public, algorithms=["RS256"], audience=f"{self.url}/token")
        except jwt.PyJWTError:
            return Answer(400, b'{"error":"invalid_grant"}')
        right = claims["iss"] == self.account["client_email"] and claims["exp"] - claims["iat"] <= 3_600
        if not right or claims["scope"] != "https://www.googleapis.com/auth/firebase.messaging":
            return Answer(400, b'{"error":"invalid_scope"}')
        self.tokens.append(f"token-{len(self.tokens)}")
        told = {"access_token": self.tokens[-1], "expires_in": 3_599, "token_type": "Bearer"}
        return Answer(200, json.dumps(told).encode())

    def serve(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        told = {name.lower(): value for name, value in headers.items()}
        bearer = told.get("authorization", "").removeprefix("Bearer ")
        if (method, path) != ("POST", f"/v1/projects/{self.account['project_id']}/messages:send"):
            return fcm_error(404, "NOT_FOUND")
        if bearer not in self.tokens or bearer in self.revoked:
            return fcm_error(401, "UNAUTHENTICATED")
        if len(body) > 8_192:
            return fcm_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT")
        message = json.loads(body).get("message", {})
        strings = [*message.get("data", {}).values(), *message.get("notification", {}).values()]
        if set(message) - _FIELDS or not all(isinstance(one, str) for one in strings):
            return fcm_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "message.data")
        if message["android"]["priority"] not in ("NORMAL", "HIGH") or not message["android"]["ttl"].endswith("s"):
            return fcm_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "message.android")
        if message["token"] in self.gone:
            return fcm_error(404, "NOT_FOUND", "UNREGISTERED")
        if ":" not in message["token"]:
            return fcm_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "message.token")
        self.messages.append(message)
        name = f"projects/{self.account['project_id']}/messages/0:{len(self.messages)}"
        return Answer(200, json.dumps({"name": name}).encode())


@contextmanager
def firebase() -> Iterator[FcmDesk]:
    """A project of Firebase with a service account of ours."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with FcmDesk(public=key.public_key()).running() as desk:
        desk.account = {
            "type": "service_account",
            "project_id": "horizon-test",
            "private_key_id": "k1",
            "private_key": pem,
            "client_email": f"push-{uuid.uuid4().hex[:8]}@horizon-test.iam.gserviceaccount.example",
            "token_uri": f"{desk.url}/token",
        }
        yield desk
