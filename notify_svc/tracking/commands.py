"""Taking in what providers say, working it off, and keeping the list of addresses that get nothing more."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import httpx
from django.conf import settings
from django.db import connection, transaction

from bh_sdk.server.ops import clock, doorbell
from bh_sdk.server.ops.logs import log
from notify_svc.audience import queries as audience
from notify_svc.delivery import fates
from notify_svc.delivery.channels import reporters
from notify_svc.delivery.channels.email.mime import AddressUnusable, mailbox
from notify_svc.delivery.channels.email.sns import CertificateAway
from notify_svc.delivery.channels.reports import RawEvent, Unproven, Unreadable
from notify_svc.preferences import commands as choices
from notify_svc.preferences import rules as preferences
from notify_svc.tracking import queries, rules
from notify_svc.tracking.errors import (
    AddressInvalid,
    AlreadyReleased,
    AlreadySuppressed,
    ProviderUnknown,
    SuppressionNotFound,
    WebhookUncheckable,
    WebhookUnproven,
    WebhookUnreadable,
)
from notify_svc.tracking.models import PendingEvent, ProviderEvent, Suppression

WORK = "notify.tracking.work"
# What stands where somebody had written about a person who was erased.
FORGOTTEN = "erased"


def take(*, provider: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Store what a provider says, once it is proven that they say it; returns how many events were new.

    Nothing else happens before they have their answer. Raises ProviderUnknown, WebhookUnproven, WebhookUnreadable,
    WebhookUncheckable.
    """
    reporter = reporters().get(provider)
    if reporter is None:
        raise ProviderUnknown
    try:
        events = reporter.events_of(body, headers)
    except Unproven as error:
        log().warning("webhook_unproven", provider=provider, reason=error.reason)
        raise WebhookUnproven from None
    except Unreadable:
        raise WebhookUnreadable from None
    except (CertificateAway, httpx.HTTPError) as error:
        log().warning("webhook_uncheckable", provider=provider, error=type(error).__name__)
        raise WebhookUncheckable from None
    wanted = [one for one in events if one.kind not in rules.READING or settings.NOTIFY_TRACK_READING]
    return _store(provider, reporter.channel, wanted) if wanted else 0


@transaction.atomic
def _store(provider: str, channel: str, events: Sequence[RawEvent]) -> int:
    now = clock.now()
    rows = [_row(provider, channel, event, now) for event in events]
    ProviderEvent.objects.bulk_create(rows, ignore_conflicts=True)
    new = set(ProviderEvent.objects.filter(id__in=[row.id for row in rows]).values_list("id", flat=True))
    PendingEvent.objects.bulk_create([PendingEvent(event_id=ident, due_at=now) for ident in new])
    if new:
        doorbell.ring(WORK)
    return len(new)


def _row(provider: str, channel: str, event: RawEvent, now: datetime) -> ProviderEvent:
    return ProviderEvent(
        provider=provider,
        event_id=_plain(event.event_id),
        channel=channel,
        kind=event.kind,
        lasting=event.lasting,
        code=_plain(event.code),
        delivery_id=event.delivery_id,
        provider_ref=_plain(event.provider_ref),
        address_hash=_hash(event),
        at=event.at,
        received_at=now,
    )


def _plain(text: str) -> str:
    """Ids and codes are plain words; what else stands in one is left out."""
    return "".join(char for char in text if char.isascii() and char.isprintable())


def _hash(event: RawEvent) -> str:
    """Under which hash an address is kept: the contact's own, however the provider writes its domain."""
    if event.phone:
        return audience.phone_hashes_of(event.phone)[0]
    return audience.hashes_of(event.email)[0] if event.email else ""


def work(*, limit: int = 500) -> int:
    """Work off what is due, each event in a transaction of its own; returns how many were."""
    due = PendingEvent.objects.filter(due_at__lte=clock.now()).order_by("due_at").values_list("event_id", flat=True)
    return sum(_work_one(ident) for ident in list(due[:limit]))


@transaction.atomic
def _work_one(event_id: UUID) -> bool:
    pending = PendingEvent.objects.select_for_update(skip_locked=True, of=("self",)).filter(event_id=event_id).first()
    if pending is None:
        # Another worker has it, or has done it.
        return False
    event = ProviderEvent.objects.get(id=event_id)
    if pending.tries == 0:
        # The address is dead whether or not we find the mail.
        _suppress_after(event)
    if event.kind in rules.WRITTEN:
        # About every message to that number, and so about none.
        pending.delete()
        return True
    learned, delivery = fates.learn(
        fates.Word(event.provider, event.kind, event.at, event.delivery_id, event.provider_ref, event.lasting)
    )
    if learned == "noted" and delivery is not None:
        if event.kind == "unsubscribed" and delivery.notification.category in preferences.OPTIONAL:
            choices.unsubscribe(user_id=delivery.recipient_id, category=delivery.notification.category)
        pending.delete()
        return True
    pending.tries += 1
    pending.due_at = rules.next_look(pending.tries, now=clock.now())
    pending.save(update_fields=["tries", "due_at"])
    if pending.due_at is None:
        log().warning("event_unlinked", event_id=str(event.id), provider=event.provider, kind=event.kind)
    return False


