"""Learning about people and campaigns."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib.postgres.functions import RandomUUID
from django.db import transaction
from django.db.models import F

from bh_sdk.errors import Invalid
from bh_sdk.events import DonationSucceeded, RefundFailed, RefundSucceeded
from bh_sdk.money import Money
from bh_sdk.server.ops import clock, doorbell
from bh_sdk.server.ops.logs import log
from bh_sdk.server.ops.sealed import SealBroken, keyed_hash
from notify_svc.audience import queries, rules
from notify_svc.audience.models import Campaign, Contact, Erased, Gift, Listed, PeopleList, Raised


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

    Of somebody who was erased nothing is kept: the contact that is answered is empty and stored nowhere.
    Raises Invalid for a time zone that does not exist.
    """
    if timezone is not None and not rules.zone_known(timezone):
        raise Invalid(errors=[{"pointer": "#/timezone", "message": "is not an IANA time zone"}])
    if queries.erased([user_id]):
        return Contact(
            user_id=user_id, locale=rules.DEFAULT_LOCALE, timezone=rules.DEFAULT_TIMEZONE, updated_at=clock.now()
        )
    contact = Contact.objects.select_for_update().filter(user_id=user_id).first() or Contact(user_id=user_id)
    contact.email, contact.phone, contact.name = email, phone, name
    contact.has_email, contact.has_phone = email is not None, phone is not None
    contact.email_hash = keyed_hash(rules.normalized(email), "email") if email else ""
    contact.phone_hash = keyed_hash(phone, "phone") if phone else ""
    contact.locale = locale or rules.DEFAULT_LOCALE
    contact.timezone = timezone or rules.DEFAULT_TIMEZONE
    contact.updated_at = clock.now()
    contact.save()
    if contact.has_email:
        doorbell.ring("notify.delivery.wake", recipient_id=str(user_id))
    return contact


@transaction.atomic
def describe_campaign(
    *,
    campaign_id: UUID,
    title: str,
    owner_id: UUID,
    currency: str,
    category: str | None = None,
    goal: str | None = None,
    ends_at: datetime | None = None,
) -> Campaign:
    """Replace what we know of a campaign. Facts that waited for it are told. Raises AmountInvalid for such a goal."""
    campaign, _ = Campaign.objects.update_or_create(
        campaign_id=campaign_id,
        defaults={
            "title": title,
            "owner_id": owner_id,
            "currency": currency,
            "category": category or "",
            "goal": Money.parse(goal, currency).minor if goal is not None else None,
            "ends_at": ends_at,
            "updated_at": clock.now(),
        },
    )
    doorbell.ring("notify.delivery.tell_waiting", campaign_id=str(campaign_id))
    return campaign


@transaction.atomic
def note_gift(fact: DonationSucceeded | RefundSucceeded | RefundFailed) -> None:
    """Keep the list of supporters, and what campaigns raised, by a fact of payments. Running twice changes nothing; the
    gift may be told after its refund, but what became of its refunds comes in order."""
    gift = Gift.objects.select_for_update().filter(payment_id=fact.payment_id).first()
    if isinstance(fact, RefundFailed):
        # What had arrived came back, so that the gift is not taken back whole any more.
        if gift is not None and fact.reversed:
            _change(gift, fact.currency, refunded=_minor(fact.refunded_total, fact.currency), taken_back=False)
        return
    if gift is None:
        # Of somebody who was erased the gift counts as anybody's, and nobody is told anything for it.
        erased = bool(queries.erased([fact.donor_id]))
        donor_id, guest = (uuid4(), True) if erased else (fact.donor_id, fact.guest)
        known = {"campaign_id": fact.campaign_id, "donor_id": donor_id, "guest": guest}
        if isinstance(fact, DonationSucceeded):
            gift = Gift(payment_id=fact.payment_id, **known)
        elif fact.full:
            gift = Gift(payment_id=fact.payment_id, taken_back=True, **known)
        else:
            return
        gift.save(force_insert=True)
    if isinstance(fact, DonationSucceeded):
        if gift.amount == 0:
            _change(gift, fact.currency, amount=_minor(fact.amount, fact.currency))
        return
    taken_back = gift.taken_back or fact.full
    _change(gift, fact.currency, refunded=_minor(fact.refunded_total, fact.currency), taken_back=taken_back)


def _change(gift: Gift, currency: str, **to: Any) -> None:
    before = rules.kept(gift.amount, gift.refunded, gift.taken_back)
    for field, value in to.items():
        setattr(gift, field, value)
    gift.save(update_fields=list(to))
    more = rules.kept(gift.amount, gift.refunded, gift.taken_back) - before
    if more:
        raised, _ = Raised.objects.get_or_create(campaign_id=gift.campaign_id, currency=currency)
        Raised.objects.filter(id=raised.id).update(amount=F("amount") + more)


def _minor(amount: str, currency: str) -> int:
    return Money.parse(amount, currency).minor


def forget_gifts() -> None:
    """Empty the list of supporters and the sums, to build them again in the same transaction."""
    Gift.objects.all().delete()
    Raised.objects.all().delete()


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What is gone of a person: how many rows, and under which hashes their mail address and number stand elsewhere.
    `first`: they were not erased before."""

    first: bool
    rows: int
    hashes: tuple[str, ...]


def forget(*, user_id: UUID) -> Forgotten:
    """Erase how a person was reached, in the caller's transaction; doing it again changes nothing.

    Their gifts become those of guests whom nobody knows, so that sums stay. The id stays as that of somebody who was erased.
    """
    _, first = Erased.objects.get_or_create(person_id=user_id, defaults={"erased_at": clock.now()})
    contact = Contact.objects.select_for_update().filter(user_id=user_id).first()
    hashes = _hashes(contact) if contact else ()
    rows = Contact.objects.filter(user_id=user_id).delete()[0]
    rows += Gift.objects.filter(donor_id=user_id).update(donor_id=RandomUUID(), guest=True)
    rows += Listed.objects.filter(user_id=user_id).delete()[0]
    return Forgotten(first, rows, hashes)


def _hashes(contact: Contact) -> tuple[str, ...]:
    """Under which hashes the person's mail address and number may stand."""
    try:
        email = queries.hashes_of(contact.email.open()) if contact.email else []
        phone = queries.phone_hashes_of(contact.phone.open()) if contact.phone else []
    except SealBroken as error:
        log().error("contact_unreadable", user_id=str(contact.user_id), exc_info=error)
        email, phone = [contact.email_hash], [contact.phone_hash]
    return tuple(filter(None, [*email, *phone]))


def finish_forgetting(*, user_id: UUID) -> None:
    """Nothing that was sent to this person is left."""
    Erased.objects.filter(person_id=user_id, finished_at__isnull=True).update(finished_at=clock.now())


def drop_contacts(ids: Collection[UUID], *, before: datetime) -> int:
    """Forget how these people are reached, unless we were told anew since; returns how many."""
    return int(Contact.objects.filter(user_id__in=ids, updated_at__lt=before).delete()[0])


@transaction.atomic
def keep_list(*, ids: Iterable[UUID], by: str) -> PeopleList:
    """Keep a list of people, each once."""
    people = sorted(set(ids))
    row = PeopleList.objects.create(size=len(people), added_by=by, created_at=clock.now())
    Listed.objects.bulk_create([Listed(people=row, user_id=one) for one in people], batch_size=5_000)
    return row
