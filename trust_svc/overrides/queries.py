"""Reading overrides. The pipeline of scores asks `in_force`; it must not lead back to it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from trust_svc.overrides.models import Override
from trust_svc.overrides.rules import ACTIVE, WAITING, InForce


def in_force(entities: Collection[tuple[str, UUID]], *, at: datetime) -> dict[tuple[str, UUID], InForce]:
    """The overrides that count at a moment. One whose time is over counts no more, even before anybody ended it."""
    wanted = set(entities)
    rows = Override.objects.filter(
        state=ACTIVE, entity_id__in={entity_id for _, entity_id in wanted}, expires_at__gt=at
    )
    return {
        (row.entity_kind, row.entity_id): InForce(row.id, row.wish, row.expires_at)
        for row in rows
        if row.expires_at is not None and (row.entity_kind, row.entity_id) in wanted
    }


def active(entity_kind: str, entity_id: UUID) -> Override | None:
    """The override in force of a score."""
    return Override.objects.filter(entity_kind=entity_kind, entity_id=entity_id, state=ACTIVE).first()


def waiting(entity_kind: str, entity_id: UUID) -> Override | None:
    """The override of a score that waits for a second person."""
    return Override.objects.filter(entity_kind=entity_kind, entity_id=entity_id, state=WAITING).first()


def overrides_of(entity_kind: str, entity_id: UUID) -> QuerySet[Override]:
    """Every override there was of a score, newest first."""
    return Override.objects.filter(entity_kind=entity_kind, entity_id=entity_id)


def deciders(override_id: UUID) -> set[UUID]:
    """Who asked for an override and who agreed: an appeal against it goes to somebody else."""
    row = Override.objects.filter(id=override_id).first()
    return {person for person in (row.requested_by, row.approved_by) if person is not None} if row else set()
