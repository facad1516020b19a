"""Reading about people. Addresses leave here only through `address_of`, one at a time, to be sent to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from bh_sdk.money import Money
from bh_sdk.server.ops.logs import log
from bh_sdk.server.ops.sealed import SealBroken, keyed_hashes
from notify_svc.audience import rules
from notify_svc.audience.models import Campaign, Contact, Erased, Gift, Listed, PeopleList, Raised


@dataclass(frozen=True, slots=True)
class Address:
    """Where one mail goes. Never stored, never logged."""

    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Telephone:
    """Where one text message goes. Never stored, never logged."""

    number: str
    name: str

    def __repr__(self) -> str:
        return "<Telephone>"


@dataclass(frozen=True, slots=True)
class Reach:
    """What is known of a person without opening anything."""

    locale: str
    has_email: bool
    # Keyed; empty without an address.
    email_hash: str = ""
    has_phone: bool = False
    phone_hash: str = ""


def reach(ids: Collection[UUID]) -> dict[UUID, Reach]:
    """How these people can be reached, as far as we know them."""
    rows = Contact.objects.filter(user_id__in=ids).values_list(
        "user_id", "locale", "has_email", "email_hash", "has_phone", "phone_hash"
    )
    return {row[0]: Reach(*row[1:]) for row in rows}


def erased(ids: Collection[UUID]) -> set[UUID]:
    """Of these people, those who were erased: nothing is kept about them, and nothing sent to them."""
    return set(Erased.objects.filter(person_id__in=ids).values_list("person_id", flat=True))


def erasure(user_id: UUID) -> Erased | None:
    """When a person was erased, and whether that is finished; None for somebody who was not."""
    return Erased.objects.filter(person_id=user_id).first()


def to_look_again(*, since: datetime, limit: int) -> list[UUID]:
    """People whose erasure is not finished, and those who were erased since then."""
    rows = Erased.objects.filter(Q(finished_at__isnull=True) | Q(erased_at__gt=since))
    return list(rows.order_by("erased_at").values_list("person_id", flat=True)[:limit])


def count_erased() -> int:
    """How many people were ever erased."""
    return Erased.objects.count()


def count_erasing() -> int:
    """How many people are erased, but not yet out of everything they were told."""
    return Erased.objects.filter(finished_at__isnull=True).count()


def with_email(ids: Collection[UUID]) -> dict[UUID, str]:
    """Of these people, those who have a mail address, with their locale."""
    return dict(Contact.objects.filter(user_id__in=ids, has_email=True).values_list("user_id", "locale"))


def page_of_contacts(*, after: UUID | None, limit: int) -> list[tuple[UUID, datetime]]:
    """The next people by id, behind `after`, with when we were last told how they are reached."""
    rows = Contact.objects.all() if after is None else Contact.objects.filter(user_id__gt=after)
    return list(rows.order_by("user_id").values_list("user_id", "updated_at")[:limit])


def addresses(ids: Collection[UUID]) -> dict[UUID, Address]:
    """Open the mail addresses of these people, for sending. One whose seal is broken is left out, and logged by id."""
    found = {}
    for contact in Contact.objects.filter(user_id__in=ids, has_email=True):
        try:
            name = rules.presentable(contact.name.open() if contact.name else None)
            found[contact.user_id] = Address(contact.email.open(), name)
        except SealBroken as error:
            log().error("contact_unreadable", user_id=str(contact.user_id), exc_info=error)
    return found


def telephones(ids: Collection[UUID]) -> dict[UUID, Telephone]:
    """Open the telephone numbers of these people, for sending. One whose seal is broken is left out, and logged by id."""
    found = {}
    for contact in Contact.objects.filter(user_id__in=ids, has_phone=True):
        try:
            name = rules.presentable(contact.name.open() if contact.name else None)
            found[contact.user_id] = Telephone(contact.phone.open(), name)
        except SealBroken as error:
            log().error("contact_unreadable", user_id=str(contact.user_id), exc_info=error)
    return found


def names(ids: Collection[UUID]) -> dict[UUID, str]:
    """How these people are called, as far as we know and may show it."""
    found = {}
    for contact in Contact.objects.filter(user_id__in=ids, name__isnull=False):
        try:
            found[contact.user_id] = rules.presentable(contact.name.open())
        except SealBroken as error:
            log().error("contact_unreadable", user_id=str(contact.user_id), exc_info=error)
    return found


def zones(ids: Collection[UUID]) -> dict[UUID, str]:
    """In which time zones these people live, as far as we were told."""
    return dict(Contact.objects.filter(user_id__in=ids).values_list("user_id", "timezone")) if ids else {}


def locale(user_id: UUID) -> str:
    """In which language a person reads."""
    return Contact.objects.filter(user_id=user_id).values_list("locale", flat=True).first() or rules.DEFAULT_LOCALE


def hashes_of(email: str) -> list[str]:
    """Under which hashes this mail address may be stored."""
    return keyed_hashes(rules.normalized(email), "email")


def people_of(email: str) -> list[UUID]:
    """Whose mail address this is, as far as we were told."""
    return list(Contact.objects.filter(email_hash__in=hashes_of(email)).values_list("user_id", flat=True))


def phone_hashes_of(number: str) -> list[str]:
    """Under which hashes this telephone number may be stored."""
    return keyed_hashes(number, "phone")


def shown_name(person_id: UUID) -> str:
    """How a donor is named to others; those whose name we do not have are `A donor`."""
    contact = Contact.objects.filter(user_id=person_id).first()
    return (rules.presentable(contact.name.open()) if contact and contact.name else "") or rules.UNNAMED


def shown_title(campaign: Campaign) -> str:
    """How a campaign is named in messages."""
    return rules.one_line(campaign.title) or rules.UNTITLED


def campaign(campaign_id: UUID) -> Campaign | None:
    return Campaign.objects.filter(campaign_id=campaign_id).first()


def find_campaigns(text: str, *, limit: int) -> list[Campaign]:
    """The campaign with this id or exactly this title; else those whose title has it in it."""
    try:
        return list(Campaign.objects.filter(campaign_id=UUID(text)))
    except ValueError:
        same = list(Campaign.objects.filter(title__iexact=text)[:limit])
        return same or list(Campaign.objects.filter(title__icontains=text).order_by("title")[:limit])


def known_campaigns(ids: Collection[UUID]) -> set[UUID]:
    return set(Campaign.objects.filter(campaign_id__in=ids).values_list("campaign_id", flat=True))


def titles(ids: Collection[UUID]) -> dict[UUID, str]:
    """How these campaigns are named in messages, as far as we know them."""
    return {row.campaign_id: shown_title(row) for row in Campaign.objects.filter(campaign_id__in=ids)}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a campaign is, in its own currency."""

    raised: Money
    goal: Money | None

    @property
    def missing(self) -> Money | None:
        """What is missing; None without a goal, or when nothing is."""
        if self.goal is None or self.raised.minor >= self.goal.minor:
            return None
        return Money(self.goal.minor - self.raised.minor, self.goal.code)


