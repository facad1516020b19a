"""Pushes to apps by Firebase Cloud Messaging (HTTP v1), through a thin client of our own.

Source: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages and …/v1/ErrorCode. The notification's id
is the tag under which a telephone shows it: given again, it takes its own place.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
from django.conf import settings

from bh_sdk.server.ops import clock
from notify_svc.delivery.channels.base import GONE, Letter, Link, Outcome
from notify_svc.delivery.channels.pauses import asked_pause
from notify_svc.delivery.channels.push.google import NoToken, account, tokens
from notify_svc.delivery.channels.sparing import AWAY, Sparing
from notify_svc.devices import rules

TIMEOUT = httpx.Timeout(20, connect=5)
# A telephone that was off for longer has the feed.
KEPT = timedelta(days=2)
# Google asks for at least so much after "too fast", and after "not now".
TOO_FAST, NOT_NOW = timedelta(seconds=60), timedelta(seconds=10)


def message_of(letter: Letter, token: str) -> dict[str, Any]:
    """The letter in Google's words."""
    words, tag = letter.words, str(letter.notification_id or letter.delivery_id)
    left = KEPT if letter.expires_at is None else min(KEPT, letter.expires_at - clock.now())
    lives, urgent = max(0, int(left.total_seconds())), letter.urgency == "high"
    message: dict[str, Any] = {
        "token": token,
        "notification": {"title": words.title, "body": words.body},
        # Values are strings: so FCM wants it.
        "data": {"notification_id": tag, "type": letter.type, "url": words.action_url},
        "android": {
            "priority": "HIGH" if urgent else "NORMAL",
            "ttl": f"{lives}s",
            "notification": {"tag": tag},
        },
        "apns": {
            "headers": {
                "apns-priority": "10" if urgent else "5",
                "apns-expiration": str(int(clock.now().timestamp()) + lives),
                "apns-collapse-id": tag,
            }
        },
    }
    return {"message": message}


class _Fcm:
    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._account = account(settings.FCM_SERVICE_ACCOUNT)

    def carry(self, letter: Letter) -> Outcome:
        if letter.device is None or letter.device.kind != rules.FCM:
            return Outcome("permanent", "address_unusable")
        body = message_of(letter, letter.device.address)
        try:
            token = tokens.of(self._account)
            outcome = self._asked(body, token)
            if outcome.fate == "auth" and outcome.code == 401 and not outcome.elsewhere:
                # It was taken back before its time: nothing was sent, so this is no second try.
                outcome = self._asked(body, tokens.of(self._account, instead_of=token))
        except NoToken as error:
            return error.outcome
        return outcome

    def _asked(self, body: dict[str, Any], token: str) -> Outcome:
        place = f"/v1/projects/{self._account.project_id}/messages:send"
        try:
            answer = self._client.post(place, json=body, headers={"Authorization": f"Bearer {token}"})
        except UnicodeEncodeError:
            # Half a character: JSON cannot say it.
            return Outcome("permanent", "unwritable")
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError):
            return Outcome("transient", AWAY)
        except httpx.HTTPError:
            # The request was on its way: Google may have it.
            return Outcome("unknown", "connection_lost")
        return _meaning(answer)


def _meaning(answer: httpx.Response) -> Outcome:
    code = answer.status_code
    told = _told(answer)
    if code == 200:
        # Its name ends with what tells it from others of the project.
        return Outcome("accepted", code=code, provider_ref=str(told.get("name", "")).rpartition("/")[2][:200])
    error = _error(told)
    if error in _BY_NAME:
        return _BY_NAME[error](answer)
    if code == 429:
        return _throttled(answer)
    if code in (502, 504):
        # A gateway that gave up does not know what the service behind it did.
        return Outcome("unknown", "deferred", code)
    if code >= 500:
        return _not_now(answer)
    if code in (401, 403, 404):
        # Not known, not allowed, or no such project: that is ours to put right, and no telephone's fault.
        return Outcome("auth", "configuration_missing" if code == 404 else "credentials_refused", code)
    return Outcome("permanent", "redirected" if 300 <= code < 400 else "refused", code)


def _told(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _error(told: dict[str, Any]) -> str:
    """FCM's own name for what is wrong; "TOKEN" when it says that the token is none."""
    error = told.get("error")
    details = error.get("details") if isinstance(error, dict) else None
    found = ""
    for one in details if isinstance(details, list) else []:
        if not isinstance(one, dict):
            continue
        violations = one.get("fieldViolations")
        if isinstance(violations, list) and any(
            isinstance(each, dict) and each.get("field") == "message.token" for each in violations
        ):
            return "TOKEN"
        found = found or str(one.get("errorCode", ""))
    return found


def _gone(answer: httpx.Response) -> Outcome:
    return Outcome("permanent", GONE, answer.status_code)


def _throttled(answer: httpx.Response) -> Outcome:
    wait = asked_pause(answer.headers, default=TOO_FAST)
    return Outcome("throttled", "too_fast", answer.status_code, wait)


def _not_now(answer: httpx.Response) -> Outcome:
    return Outcome("transient", "deferred", answer.status_code, asked_pause(answer.headers, default=NOT_NOW))


def _apple(answer: httpx.Response) -> Outcome:
    # Apple's certificate, or a browser's key: other telephones are reached all the same.
    return Outcome("auth", "credentials_refused", answer.status_code, elsewhere=True)


_BY_NAME = {
    "UNREGISTERED": _gone,
    # The token belongs to another app's project.
    "SENDER_ID_MISMATCH": _gone,
    "TOKEN": _gone,
    "INVALID_ARGUMENT": lambda answer: Outcome("permanent", "refused", answer.status_code),
    "QUOTA_EXCEEDED": _throttled,
    "UNAVAILABLE": _not_now,
    "INTERNAL": _not_now,
    "THIRD_PARTY_AUTH_ERROR": _apple,
}


class Fcm:
    """Google's Firebase Cloud Messaging."""

    name = lane = rules.FCM
    channel = "push"

    @contextmanager
    def open(self) -> Iterator[Link]:
        with httpx.Client(base_url=settings.FCM_URL, timeout=TIMEOUT, follow_redirects=False) as client:
            yield Sparing(_Fcm(client).carry)