@transaction.atomic
def opted_out(*, provider: str, address_hash: str) -> None:
    """A provider refused a text message, because its reader wrote to it that they want none. Again changes nothing."""
    row = Suppression(
        channel="sms", address_hash=address_hash, reason="opted_out", since=clock.now(), added_by=provider
    )
    Suppression.objects.bulk_create([row], ignore_conflicts=True)


def _welcome_back(event: ProviderEvent) -> None:
    """Whoever wrote STOP and now writes START hears from us again. What else stands against a number stays."""
    held = Suppression.objects.select_for_update().filter(
        channel=event.channel,
        address_hash=event.address_hash,
        reason="opted_out",
        released_at=None,
        since__lte=event.at,
    )
    held.update(released_at=clock.now(), released_by=event.provider, release_note="Its person wrote START")


def _suppress_after(event: ProviderEvent) -> None:
    if not event.address_hash:
        return
    if event.kind == "opted_in":
        _welcome_back(event)
        return
    soft = queries.soft_bounces([event.address_hash], until=event.at)
    reason = rules.suppression(event.kind, lasting=event.lasting, soft=soft)
    if reason is None:
        return
    same = Suppression.objects.filter(channel=event.channel, address_hash=event.address_hash)
    if same.filter(released_at__gte=event.at).exists():
        # An old word: staff have let the address go since.
        return
    row = Suppression(
        channel=event.channel,
        address_hash=event.address_hash,
        reason=reason,
        since=clock.now(),
        event=event,
        added_by=event.provider,
    )
    Suppression.objects.bulk_create([row], ignore_conflicts=True)


@transaction.atomic
def suppress(*, email: str, note: str, by: str) -> Suppression:
    """Send nothing more to an address, by the word of the staff. Raises AddressInvalid, AlreadySuppressed."""
    try:
        mailbox(email)
    except AddressUnusable:
        raise AddressInvalid from None
    hashes = audience.hashes_of(email)
    if queries.suppression_of(hashes, "email") is not None:
        raise AlreadySuppressed
    row = Suppression(
        channel="email", address_hash=hashes[0], reason="by_staff", since=clock.now(), added_by=by, note=note
    )
    Suppression.objects.bulk_create([row], ignore_conflicts=True)
    if not Suppression.objects.filter(id=row.id).exists():
        raise AlreadySuppressed
    return row


@transaction.atomic
def release(*, suppression_id: UUID, note: str, by: str) -> Suppression:
    """Let mail go to an address again; the next bounce or complaint ends that. Raises SuppressionNotFound, AlreadyReleased."""
    row = Suppression.objects.select_for_update().filter(id=suppression_id).first()
    if row is None:
        raise SuppressionNotFound
    if row.released_at is not None:
        raise AlreadyReleased
    row.released_at, row.released_by, row.release_note = clock.now(), by, note
    row.save(update_fields=["released_at", "released_by", "release_note"])
    return row


@dataclass(frozen=True, slots=True)
class Stripped:
    """How many events lost the address they were about, and how many suppressions their notes."""

    events: int
    notes: int


@transaction.atomic
def forget(*, hashes: Collection[str]) -> Stripped:
    """Strip what providers and staff said about an address. Suppressions stay in force: they hold a hash alone."""
    events = ProviderEvent.objects.filter(address_hash__in=hashes).exclude(address_hash="").update(address_hash="")
    about = Suppression.objects.filter(address_hash__in=hashes)
    notes = about.exclude(note__in=("", FORGOTTEN)).update(note=FORGOTTEN)
    notes += about.exclude(release_note__in=("", FORGOTTEN)).update(release_note=FORGOTTEN)
    return Stripped(events, notes)


def forget_events(*, before: datetime, limit: int) -> int:
    """Remove up to `limit` events that were received before, the oldest first; returns how many.

    Those that a suppression stands on lose their address and stay; what is not worked yet stays as it is.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT notify_forget_events(%s, %s)", [before, limit])
        (removed,) = cursor.fetchone() or (0,)
    return int(removed)
