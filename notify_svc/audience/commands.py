"""Learning about people and campaigns."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from bh_sdk.errors import Invalid
from bh_sdk.events import DonationSucceeded, RefundFailed, RefundSucceeded
from bh_sdk.server.ops import clock, doorbell
from bh_sdk.server.ops.sealed import keyed_hash
from notify_svc.audience import rules
from notify_svc.audience.models import Campaign, Contact, Gift


@transaction.atomic
def describe_contact(
    *,
    user_id: UUID,
    email: str | None = None,
    phone: str | None = None,
    name: str | None = None,
    locale: str | None = None,
    timezone: str | None = None,
) -> Contact:
    """Replace how a person is reached. What is left out is forgotten. Mails that waited for the address become due.

    Raises Invalid for a time zone that does not exist.
    """
    if timezone is not None and not rules.zone_known(timezone):
        raise Invalid(errors=[{"pointer": "#/timezone", "message": "is not an IANA time zone"}])
    contact = Contact.objects.select_for_update().filter(user_id=user_id).first() or Contact(user_id=user_id)
    contact.email, contact.phone, contact.name = email, phone, name
    contact.has_email, contact.has_phone = email is not None, phone is not None
    contact.email_hash = keyed_hash(rules.normalized(email), "email") if email else ""
    contact.locale = locale or rules.DEFAULT_LOCALE
    contact.timezone = timezone or rules.DEFAULT_TIMEZONE
    contact.updated_at = clock.now()
    contact.save()
    if contact.has_email:
        doorbell.ring("notify.delivery.wake", recipient_id=str(user_id))
    return contact


@transaction.atomic
def describe_campaign(
    *, campaign_id: UUID, title: str, owner_id: UUID, currency: str, category: str | None = None
) -> Campaign:
    """Replace what we know of a campaign. Facts that waited for it are told."""
    campaign, _ = Campaign.objects.update_or_create(
        campaign_id=campaign_id,
        defaults={
            "title": title,
            "owner_id": owner_id,
            "currency": currency,
            "category": category or "",
            "updated_at": clock.now(),
        },
    )
    doorbell.ring("notify.delivery.tell_waiting", campaign_id=str(campaign_id))
    return campaign


def note_gift(fact: DonationSucceeded | RefundSucceeded | RefundFailed) -> None:
    """Keep the list of supporters by a fact of payments. Running twice changes nothing; the gift may be told after its
    refund, but what became of its refunds comes in order."""
    if isinstance(fact, RefundFailed):
        # What had arrived came back, so that the gift is not taken back whole any more.
        if fact.reversed:
            Gift.objects.filter(payment_id=fact.payment_id).update(taken_back=False)
        return
    known = {"campaign_id": fact.campaign_id, "donor_id": fact.donor_id, "guest": fact.guest}
    if isinstance(fact, DonationSucceeded):
        Gift.objects.get_or_create(payment_id=fact.payment_id, defaults=known)
    elif fact.full:
        Gift.objects.update_or_create(payment_id=fact.payment_id, defaults={**known, "taken_back": True})


def forget_gifts() -> None:
    """Empty the list of supporters, to build it again in the same transaction."""
    Gift.objects.all().delete()
