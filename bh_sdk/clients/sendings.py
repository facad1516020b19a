"""What became of what was sent, and taking it back: for the caller who sent it."""

from __future__ import annotations

from bh_sdk.clients.call import Call, Ident, answer, ident
from bh_sdk.wire.notify import Mailing, SentNotification

BASE = "/api/v1/notifications"


def sent(notification_id: Ident, *, timeout: float | None = None) -> Call[SentNotification]:
    """What became of a notification, channel by channel. Raises NotFound for another caller's."""
    path = f"{BASE}/sent/{ident(notification_id, 'notification_id')}"
    return Call("notify.sent", "GET", path, answer(SentNotification), timeout=timeout)


def cancel(notification_id: Ident, *, timeout: float | None = None) -> Call[SentNotification]:
    """Take back what has not left. Doing it again changes nothing."""
    path = f"{BASE}/sent/{ident(notification_id, 'notification_id')}/cancel"
    return Call("notify.cancel", "POST", path, answer(SentNotification), harmless=True, timeout=timeout)


def mailing(mailing_id: Ident, *, timeout: float | None = None) -> Call[Mailing]:
    """How far a message to an audience has come. Raises NotFound for another caller's."""
    path = f"{BASE}/mailings/{ident(mailing_id, 'mailing_id')}"
    return Call("notify.mailing", "GET", path, answer(Mailing), timeout=timeout)


def cancel_mailing(mailing_id: Ident, *, timeout: float | None = None) -> Call[Mailing]:
    """Tell nobody else, and take back what has not left. Doing it again changes nothing."""
    path = f"{BASE}/mailings/{ident(mailing_id, 'mailing_id')}/cancel"
    return Call("notify.cancel_mailing", "POST", path, answer(Mailing), harmless=True, timeout=timeout)
