"""Messages of Amazon SNS, proven: the signature by SNS's own certificate, from SNS's own host, for a topic of ours, fresh.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from django.conf import settings

from notify_svc.delivery.channels.reports import Unproven, Unreadable

# SNS gives a call up after an hour at most; a quarter of an hour is for clocks.
OLDEST, NEWEST = timedelta(hours=1, minutes=15), timedelta(minutes=15)
_TOPIC = re.compile(r"arn:aws(?:-[a-z]+)*:sns:([a-z0-9-]{4,32}):\d{12}:[A-Za-z0-9_-]{1,256}")
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[0-9A-Za-z]{1,128}\.pem")
_SIGNED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_SIGNED_ASKING = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_ASKING = frozenset({"SubscriptionConfirmation", "UnsubscribeConfirmation"})
_HASHES: dict[str, type[HashAlgorithm]] = {"1": SHA1, "2": SHA256}
_LARGEST, _LONGEST_ID = 64 * 1024, 128
_KEPT, _KEPT_SECONDS = 16, 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Message:
    """A proven message. `subscribe_url` is where a subscription is confirmed."""

    id: str
    type: str
    topic: str
    text: str
    subscribe_url: str = ""


def message_of(body: bytes, *, now: datetime) -> Message:
    """The message in a call of SNS. Raises Unproven, Unreadable."""
    fields = _fields(body)
    region = _topic(fields)
    sent = _sent(fields)
    if not now - OLDEST < sent < now + NEWEST:
        raise Unproven("stale")
    _verify(fields, region)
    url = fields.get("SubscribeURL", "") if fields["Type"] == "SubscriptionConfirmation" else ""
    if url:
        _check_confirmation(url, region, fields["TopicArn"])
    return Message(fields["MessageId"], fields["Type"], fields["TopicArn"], fields["Message"], url)


def confirm(message: Message) -> None:
    """Answer SNS that the subscription of a proven message is wanted. Raises httpx.HTTPError."""
    with _http() as client:
        client.get(_at_endpoint(message.subscribe_url)).raise_for_status()


def _fields(body: bytes) -> dict[str, str]:
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        raise Unproven("unreadable") from None
    if not isinstance(read, dict) or not all(
        isinstance(read.get(name), str)
        for name in ("Type", "MessageId", "TopicArn", "Message", "Timestamp", "Signature", "SignatureVersion")
    ):
        raise Unproven("unreadable")
    if len(read["MessageId"]) > _LONGEST_ID:
        raise Unproven("unreadable")
    return {name: value for name, value in read.items() if isinstance(value, str)}


def _topic(fields: dict[str, str]) -> str:
    """The region of the topic, when it is one of ours."""
    topic = fields["TopicArn"]
    found = _TOPIC.fullmatch(topic)
    if found is None or topic not in settings.SES_TOPICS:
        raise Unproven("topic_unknown")
    return found[1]


def _sent(fields: dict[str, str]) -> datetime:
    try:
        return datetime.strptime(fields["Timestamp"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise Unproven("unreadable") from None


def _verify(fields: dict[str, str], region: str) -> None:
    names = _SIGNED_ASKING if fields["Type"] in _ASKING else _SIGNED
    signed = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields).encode("utf-8", "surrogatepass")
    algorithm = _HASHES.get(fields["SignatureVersion"])
    if algorithm is None:
        raise Unproven("signature_unknown")
    try:
        signature = base64.b64decode(fields["Signature"], validate=True)
    except (binascii.Error, ValueError):
        raise Unproven("signature_invalid") from None
    key = _certificates.key(_pinned(fields.get("SigningCertURL", ""), region))
    try:
        # Version 1 is SHA-1 by SNS's definition; a topic of ours can be set to 2.
        key.verify(signature, signed, padding.PKCS1v15(), algorithm())
    except InvalidSignature:
        raise Unproven("signature_invalid") from None


def _pinned(url: str, region: str) -> str:
    """The address of a certificate, when it is SNS's own, of the topic's region."""
    parts = _parts(url)
    if parts.hostname != _host(region) or parts.query or not _CERTIFICATE.fullmatch(parts.path):
        raise Unproven("certificate_foreign")
    return url


def _check_confirmation(url: str, region: str, topic: str) -> None:
    parts = _parts(url)
    asked = parse_qs(parts.query)
    if (
        parts.hostname != _host(region)
        or asked.get("Action") != ["ConfirmSubscription"]
        or asked.get("TopicArn") != [topic]
    ):
        raise Unproven("confirmation_foreign")


def _parts(url: str) -> Any:
    """The parts of an https address without a port, a user or a fragment. Raises Unproven."""
    try:
        parts = urlsplit(url)
        plain = parts.scheme == "https" and parts.netloc == parts.hostname and not parts.fragment
    except ValueError:
        plain = False
    if not plain or not url.isascii() or any(char.isspace() or char == "\\" for char in url):
        raise Unproven("certificate_foreign")
    return parts


def _host(region: str) -> str:
    return f"sns.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def _http() -> httpx.Client:
    """Follows nothing and asks no proxy: the host was checked, and another one would not be."""
    return httpx.Client(timeout=httpx.Timeout(5, connect=3), follow_redirects=False, trust_env=False)


def _at_endpoint(url: str) -> str:
    """The same address at a stand-in of SNS, where one is set; its checks are done by then."""
    if not settings.SNS_ENDPOINT:
        return url
    parts = urlsplit(url)
    return f"{settings.SNS_ENDPOINT}{parts.path}" + (f"?{parts.query}" if parts.query else "")


class _Certificates:
    """SNS's certificates, fetched once a day. Only what was fetched and understood is kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, x509.Certificate]] = {}

    def key(self, url: str) -> rsa.RSAPublicKey:
        """The public key at a pinned address. Raises Unproven; CertificateAway when it cannot be had now."""
        at = _at_endpoint(url)
        with self._lock:
            kept = self._kept.get(at)
        if kept is None or kept[0] < time.monotonic():
            kept = (time.monotonic() + _KEPT_SECONDS, _fetch(at))
            with self._lock:
                if len(self._kept) >= _KEPT:
                    self._kept.clear()
                self._kept[at] = kept
        certificate = kept[1]
        # Certificates live in the time of the world, which does not move with ours.
        if not certificate.not_valid_before_utc <= datetime.now(UTC) <= certificate.not_valid_after_utc:
            raise Unproven("certificate_expired")
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size < 2048:
            raise Unproven("certificate_unusable")
        return key


class CertificateAway(Exception):
    """SNS's certificate cannot be fetched now. Whoever calls may come again."""


def _fetch(url: str) -> x509.Certificate:
    try:
        with _http() as client, client.stream("GET", url) as answer:
            if answer.status_code != 200:
                raise CertificateAway
            read = b""
            for piece in answer.iter_bytes():
                read += piece
                if len(read) > _LARGEST:
                    raise Unproven("certificate_unusable")
    except httpx.HTTPError as error:
        raise CertificateAway from error
    try:
        return x509.load_pem_x509_certificate(read)
    except ValueError:
        raise Unproven("certificate_unusable") from None


_certificates = _Certificates()


def read_json(message: Message) -> dict[str, Any]:
    """The JSON object that a message carries. Raises Unreadable."""
    try:
        read = json.loads(message.text)
    except (ValueError, RecursionError):
        raise Unreadable("no JSON") from None
    if not isinstance(read, dict):
        raise Unreadable("no object")
    return read
