"""Reading reports."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import Count, QuerySet

from trust_svc.reports.models import Report


def open_about(entity_kind: str, entity_id: UUID) -> list[Report]:
    """The reports about it that nobody has judged, oldest first."""
    found = Report.objects.filter(entity_kind=entity_kind, entity_id=entity_id, state=Report.State.OPEN)
    return list(found.order_by("created_at", "id"))


def reports(ids: Collection[UUID]) -> list[Report]:
    """These reports, oldest first."""
    return list(Report.objects.filter(id__in=list(ids)).order_by("created_at", "id"))


def filed(**chosen: object) -> QuerySet[Report]:
    """Reports with these values; a value of None leaves all in."""
    return Report.objects.filter(**{name: value for name, value in chosen.items() if value is not None})


def names(entity_kind: str, entity_id: UUID) -> set[str]:
    """What evidence calls the reports about it."""
    found = Report.objects.filter(entity_kind=entity_kind, entity_id=entity_id)
    return {told_as or str(key) for key, told_as in found.values_list("id", "told_as")}


def has_reported(person: UUID, entity_kind: str, entity_id: UUID) -> bool:
    """Whether this person ever reported it."""
    return Report.objects.filter(reporter_id=person, entity_kind=entity_kind, entity_id=entity_id).exists()


def counted(entity_kind: str, entity_id: UUID) -> dict[str, int]:
    """How many reports about it there are, by state."""
    found = Report.objects.filter(entity_kind=entity_kind, entity_id=entity_id).order_by()
    return dict(found.values_list("state").annotate(count=Count("id")))
