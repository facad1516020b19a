"""Finding campaigns and payments. Whatever a caller may not see is NotFound, as if it were not there."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import F, QuerySet

from bh_sdk.errors import NotFound
from bh_sdk.server.access import Principal
from bh_sdk.server.ops.sealed import hash_matches, keyed_hashes
from bh_sdk.tokens import check_gift_link
from payments_svc.donations.models import Campaign, FailedTry, Guest, Payment
from payments_svc.donations.rules import is_presentable


def campaign(campaign_id: UUID) -> Campaign:
    try:
        return Campaign.objects.get(id=campaign_id)
    except Campaign.DoesNotExist:
        raise NotFound("There is no such campaign") from None


def campaigns_among(ids: Collection[UUID]) -> dict[UUID, Campaign]:
    """The campaigns of these ids, as far as payments knows them."""
    return Campaign.objects.in_bulk(list(set(ids)))


def campaigns_owned_by(owner_id: UUID) -> list[UUID]:
    """An organiser's campaigns."""
    return list(Campaign.objects.filter(owner_id=owner_id).order_by("id").values_list("id", flat=True))


def payment(payment_id: UUID) -> Payment:
    found = Payment.objects.select_related("campaign").filter(id=payment_id).first()
    if found is None:
        raise NotFound("There is no such payment")
    return found


def payment_for_update(payment_id: UUID) -> Payment:
    """The payment's row, locked until the transaction ends. Every change of a payment starts here; lock it before
    anything else that belongs to it."""
    try:
        return Payment.objects.select_for_update().get(id=payment_id)
    except Payment.DoesNotExist:
        raise NotFound("There is no such payment") from None


def payments_for_update(payment_ids: Iterable[UUID]) -> list[Payment]:
    """Several payments' rows with their campaigns, locked in the order of their ids: whoever locks more than one does it
    this way. Raises NotFound when one of them is not there."""
    wanted = set(payment_ids)
    held = list(
        Payment.objects.select_for_update(of=("self",)).filter(id__in=wanted).order_by("id").select_related("campaign")
    )
    if len(held) != len(wanted):
        raise NotFound("There is no such payment")
    return held


def gifts_between(since: datetime, until: datetime, *, donor_id: UUID | None = None) -> QuerySet[Payment]:
    """The gifts that arrived from `since` up to `until`, of one donor or of all."""
    arrived = Payment.objects.filter(status="succeeded", succeeded_at__gte=since, succeeded_at__lt=until)
    return arrived if donor_id is None else arrived.filter(donor_id=donor_id)


def guests_by_mail(address: str) -> list[UUID]:
    """The guest behind a mail address, found by its keyed hash; empty when nobody gave with it."""
    hashes = keyed_hashes(address.strip().lower(), "email")
    return list(Guest.objects.filter(email_hash__in=hashes).values_list("id", flat=True))


def payment_of_call(request_digest: str) -> Payment | None:
    """The payment that a call opened, if it came so far."""
    return Payment.objects.filter(request_digest=request_digest).first()


def refundable_of(campaign_id: UUID) -> list[UUID]:
    """The payments of a campaign of which not everything was given back, the oldest first."""
    found = Payment.objects.filter(campaign_id=campaign_id, status="succeeded", refunded__lt=F("charged"))
    return list(found.order_by("succeeded_at", "id").values_list("id", flat=True))


def guest_name(guest_id: UUID) -> str | None:
    """How a guest is greeted; None when there is no such guest."""
    guest = Guest.objects.filter(id=guest_id).first()
    return str(guest.name.open()) if guest is not None else None


def own_payment(payment_id: UUID, *, by: Principal, link: str | None = None) -> Payment:
    """The payment, for its payer alone: signed in, or with the link of the thank-you mail. Raises NotFound."""
    payment = Payment.objects.filter(id=payment_id).first()
    if payment is None or not _is_payers(payment, by=by, link=link):
        raise NotFound("There is no such payment")
    return payment


def _is_payers(payment: Payment, *, by: Principal, link: str | None) -> bool:
    if payment.user_id is not None and str(payment.user_id) == by.id:
        return True
    return link is not None and check_gift_link(settings.BH_LINK_KEY, payment.id, link)


def access_payment(payment_id: UUID, *, by: Principal, link: str | None = None) -> Payment:
    """The payment, for its payer, for staff and the platform, and for a guest who holds the link of the thank-you mail."""
    payment = Payment.objects.filter(id=payment_id).first()
    if payment is not None and (by.may("payment", "read_any") or _is_payers(payment, by=by, link=link)):
        return payment
    raise NotFound("There is no such payment")


def access_payment_to_confirm(intent_id: str, *, by: Principal, client_secret: str | None) -> Payment:
    """The payment of an intent, for its payer; a guest proves it with the client secret."""
    payment = Payment.objects.filter(intent_id=intent_id).first()
    if payment is not None and _is_payer(payment, by=by, client_secret=client_secret):
        return payment
    raise NotFound("There is no such payment")


def access_payment_to_cancel(payment_id: UUID, *, by: Principal, client_secret: str | None) -> Payment:
    """The payment, for its payer; a guest proves it with the client secret."""
    payment = Payment.objects.filter(id=payment_id).select_related("campaign").first()
    if payment is not None and _is_payer(payment, by=by, client_secret=client_secret):
        return payment
    raise NotFound("There is no such payment")


def _is_payer(payment: Payment, *, by: Principal, client_secret: str | None) -> bool:
    if payment.user_id is not None and str(payment.user_id) == by.id:
        return True
    known = payment.client_secret_hash
    return client_secret is not None and known is not None and hash_matches(client_secret, "client_secret", known)


def card_of_payment(payment_id: UUID) -> str | None:
    """The keyed hash of the card that paid, or else of the last one that was tried."""
    paid = Payment.objects.filter(id=payment_id).values_list("cluster", flat=True).first()
    tried = FailedTry.objects.filter(payment_id=payment_id, cluster__isnull=False).order_by("-created_at")
    return paid or tried.values_list("cluster", flat=True).first()


def access_history(user_id: UUID, *, by: Principal) -> None:
    """Whose history may be read: one's own, and anybody's by staff and the platform. Raises NotFound."""
    if by.id != str(user_id) and not by.may("payment", "read_any"):
        raise NotFound("There is no such history")


def recent_public_gifts(campaign_id: UUID, *, limit: int) -> list[tuple[Payment, str | None]]:
    """The latest gifts to a campaign that were not given back, each with the name to show: a guest's own, or none for an
    anonymous gift, for a name that reads like an address of the web, and for a signed-in donor, whose name the platform
    holds."""
    kept = Payment.objects.filter(campaign_id=campaign_id, status="succeeded", refunded__lt=F("charged"))
    kept = kept.exclude(dispute_status="lost")
    return [(gift, _shown_name(gift)) for gift in kept.order_by("-succeeded_at", "-id")[:limit]]


def _shown_name(gift: Payment) -> str | None:
    if gift.anonymous or gift.guest_name is None:
        return None
    name = str(gift.guest_name.open())
    return name if is_presentable(name) else None


def payment_of_intent(intent_id: str, *, payment_id: str | None) -> UUID | None:
    """Whose intent is this? Stripe may tell of an intent before the call that opened it came back: then its own note of
    the payment's id says."""
    known = Payment.objects.filter(intent_id=intent_id).values_list("id", flat=True).first()
    if known is None and payment_id is not None:
        try:
            wanted = UUID(payment_id)
        except ValueError:
            return None
        known = Payment.objects.filter(id=wanted, intent_id__isnull=True).values_list("id", flat=True).first()
    return known