def progress(campaign: Campaign) -> Progress:
    """How far a campaign is."""
    row = Raised.objects.filter(campaign_id=campaign.campaign_id, currency=campaign.currency).first()
    goal = Money(campaign.goal, campaign.currency) if campaign.goal else None
    return Progress(Money(row.amount if row else 0, campaign.currency), goal)


def count_donors(campaign_id: UUID) -> int:
    """How many people gave to a campaign, guests among them, and did not take it all back."""
    return Gift.objects.filter(campaign_id=campaign_id, taken_back=False).values("donor_id").distinct().count()


def ending(after: datetime, until: datetime) -> list[Campaign]:
    """The campaigns that stop taking gifts in this span, the first one first."""
    return list(Campaign.objects.filter(ends_at__gt=after, ends_at__lte=until).order_by("ends_at", "campaign_id"))


def given_by_guest(payment_id: UUID) -> bool:
    """Whether a gift came from somebody without an account; not, when we have not heard of the gift."""
    return Gift.objects.filter(payment_id=payment_id, guest=True).exists()


def is_guest(donor_id: UUID) -> bool:
    """Whether this is an id that stands for somebody without an account; not, when we have heard of no gift of theirs."""
    return Gift.objects.filter(donor_id=donor_id, guest=True).exists()


def _supporting(campaign_id: UUID) -> QuerySet[Gift]:
    return Gift.objects.filter(campaign_id=campaign_id, taken_back=False, guest=False)


def supporters(campaign_id: UUID) -> list[UUID]:
    """Who gave to a campaign and did not take it all back. Guests are not among them: they asked for no news."""
    return list(_supporting(campaign_id).order_by("donor_id").values_list("donor_id", flat=True).distinct())


def count_supporters(campaign_id: UUID) -> int:
    """How many people `supporters` would name."""
    return _supporting(campaign_id).values("donor_id").distinct().count()


def page_of_supporters(campaign_id: UUID, *, after: UUID | None, limit: int) -> list[UUID]:
    """The next of the supporters by id, those behind `after`."""
    rows = _supporting(campaign_id)
    if after is not None:
        rows = rows.filter(donor_id__gt=after)
    return list(rows.order_by("donor_id").values_list("donor_id", flat=True).distinct()[:limit])


def count_listed(list_id: UUID) -> int:
    """How many people a list names; none when it is not there."""
    return PeopleList.objects.filter(id=list_id).values_list("size", flat=True).first() or 0


def page_of_listed(list_id: UUID, *, after: UUID | None, limit: int) -> list[UUID]:
    """The next people of a list by id, those behind `after`."""
    rows = Listed.objects.filter(people=list_id)
    if after is not None:
        rows = rows.filter(user_id__gt=after)
    return list(rows.order_by("user_id").values_list("user_id", flat=True)[:limit])


def supported(donor_id: UUID) -> list[UUID]:
    """To which campaigns somebody gave with an account, and did not take it all back."""
    rows = Gift.objects.filter(donor_id=donor_id, taken_back=False, guest=False)
    return list(rows.order_by("campaign_id").values_list("campaign_id", flat=True).distinct())


def about(user_id: UUID) -> dict[str, Any]:
    """All that is known of one person here, opened: for that person. `profile` is None when it is nothing."""
    contact = Contact.objects.filter(user_id=user_id).first()
    given = Gift.objects.filter(donor_id=user_id).order_by("payment_id")
    return {
        "profile": _profile(contact) if contact else None,
        "gifts": list(given.values("payment_id", "campaign_id", "guest", "taken_back")),
    }


def _profile(contact: Contact) -> dict[str, Any]:
    return {
        "email": contact.email.open() if contact.email else None,
        "phone": contact.phone.open() if contact.phone else None,
        "name": contact.name.open() if contact.name else None,
        "locale": contact.locale,
        "timezone": contact.timezone,
        "updated_at": contact.updated_at,
    }
