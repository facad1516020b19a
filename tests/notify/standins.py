"""Providers of mail as they are seen over HTTP: moto's SES, SNS's certificates, and a strict SendGrid."""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

REGION = "eu-west-1"
TOPIC = f"arn:aws:sns:{REGION}:123456789012:mail"


@dataclass(frozen=True)
class Answer:
    """A scripted answer; without a status the connection is cut after the request was read."""

    status: int | None
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer: Answer = self.server.desk.answer(self.command, self.path, dict(self.headers.items()), body)  # type: ignore[attr-defined]
        if answer.status is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = _serve

    def log_message(self, *args: Any) -> None:
        """Silent."""


@dataclass
class Desk:
    """An HTTP server of a test. The answers in `script` are given first, one a call."""

    url: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    script: list[Answer] = field(default_factory=list)

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        self.calls.append((method, path))
        return self.script.pop(0) if self.script else self.serve(method, path, headers, body)

    def serve(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        raise NotImplementedError

    @contextmanager
    def running(self) -> Iterator[Self]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        server.daemon_threads = True
        server.desk = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join(10)


# --- SES --------------------------------------------------------------------------------------------------------------


@contextmanager
def moto() -> Iterator[str]:
    """A moto server of its own process; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"MOTO_ENABLE_ISO_REGIONS": "false"},
    )
    try:
        _until_it_answers(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(20)


def _until_it_answers(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            httpx.get(f"{url}/moto-api/data.json", timeout=5)
        except httpx.HTTPError:
            if time.monotonic() > deadline or server.poll() is not None:
                raise
            time.sleep(0.1)
        else:
            return


@dataclass
class SesDesk(Desk):
    """Amazon as SES's caller sees it: moto behind a script."""

    moto: str = ""

    def serve(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "content-length")}
        answer = httpx.request(method, self.moto + path, headers=kept, content=body, timeout=30)
        return Answer(answer.status_code, answer.content, {"Content-Type": answer.headers.get("Content-Type", "")})

    def mails(self) -> list[dict[str, Any]]:
        """What SES holds."""
        data = httpx.get(f"{self.moto}/moto-api/data.json", timeout=30).json()
        return list(data.get("ses", {}).get("RawMessage", []))


def refused(name: str, status: int, message: str = "No") -> Answer:
    """An error as AWS writes it in its REST JSON protocol."""
    body = json.dumps({"message": message}).encode()
    return Answer(status, body, {"x-amzn-ErrorType": f"{name}:", "Content-Type": "application/json"})


# --- SNS --------------------------------------------------------------------------------------------------------------


@dataclass
class Sns(Desk):
    """SNS's host: it hands out the certificate and hears confirmations."""

    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    valid: timedelta = timedelta(days=30)
    confirmed: list[str] = field(default_factory=list)
    # Another key has another name, as at SNS: the certificates of one are kept, and a port comes back.
    certificate: str = field(default_factory=lambda: f"/SimpleNotificationService-{secrets.token_hex(16)}.pem")

    def serve(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        parts = urlsplit(path)
        if parts.path == self.certificate:
            return Answer(200, self.pem())
        if "Action=ConfirmSubscription" in parts.query:
            self.confirmed.append(path)
            return Answer(200, b"<ConfirmSubscriptionResponse/>")
        return Answer(404)

    def pem(self) -> bytes:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + self.valid)
            .sign(self.key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM)

    def message(self, told: Any, *, version: str = "2", key: rsa.RSAPrivateKey | None = None, **changes: str) -> bytes:
        """A message, signed as SNS documents it. Fields in `changes` are changed before it is signed."""
        now = datetime.now(UTC)
        fields = {
            "Type": "Notification",
            "MessageId": str(uuid.uuid4()),
            "TopicArn": TOPIC,
            "Message": told if isinstance(told, str) else json.dumps(told),
            "Timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z",
            "SignatureVersion": version,
            "SigningCertURL": f"https://sns.{REGION}.amazonaws.com{self.certificate}",
        } | changes
        asks = fields["Type"] != "Notification"
        names = ["Message", "MessageId", *(["SubscribeURL"] if asks else ["Subject"]), "Timestamp"]
        names += [*(["Token"] if asks else []), "TopicArn", "Type"]
        signed = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields).encode()
        algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
        signature = (key or self.key).sign(signed, padding.PKCS1v15(), algorithm)
        return json.dumps(fields | {"Signature": base64.b64encode(signature).decode()}).encode()


