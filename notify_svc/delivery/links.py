"""What is added when a mail leaves, because it must not be stored: the links that open a gift or a receipt. And what is
stored already, elsewhere: the items of a digest."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings

from bh_sdk.tokens import gift_link, receipt_link
from notify_svc.delivery import occasions
from notify_svc.delivery.models import Notification
from notify_svc.digests import showing
from notify_svc.preferences import links as preferences
from notify_svc.preferences.rules import is_digest
from notify_svc.wording.rendering import Links

RECEIPT = "receipt.issued"


def at_send(notification: Notification) -> dict[str, Any]:
    """The variables that only the leaving mail holds. A guest's link to a gift is signed; who has an account signs in
    instead. The way to a receipt is signed for everybody: a mail cannot sign in."""
    if notification.type == RECEIPT:
        receipt_id = UUID(notification.data["receipt_id"])
        query = urlencode({"link": receipt_link(settings.BH_LINK_KEY, receipt_id)})
        return {"receipt_url": f"{_receipt(notification)}?{query}"}
    if is_digest(notification.type):
        return showing.shown(UUID(notification.data["window_id"]))
    if notification.type not in occasions.ABOUT_A_GIFT:
        return {}
    payment_id = UUID(notification.data["payment_id"])
    query = f"?{urlencode({'link': gift_link(settings.BH_LINK_KEY, payment_id)})}" if notification.guest else ""
    return {"gift_url": f"{settings.BH_SITE_URL}/gifts/{payment_id}{query}"}


def of_recipient(notification: Notification) -> Links:
    """Where this person leaves what the mail belongs to, or chooses what comes. Signed, so never stored."""
    own = preferences.links(notification.recipient_id, notification.category)
    return Links(own.unsubscribe_url, own.preferences_url)


def of_nobody(notification: Notification) -> Links:
    """The same for staff, without the signature: a preview unsubscribes nobody."""
    shown = preferences.shown_to_staff(notification.category)
    return Links(shown.unsubscribe_url, shown.preferences_url)


def shown_to_staff(notification: Notification) -> dict[str, Any]:
    """The same, without the signature: a preview opens nobody's gift and nobody's receipt."""
    if notification.type == RECEIPT:
        return {"receipt_url": _receipt(notification)}
    if is_digest(notification.type):
        return showing.shown(UUID(notification.data["window_id"]))
    if notification.type not in occasions.ABOUT_A_GIFT:
        return {}
    return {"gift_url": f"{settings.BH_SITE_URL}/gifts/{notification.data['payment_id']}"}


def _receipt(notification: Notification) -> str:
    return f"{settings.BH_PAYMENTS_PUBLIC_URL}/api/v1/payments/receipts/{notification.data['receipt_id']}/pdf"
