"""Text messages by Twilio. Source: https://www.twilio.com/docs/messaging/api/message-resource and …/api/errors.

Twilio knows no idempotency key: a call is never repeated by itself, and an answer that was lost leaves the fate unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
from django.conf import settings

from bh_sdk.server.ops import clock
from notify_svc.delivery.channels.base import OPTED_OUT, Letter, Link, Outcome
from notify_svc.delivery.channels.pauses import asked_pause
from notify_svc.delivery.channels.sparing import AWAY, Sparing
from notify_svc.wording.segments import segments

TIMEOUT = httpx.Timeout(20, connect=5)
TOO_FAST = timedelta(seconds=10)
# The longest that Twilio keeps a message for its turn.
KEPT, SHORTEST = timedelta(hours=10), timedelta(seconds=10)
E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
# What the number itself is to blame for.
_DEAD = frozenset({21211, 21214, 21217, 21219, 21401, 21407, 21421, 21614})
_BY_CODE: dict[int, tuple[Any, str]] = {
    # Its person wrote STOP.
    21610: ("permanent", OPTED_OUT),
    # We may not send there, or that way: no number's fault, and no trying again helps it.
    21408: ("permanent", "region_unserved"),
    21612: ("permanent", "route_unserved"),
    21617: ("permanent", "too_long"),
    # Ours to put right.
    20003: ("auth", "credentials_refused"),
    20404: ("auth", "configuration_missing"),
    21212: ("auth", "sender_refused"),
    21606: ("auth", "sender_refused"),
    21705: ("auth", "sender_refused"),
    20429: ("throttled", "too_fast"),
}


def form_of(letter: Letter) -> dict[str, str]:
    """The letter in Twilio's words."""
    left = KEPT if letter.expires_at is None else min(KEPT, letter.expires_at - clock.now())
    body = "\n".join(filter(None, [letter.words.body, letter.words.action_url]))
    sender = settings.TWILIO_FROM
    return {
        "To": letter.phone,
        "MessagingServiceSid" if sender.startswith("MG") else "From": sender,
        "Body": body,
        "StatusCallback": callback_url(),
        "ValidityPeriod": str(int(max(SHORTEST, left).total_seconds())),
    }


def callback_url() -> str:
    """Where Twilio tells what became of a message, letter for letter as it is signed."""
    return f"{settings.BH_NOTIFY_PUBLIC_URL}/api/v1/notifications/webhooks/twilio"


class _Twilio:
    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def carry(self, letter: Letter) -> Outcome:
        if not E164.fullmatch(letter.phone):
            return Outcome("permanent", "address_unusable")
        form = form_of(letter)
        try:
            cost = segments(form["Body"]).count
            answer = self._client.post(f"/2010-04-01/Accounts/{settings.TWILIO_ACCOUNT_SID}/Messages.json", data=form)
        except UnicodeEncodeError:
            # Half a character: no message can say it.
            return Outcome("permanent", "unwritable")
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError):
            return Outcome("transient", AWAY)
        except httpx.HTTPError:
            # The request was on its way: Twilio may have it.
            return Outcome("unknown", "connection_lost")
        return _meaning(answer, cost)


def _meaning(answer: httpx.Response, cost: int) -> Outcome:
    status, told = answer.status_code, _told(answer)
    if status in (200, 201):
        return Outcome("accepted", code=status, provider_ref=str(told.get("sid", ""))[:200], segments=cost)
    error = told.get("code")
    if error in _DEAD:
        return Outcome("permanent", "address_unusable", status)
    if isinstance(error, int) and error in _BY_CODE:
        fate, reason = _BY_CODE[error]
        wait = asked_pause(answer.headers, default=TOO_FAST) if fate == "throttled" else None
        return Outcome(fate, reason, status, wait)
    if status == 429:
        return Outcome("throttled", "too_fast", status, asked_pause(answer.headers, default=TOO_FAST))
    if status in (401, 403):
        return Outcome("auth", "credentials_refused", status)
    if status in (502, 504):
        # A gateway that gave up does not know what the service behind it did.
        return Outcome("unknown", "deferred", status)
    return Outcome("transient", "deferred", status) if status >= 500 else Outcome("permanent", "refused", status)


def _told(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


class Twilio:
    """Twilio's Programmable Messaging."""

    name, channel, lane = "twilio", "sms", ""

    @contextmanager
    def open(self) -> Iterator[Link]:
        with httpx.Client(
            base_url=settings.TWILIO_URL,
            auth=(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN),
            timeout=TIMEOUT,
            follow_redirects=False,
        ) as client:
            yield Sparing(_Twilio(client).carry)
