"""What is added when a mail leaves, because it must not be stored: the links that open a gift or a receipt. And what is
stored already, elsewhere: the items of a digest."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings

from bh_sdk.tokens import gift_link, receipt_link
from notify_svc.delivery import catalogue
from notify_svc.delivery.models import Notification
from notify_svc.digests import showing
from notify_svc.preferences import links as preferences
from notify_svc.preferences.rules import is_digest
from notify_svc.wording.rendering import Links


def at_send(notification: Notification) -> dict[str, Any]:
    """The variables that only the leaving mail holds. A guest's link to a gift is signed; who has an account signs in
    instead. The way to a receipt is signed for everybody: a mail cannot sign in."""
    return _added(notification, signed=True)


def shown_to_staff(notification: Notification) -> dict[str, Any]:
    """The same, without the signature: a preview opens nobody's gift and nobody's receipt."""
    return _added(notification, signed=False)


def of_recipient(notification: Notification) -> Links:
    """Where this person leaves what the mail belongs to, or chooses what comes. Signed, so never stored."""
    own = preferences.links(notification.recipient_id, notification.category)
    return Links(own.unsubscribe_url, own.preferences_url)


def of_nobody(notification: Notification) -> Links:
    """The same for staff, without the signature: a preview unsubscribes nobody."""
    shown = preferences.shown_to_staff(notification.category)
    return Links(shown.unsubscribe_url, shown.preferences_url)


def _added(notification: Notification, *, signed: bool) -> dict[str, Any]:
    if is_digest(notification.type):
        return showing.shown(UUID(notification.data["window_id"]))
    row = catalogue.BY_TYPE.get(notification.type)
    match row.opens if row else "":
        case "receipt":
            return {"receipt_url": _receipt(notification, signed=signed)}
        case "gift":
            return {"gift_url": _gift(notification, signed=signed and notification.guest)}
    return {}


def _gift(notification: Notification, *, signed: bool) -> str:
    payment_id = UUID(notification.data["payment_id"])
    query = f"?{urlencode({'link': gift_link(settings.BH_LINK_KEY, payment_id)})}" if signed else ""
    return f"{settings.BH_SITE_URL}/gifts/{payment_id}{query}"


def _receipt(notification: Notification, *, signed: bool) -> str:
    receipt_id = UUID(notification.data["receipt_id"])
    query = f"?{urlencode({'link': receipt_link(settings.BH_LINK_KEY, receipt_id)})}" if signed else ""
    return f"{settings.BH_PAYMENTS_PUBLIC_URL}/api/v1/payments/receipts/{receipt_id}/pdf{query}"
