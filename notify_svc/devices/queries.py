"""Reading about devices. Their addresses leave here only through `opened`, to be sent to."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from bh_sdk.server.ops.logs import log
from bh_sdk.server.ops.sealed import SealBroken, keyed_hashes
from notify_svc.devices.models import Device
from notify_svc.devices.rules import Opened


def hashes_of(address: str) -> list[str]:
    """Under which hashes this token or endpoint may be stored."""
    return keyed_hashes(address, "device")


def of_person(user_id: UUID) -> list[Device]:
    """A person's devices, the one that asked last first."""
    return list(Device.objects.filter(user_id=user_id, retired_at__isnull=True).order_by("-seen_at", "id"))


def about(user_id: UUID) -> list[dict[str, Any]]:
    """Everything that is known of a person's devices, opened: for that person."""
    rows = Device.objects.filter(user_id=user_id).order_by("created_at", "id")
    return [
        {
            "kind": row.kind,
            "address": row.address.open() if row.address else None,
            "service": row.service,
            "created_at": row.created_at,
            "seen_at": row.seen_at,
            "retired_at": row.retired_at,
            "reason": row.reason,
        }
        for row in rows
    ]


def owners(ids: Collection[UUID], *, kinds: Collection[str]) -> set[UUID]:
    """Of these people, those with a device of one of these kinds."""
    live = Device.objects.filter(user_id__in=ids, retired_at__isnull=True, kind__in=kinds)
    return set(live.values_list("user_id", flat=True))


def kinds_of(ids: Collection[UUID], *, kinds: Collection[str], now: datetime) -> dict[UUID, list[tuple[UUID, str]]]:
    """The devices of these people, of these kinds: id and kind, in a fixed order. Those that have expired are left out."""
    found: dict[UUID, list[tuple[UUID, str]]] = {}
    live = Device.objects.filter(user_id__in=ids, retired_at__isnull=True, kind__in=kinds)
    rows = live.order_by("created_at", "id").values_list("user_id", "id", "kind", "expires_at")
    for user_id, ident, kind, expires_at in rows:
        if expires_at is None or expires_at > now:
            found.setdefault(user_id, []).append((ident, kind))
    return found


def opened(ids: Collection[UUID]) -> dict[UUID, Opened]:
    """Open these devices' addresses, for sending; retired ones are left out, those with a broken seal too, and logged."""
    found = {}
    for row in Device.objects.filter(id__in=ids, retired_at__isnull=True):
        try:
            found[row.id] = Opened(
                row.id,
                row.user_id,
                row.kind,
                row.address.open(),
                row.p256dh.open() if row.p256dh else "",
                row.auth.open() if row.auth else "",
                row.seen_at,
            )
        except SealBroken as error:
            log().error("device_unreadable", device_id=str(row.id), exc_info=error)
    return found
