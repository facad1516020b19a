"""Mail by SendGrid (Web API v3). Source: https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send.

SendGrid writes the message itself, so it gets our envelope as JSON. It neither follows links nor counts readers for us.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
from django.conf import settings

from notify_svc.delivery.channels.base import Letter, Link, Outcome
from notify_svc.delivery.channels.email import mime
from notify_svc.delivery.channels.pauses import asked_pause
from notify_svc.delivery.channels.sparing import AWAY, Sparing

TIMEOUT = httpx.Timeout(20, connect=5)
TOO_FAST = timedelta(seconds=10)
# SendGrid writes these itself.
_ITS_OWN = frozenset({"Date"})


def body_of(letter: Letter) -> dict[str, Any]:
    """The letter in SendGrid's words. Raises AddressUnusable."""
    sealed = mime.envelope(letter)
    to = {"email": sealed.to} | ({"name": sealed.name} if sealed.name else {})
    off = {"enable": False}
    return {
        "personalizations": [{"to": [to], "custom_args": {"delivery_id": str(letter.delivery_id)}}],
        "from": {"email": sealed.sender, "name": sealed.sender_name},
        "subject": sealed.subject,
        "content": [
            {"type": "text/plain", "value": letter.words.text},
            {"type": "text/html", "value": letter.words.html},
        ],
        "headers": {name: value for name, value in sealed.headers.items() if name not in _ITS_OWN},
        "tracking_settings": {
            "click_tracking": off | {"enable_text": False},
            "open_tracking": off,
            "subscription_tracking": off,
        },
    }


class _SendGrid:
    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def carry(self, letter: Letter) -> Outcome:
        try:
            body = body_of(letter)
        except mime.AddressUnusable:
            return Outcome("permanent", "address_unusable")
        if not body["personalizations"][0]["to"][0]["email"].isascii():
            return Outcome("permanent", "smtputf8_unsupported")
        try:
            answer = self._client.post("/v3/mail/send", json=body)
        except UnicodeEncodeError:
            # Half a character: JSON cannot say it.
            return Outcome("permanent", "unwritable")
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError):
            return Outcome("transient", AWAY)
        except httpx.HTTPError:
            # The request was on its way: SendGrid may have it.
            return Outcome("unknown", "connection_lost")
        return _meaning(answer)


def _meaning(answer: httpx.Response) -> Outcome:
    code = answer.status_code
    if code in (200, 202):
        return Outcome("accepted", code=code, provider_ref=answer.headers.get("X-Message-Id", "")[:200])
    if code == 429:
        return Outcome("throttled", "too_fast", code, asked_pause(answer.headers, default=TOO_FAST))
    if code in (401, 403):
        return Outcome("auth", "credentials_refused", code)
    if code in (502, 504):
        # A gateway that gave up does not know what the service behind it did.
        return Outcome("unknown", "deferred", code)
    return Outcome("transient", "deferred", code) if code >= 500 else Outcome("permanent", "refused", code)


class SendGrid:
    """Twilio SendGrid."""

    name, channel, lane = "sendgrid", "email", ""

    @contextmanager
    def open(self) -> Iterator[Link]:
        with httpx.Client(
            base_url=settings.SENDGRID_URL,
            headers={"Authorization": f"Bearer {settings.SENDGRID_API_KEY}"},
            timeout=TIMEOUT,
            follow_redirects=False,
        ) as client:
            yield Sparing(_SendGrid(client).carry)
