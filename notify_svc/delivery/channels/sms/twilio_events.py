"""What Twilio tells: what became of a message, and what people write back. Signed over our own address and the form.

Source: https://www.twilio.com/docs/usage/webhooks/webhooks-security and …/messaging/guides/track-outbound-message-status.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from django.conf import settings

from notify_svc.delivery.channels.reports import Kind, RawEvent, Unproven, Unreadable
from notify_svc.delivery.channels.sms.twilio import E164, callback_url

SIGNATURE = "X-Twilio-Signature"
_KINDS: dict[str, Kind] = {"delivered": "delivered", "undelivered": "bounced", "failed": "dropped"}
# The number is no telephone (any more), or none that takes text messages.
_LASTING = frozenset({"21211", "21614", "30005", "30006"})
# What carriers everywhere take for "stop" and "go on", and Twilio too.
STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE"})
START = frozenset({"START", "UNSTOP", "YES"})


def events_of(body: bytes, headers: Mapping[str, str]) -> list[RawEvent]:
    """The event in a call of Twilio; none when it says nothing that we keep. Raises Unproven, Unreadable."""
    try:
        given = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=200)
    except (UnicodeDecodeError, ValueError):
        raise Unproven("unreadable") from None
    _verify(given, headers.get(SIGNATURE, ""))
    form = dict(given)
    sid = form.get("MessageSid") or form.get("SmsSid") or ""
    if not 0 < len(sid) <= 64:
        raise Unreadable("no message of Twilio")
    # Twilio tells no time.
    now = datetime.now(UTC)
    if "MessageStatus" in form:
        return _status(form, sid, now)
    return _written(form, sid, now)


def _verify(given: list[tuple[str, str]], signature: str) -> None:
    signed = callback_url() + "".join(name + value for name, value in sorted(set(given)))
    made = hmac.new(settings.TWILIO_AUTH_TOKEN.encode(), signed.encode(), hashlib.sha1).digest()
    if not hmac.compare_digest(base64.b64encode(made).decode().encode(), signature.encode("utf-8", "replace")):
        raise Unproven("signature_invalid")


def _status(form: Mapping[str, str], sid: str, now: datetime) -> list[RawEvent]:
    kind = _KINDS.get(form["MessageStatus"])
    if kind is None:
        # Queued, sending, sent: we know that.
        return []
    error = form.get("ErrorCode", "")
    to = form.get("To", "")
    return [
        RawEvent(
            event_id=f"{sid}:{form['MessageStatus']}",
            kind=kind,
            at=now,
            provider_ref=sid,
            phone=to if E164.fullmatch(to) else "",
            lasting=error in _LASTING,
            code=error[:64],
        )
    ]


def _written(form: Mapping[str, str], sid: str, now: datetime) -> list[RawEvent]:
    """What a person wrote to us: only whether they want no more, or again. Their words are not kept."""
    sender = form.get("From", "")
    word = (form.get("OptOutType") or form.get("Body", "")).strip().strip(".!").upper()
    kind: Kind | None = "opted_out" if word in STOP else "opted_in" if word in START else None
    if kind is None or not E164.fullmatch(sender):
        return []
    return [RawEvent(event_id=f"{sid}:{kind}", kind=kind, at=now, phone=sender)]
