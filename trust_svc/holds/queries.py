"""Reading holds."""

from __future__ import annotations

from uuid import UUID

from trust_svc.evidence import queries as evidence
from trust_svc.holds.models import Hold


def active(entity_kind: str, entity_id: UUID) -> Hold | None:
    """The hold that stops this campaign or person at present."""
    return Hold.objects.filter(entity_kind=entity_kind, entity_id=entity_id, lifted_at=None).first()


def holds_of(entity_kind: str, entity_id: UUID) -> list[Hold]:
    """Every hold there was on it, newest first."""
    return list(Hold.objects.filter(entity_kind=entity_kind, entity_id=entity_id))


def is_ones_own(entity_kind: str, entity_id: UUID, person: str) -> bool:
    """Whether it is this person, or a campaign of theirs: then somebody else stops it and lets it go."""
    return str(evidence.owner_of(entity_kind, entity_id)) == person
