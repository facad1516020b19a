"""Taking in devices, letting them go, and retiring those that nothing reaches any more."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from bh_sdk.errors import Invalid
from bh_sdk.server.ops import clock
from notify_svc.audience import queries as audience
from notify_svc.devices import queries, rules
from notify_svc.devices.errors import DeviceNotFound, DeviceRetired, PersonErased
from notify_svc.devices.models import Device


@dataclass(frozen=True, slots=True)
class Browser:
    """A subscription as a browser tells it; the keys in either way to write base64."""

    endpoint: str
    p256dh: str
    auth: str
    expires_at: datetime | None = None


def subscribe(*, user_id: UUID, token: str | None = None, browser: Browser | None = None) -> Device:
    """Tell this person on this device from now on; again changes nothing. A device is one person's: the last to ask.

    Beyond `rules.MOST` the one that was silent longest makes room. Of somebody who was erased nothing is kept.
    Raises Invalid, with a pointer per field, and PersonErased.
    """
    if audience.erased([user_id]):
        raise PersonErased
    if browser is None:
        return _keep(user_id, rules.FCM, token or "", service="fcm.googleapis.com", values={})
    refused = rules.endpoint_refused(browser.endpoint, known=settings.WEBPUSH_SERVICES)
    p256dh, auth = rules.public_key(browser.p256dh), rules.secret(browser.auth)
    wrong = {
        "#/endpoint": refused,
        "#/keys/p256dh": None if p256dh else "is no public key of a browser",
        "#/keys/auth": None if auth else "is no secret of a browser",
        "#/expirationTime": "has passed" if browser.expires_at and browser.expires_at <= clock.now() else None,
    }
    if any(wrong.values()):
        raise Invalid(errors=[{"pointer": at, "message": message} for at, message in wrong.items() if message])
    service = rules.service(browser.endpoint).partition("://")[2]
    values = {"p256dh": p256dh, "auth": auth, "expires_at": browser.expires_at}
    return _keep(user_id, rules.WEB, browser.endpoint, service=service, values=values)


@transaction.atomic
def _keep(user_id: UUID, kind: str, address: str, *, service: str, values: Mapping[str, object]) -> Device:
    now, hashes = clock.now(), queries.hashes_of(address)
    held = Device.objects.select_for_update().filter(address_hash__in=hashes, retired_at__isnull=True)
    device = held.first()
    if device is None:
        fresh = Device(
            id=uuid.uuid4(),
            user_id=user_id,
            kind=kind,
            address=address,
            address_hash=hashes[0],
            service=service[:260],
            created_at=now,
            seen_at=now,
            **values,
        )
        # Two tabs that ask at once are one device.
        Device.objects.bulk_create([fresh], ignore_conflicts=True)
        device = held.get()
    device.user_id, device.seen_at = user_id, now
    for name, value in values.items():
        setattr(device, name, value)
    device.save(update_fields=["user_id", "seen_at", *values])
    _make_room(user_id, now)
    return device


def _make_room(user_id: UUID, now: datetime) -> None:
    mine = Device.objects.filter(user_id=user_id, retired_at__isnull=True).order_by("-seen_at", "-created_at", "id")
    _retire(Device.objects.filter(id__in=list(mine.values_list("id", flat=True)[rules.MOST :])), "too_many", now)


@transaction.atomic
def unsubscribe(*, user_id: UUID, address: str | None = None, device_id: UUID | None = None) -> None:
    """Forget one of a person's devices, by its token, its endpoint or its id. Raises DeviceNotFound, also for another's."""
    which = Q(id=device_id) if device_id else Q(address_hash__in=queries.hashes_of(address or ""))
    if not Device.objects.filter(which, user_id=user_id, retired_at__isnull=True).delete()[0]:
        raise DeviceNotFound


def forget_person(*, user_id: UUID) -> int:
    """Erase a person's devices, retired ones too; returns how many."""
    return int(Device.objects.filter(user_id=user_id).delete()[0])


@transaction.atomic
def gone(ids: Collection[UUID], *, asked_at: datetime) -> int:
    """Retire the devices that their push service knows no more; one that asked again meanwhile is left alone."""
    return _retire(Device.objects.filter(id__in=ids, seen_at__lte=asked_at), "gone", clock.now())


@transaction.atomic
def retire(*, device_id: UUID, by: str) -> Device:
    """Send nothing more to a device, by the word of the staff, until it asks again. Raises DeviceRetired."""
    device = Device.objects.select_for_update().get(id=device_id)
    if not _retire(Device.objects.filter(id=device_id), "by_staff", clock.now(), by=by):
        raise DeviceRetired
    device.refresh_from_db()
    return device


@transaction.atomic
def forget() -> int:
    """Retire what has expired or was not heard of for too long, and drop what was retired long ago; returns how many."""
    now = clock.now()
    retired = _retire(Device.objects.filter(expires_at__lte=now), "expired", now)
    retired += _retire(Device.objects.filter(seen_at__lt=now - rules.UNSEEN), "unseen", now)
    return retired + Device.objects.filter(retired_at__lt=now - rules.KEPT).delete()[0]


def _retire(rows: QuerySet[Device], reason: str, now: datetime, *, by: str = "") -> int:
    return rows.filter(retired_at__isnull=True).update(
        retired_at=now, reason=reason, retired_by=by, address=None, p256dh=None, auth=None
    )
