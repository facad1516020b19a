"""Which addresses get nothing more, and what providers said of a delivery."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q

from notify_svc.audience import queries as audience
from notify_svc.tracking import rules
from notify_svc.tracking.models import PendingEvent, ProviderEvent, Suppression


def suppressed(hashes: Collection[str], channel: str) -> set[str]:
    """Of these hashed addresses, those that get nothing through `channel`."""
    held = Suppression.objects.filter(channel=channel, address_hash__in=hashes, released_at__isnull=True)
    return set(held.values_list("address_hash", flat=True))


def unwelcome(emails: Mapping[UUID, str]) -> set[UUID]:
    """Of these people and their mail addresses, those to whose address nothing is sent."""
    hashes = {person: audience.hashes_of(email) for person, email in emails.items()}
    held = suppressed([one for several in hashes.values() for one in several], "email")
    return {person for person, several in hashes.items() if not held.isdisjoint(several)}


def unwelcome_by_phone(phones: Mapping[UUID, str]) -> set[UUID]:
    """Of these people and their telephone numbers, those whose number asked to be left alone, or is dead."""
    hashes = {person: audience.phone_hashes_of(number) for person, number in phones.items()}
    held = suppressed([one for several in hashes.values() for one in several], "sms") if hashes else set()
    return {person for person, several in hashes.items() if not held.isdisjoint(several)}


def suppression_of(hashes: Collection[str], channel: str) -> Suppression | None:
    """The open suppression of one address, whose hashes these are."""
    return Suppression.objects.filter(channel=channel, address_hash__in=hashes, released_at__isnull=True).first()


def events_of(delivery_id: UUID, *, provider: str, provider_ref: str) -> list[ProviderEvent]:
    """What was said of a delivery, the newest first."""
    about = Q(delivery_id=delivery_id)
    if provider_ref:
        about |= Q(provider=provider, provider_ref=provider_ref)
    return list(ProviderEvent.objects.filter(about).order_by("-at", "-received_at"))


def soft_bounces(hashes: Collection[str], *, until: datetime) -> int:
    """How often mail to one address came back for a passing reason in the month before `until`."""
    back = ProviderEvent.objects.filter(kind__in=rules.BACK, lasting=False, address_hash__in=hashes)
    return back.filter(at__gt=until - rules.SOFT_WITHIN, at__lte=until).count()


def unlinked() -> int:
    """How many events nobody's delivery was found for, so that staff have to look."""
    return PendingEvent.objects.filter(due_at__isnull=True).count()


def suppressions_of(hashes: Collection[str]) -> Iterator[Mapping[str, Any]]:
    """Why and since when addresses get nothing: for whose they are."""
    rows = Suppression.objects.filter(address_hash__in=hashes)
    columns = ("channel", "reason", "since", "added_by", "note", "released_at", "release_note")
    return iter(rows.order_by("since").values(*columns))


def said_of(hashes: Collection[str], delivery_ids: Collection[UUID]) -> Iterator[Mapping[str, Any]]:
    """What providers said of these deliveries or of these addresses: for whose they are."""
    about = Q(delivery_id__in=delivery_ids) | Q(address_hash__in=hashes)
    rows = ProviderEvent.objects.filter(about).order_by("at", "id")
    return rows.values("provider", "channel", "kind", "code", "at", "delivery_id").iterator()


def count_suppressed() -> list[tuple[str, str, int]]:
    """How many addresses get nothing more, by channel and reason."""
    held = Suppression.objects.filter(released_at__isnull=True).order_by()
    return list(held.values_list("channel", "reason").annotate(n=Count("id")))
