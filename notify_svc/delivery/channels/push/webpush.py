"""Pushes to browsers: RFC 8030, encrypted by RFC 8291, signed by RFC 8292. Each browser names a push service of its own.

The delivery's id is the topic: given again because nobody knew whether it had left, it takes the place of itself. The
notification's id is the `tag` under which the browser shows it, so that it never shows it twice.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpcore
import jwt
from django.conf import settings

from bh_sdk.server.ops import clock
from notify_svc.delivery.channels.base import GONE, Letter, Link, Outcome
from notify_svc.delivery.channels.pauses import asked_pause
from notify_svc.delivery.channels.push.encryption import encrypt
from notify_svc.delivery.channels.push.guarded import Answer, Forbidden, Guarded
from notify_svc.delivery.channels.sparing import AWAY
from notify_svc.devices import rules, vapid
from notify_svc.devices.rules import Opened

# A telephone that was off for longer has the feed.
KEPT = timedelta(days=2)
TOO_FAST = timedelta(seconds=30)
# A signature may stand for a day; half of that is safe with any clock.
SIGNED, RENEWED = 12 * 3600, 3600
# Lengths are told in steps of this.
_BLOCK = 256
_SIGNATURES: dict[tuple[str, str], tuple[str, float]] = {}
_LOCK = threading.Lock()


def payload(letter: Letter) -> bytes:
    """What the page's service worker gets: `{title, body, url, tag, type}`."""
    told = {
        "title": letter.words.title,
        "body": letter.words.body,
        "url": letter.words.action_url,
        "tag": str(letter.notification_id or letter.delivery_id),
        "type": letter.type,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def signature(service: str) -> str:
    """Who we are, as one push service is told. Made anew each half day: signing costs more than encrypting."""
    subject, now = settings.VAPID_SUBJECT, time.time()
    with _LOCK:
        known = _SIGNATURES.get((service, vapid.public_key()))
        if known is not None and known[1] - now > RENEWED:
            return known[0]
        claims = {"aud": service, "exp": int(now) + SIGNED, "sub": subject}
        token = jwt.encode(claims, vapid.private_key(), algorithm="ES256")
        told = f"vapid t={token}, k={vapid.public_key()}"
        if len(_SIGNATURES) > 500:
            # Anybody may name a service; nobody may fill our memory with them.
            _SIGNATURES.clear()
        _SIGNATURES[service, vapid.public_key()] = told, now + SIGNED
    return told


def _headers(letter: Letter, service: str) -> dict[str, str]:
    left = KEPT if letter.expires_at is None else min(KEPT, letter.expires_at - clock.now())
    return {
        "Authorization": signature(service),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(max(0, int(left.total_seconds()))),
        "Urgency": letter.urgency,
        "Topic": base64.urlsafe_b64encode(letter.delivery_id.bytes).rstrip(b"=").decode(),
    }


def _body(letter: Letter, device: Opened) -> bytes:
    plain = payload(letter)
    return encrypt(
        plain,
        p256dh=base64.urlsafe_b64decode(device.p256dh + "=" * (-len(device.p256dh) % 4)),
        auth=base64.urlsafe_b64decode(device.auth + "=" * (-len(device.auth) % 4)),
        padding=min(-len(plain) % _BLOCK, max(0, 3_900 - len(plain))),
    )


class _WebPush:
    """Hands letters over one by one. A service that is away, or asks for patience, is not asked again in this batch."""

    def __init__(self, door: Guarded) -> None:
        self._door = door
        self._said: dict[str, Outcome] = {}

    def hand_over(self, letter: Letter) -> Outcome:
        device = letter.device
        if device is None or rules.endpoint_refused(device.address, known=settings.WEBPUSH_SERVICES):
            return Outcome("permanent", "address_unusable", elsewhere=True)
        service = rules.service(device.address)
        if service in self._said:
            return self._said[service]
        outcome, for_all = self._carry(letter, device, service)
        if for_all is not None:
            self._said[service] = for_all
        return outcome

    def _carry(self, letter: Letter, device: Opened, service: str) -> tuple[Outcome, Outcome | None]:
        """What became of it; and what is said to the others of the same service, if anything."""
        away = Outcome("transient", AWAY, elsewhere=True)
        try:
            body = _body(letter, device)
        except ValueError:
            return Outcome("permanent", "unwritable", elsewhere=True), None
        try:
            answer = self._door.post(device.address, headers=_headers(letter, service), content=body)
        except Forbidden:
            return Outcome("permanent", "address_forbidden", elsewhere=True), None
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout):
            return away, away
        except (httpcore.LocalProtocolError, httpcore.UnsupportedProtocol):
            return Outcome("permanent", "unwritable", elsewhere=True), None
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
            # The push was on its way: they may have it. Those behind it are spared the wait.
            return Outcome("unknown", "connection_lost", elsewhere=True), away
        outcome = _meaning(answer)
        return outcome, outcome if outcome.fate == "throttled" else None


def _meaning(answer: Answer) -> Outcome:
    code = answer.status
    if code in (200, 201, 202):
        return Outcome("accepted", code=code)
    if code in (404, 410):
        return Outcome("permanent", GONE, code, elsewhere=True)
    if code == 429:
        return Outcome("throttled", "too_fast", code, asked_pause(answer.headers, default=TOO_FAST), elsewhere=True)
    if code in (401, 403):
        # Our signature, or a browser that subscribed for another key: no reason to forget anybody.
        return Outcome("auth", "signature_refused", code, elsewhere=True)
    if code == 413:
        return Outcome("permanent", "too_large", code, elsewhere=True)
    if code in (502, 504):
        return Outcome("unknown", "deferred", code, elsewhere=True)
    if code >= 500:
        wait = asked_pause(answer.headers, default=timedelta(seconds=1)) if "Retry-After" in answer.headers else None
        return Outcome("transient", "deferred", code, wait, elsewhere=True)
    return Outcome("permanent", "redirected" if 300 <= code < 400 else "refused", code, elsewhere=True)


class WebPush:
    """The push services of browsers."""

    name = lane = rules.WEB
    channel = "push"

    @contextmanager
    def open(self) -> Iterator[Link]:
        with Guarded(known=settings.WEBPUSH_SERVICES) as door:
            yield _WebPush(door)