# --- SendGrid ---------------------------------------------------------------------------------------------------------


@dataclass
class SendGridDesk(Desk):
    """SendGrid's mail/send, as strict as its documents: https://www.twilio.com/docs/sendgrid/api-reference/mail-send."""

    api_key: str = "SG.test"
    accepted: list[dict[str, Any]] = field(default_factory=list)

    _TOP: ClassVar = {
        "personalizations", "from", "reply_to", "subject", "content", "headers", "categories", "custom_args",
        "tracking_settings", "mail_settings", "send_at", "asm", "attachments", "template_id", "batch_id", "ip_pool_name",
    }  # fmt: skip
    _RESERVED: ClassVar = {
        "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
        "subject", "reply-to", "cc", "bcc",
    }  # fmt: skip

    def serve(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if (method, path) != ("POST", "/v3/mail/send"):
            return Answer(404)
        if headers.get("Authorization") != f"Bearer {self.api_key}":
            return self._no(401, "The provided authorization grant is invalid, expired, or revoked")
        if not headers.get("Content-Type", "").startswith("application/json"):
            return self._no(415, "Content-Type should be application/json.")
        mail = json.loads(body)
        wrong = self._wrong(mail)
        if wrong:
            return self._no(400, wrong)
        self.accepted.append(mail)
        return Answer(202, b"", {"X-Message-Id": f"sg{len(self.accepted)}"})

    def _no(self, status: int, message: str) -> Answer:
        return Answer(status, json.dumps({"errors": [{"message": message, "field": None, "help": None}]}).encode())

    def _wrong(self, mail: Any) -> str:
        """What SendGrid would say against this mail."""
        if set(mail) - self._TOP:
            return "Additional property is not allowed"
        people = mail.get("personalizations")
        if not isinstance(people, list) or not 1 <= len(people) <= 1000:
            return "The personalizations field is required and must have at least one personalization."
        return next(filter(None, map(self._wrong_person, people)), "") or self._wrong_words(mail)

    def _wrong_person(self, one: Any) -> str:
        if set(one) - {"to", "cc", "bcc", "from", "subject", "headers", "custom_args", "substitutions", "send_at"}:
            return "Additional property is not allowed"
        for person in one["to"]:
            local, _, domain = person["email"].partition("@")
            if not local or "." not in domain or not person["email"].isascii() or set(person) - {"email", "name"}:
                return "Does not contain a valid address."
        if not all(isinstance(value, str) for value in one.get("custom_args", {}).values()):
            return "custom_args must be strings"
        return ""

    def _wrong_words(self, mail: Any) -> str:
        if not isinstance(mail.get("subject"), str) or not mail["subject"]:
            return "The subject is required."
        kinds = [part["type"] for part in mail.get("content", [])]
        if kinds != sorted(kinds, key=["text/plain", "text/html"].index) or not kinds:
            return "Content: text/plain must come before text/html"
        if any(not part["value"] for part in mail["content"]):
            return "The content value must be a string at least one character in length."
        for name, value in mail.get("headers", {}).items():
            if (
                name.lower() in self._RESERVED
                or not name.isascii()
                or not isinstance(value, str)
                or "\n" in value
                or "\r" in value
            ):
                return "The header is reserved or invalid"
        return ""


@dataclass
class SendGridHook:
    """Who signs SendGrid's events."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def public(self) -> str:
        """As SendGrid shows it in its settings."""
        shown = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(shown).decode()

    def call(self, events: Any, *, at: datetime | None = None) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a signed call."""
        body = events if isinstance(events, bytes) else json.dumps(events).encode()
        stamp = str(int((at or datetime.now(UTC)).timestamp()))
        signature = base64.b64encode(self.key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
        return body, {
            "X-Twilio-Email-Event-Webhook-Signature": signature,
            "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
        }
