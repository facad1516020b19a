"""What the other services have to be told by a call, as rows that are retried until it worked."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F

from bh_sdk.server.ops import clock
from bh_sdk.server.ops.doorbell import ring
from payments_svc.donations.models import Handoff

_LEASE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(minutes=10)


def campaign_changed(campaign_id: UUID, *, at: datetime) -> None:
    """Trust and notify have to learn the campaign's title, owner and currency."""
    _due(Handoff.CAMPAIGN_TO_TRUST, campaign_id, at)
    _due(Handoff.CAMPAIGN_TO_NOTIFY, campaign_id, at)


def guest_changed(guest_id: UUID, *, at: datetime) -> None:
    """Notify has to learn how a guest is reached."""
    _due(Handoff.CONTACT_TO_NOTIFY, guest_id, at)


def _due(kind: str, entity_id: UUID, at: datetime) -> None:
    Handoff.objects.bulk_create([Handoff(kind=kind, entity_id=entity_id, version=0)], ignore_conflicts=True)
    Handoff.objects.filter(kind=kind, entity_id=entity_id).update(
        version=F("version") + 1, due_at=at, attempts=0, last_error=None, done_at=None
    )
    ring("payments.donations.hand_off")


@transaction.atomic
def claim(limit: int) -> list[Handoff]:
    """Due rows, ours for half a minute: a killed worker's rows are due again after it."""
    now = clock.now()
    rows = list(
        Handoff.objects.select_for_update(skip_locked=True).filter(due_at__lte=now).order_by("due_at", "id")[:limit]
    )
    Handoff.objects.filter(id__in=[row.id for row in rows]).update(due_at=now + _LEASE, attempts=F("attempts") + 1)
    return rows


def done(row: Handoff) -> None:
    """Told; unless it changed meanwhile, then it stays due."""
    Handoff.objects.filter(id=row.id, version=row.version).update(due_at=None, done_at=clock.now(), last_error=None)


def failed(row: Handoff, reason: str) -> None:
    pause = min(timedelta(seconds=2) * 2 ** min(row.attempts, 10), _LONGEST_PAUSE)
    Handoff.objects.filter(id=row.id, version=row.version).update(due_at=clock.now() + pause, last_error=reason[:200])
