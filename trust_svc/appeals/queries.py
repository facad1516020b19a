"""Reading appeals."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from bh_sdk.errors import NotFound
from bh_sdk.wire.appeals import Appeal as AppealAnswer
from trust_svc.appeals.models import Appeal


def appeals_of(person: UUID) -> QuerySet[Appeal]:
    """What this person filed."""
    return Appeal.objects.filter(filed_by=person)


def appeals_about(entity_kind: str, entity_id: UUID) -> list[Appeal]:
    """Every appeal there was about this campaign or person, newest first."""
    return list(Appeal.objects.filter(entity_kind=entity_kind, entity_id=entity_id).order_by("-filed_at", "-id"))


def access_appeal(appeal_id: UUID, *, by: UUID) -> Appeal:
    """An appeal of this person. Raises NotFound for anybody else's."""
    found = appeals_of(by).filter(id=appeal_id).first()
    if found is None:
        raise NotFound("There is no such appeal of yours")
    return found


def last_decided(kind: str, entity_id: UUID, against: str, target_id: UUID) -> Appeal | None:
    """The newest decided appeal against the same."""
    same = Appeal.objects.filter(entity_kind=kind, entity_id=entity_id, against=against, target_id=target_id)
    return same.exclude(state="open").order_by("-decided_at").first()


def open_appeal(kind: str, entity_id: UUID, against: str, target_id: UUID) -> Appeal | None:
    same = Appeal.objects.filter(entity_kind=kind, entity_id=entity_id, against=against, target_id=target_id)
    return same.filter(state="open").first()


def answer(row: Appeal) -> AppealAnswer:
    """The appeal as its maker sees it: never who decided, and nothing that staff wrote for staff."""
    return AppealAnswer.model_validate(
        {
            "appeal_id": row.id,
            "entity_type": row.entity_kind,
            "entity_id": row.entity_id,
            "against": row.against,
            "status": row.state,
            "filed_at": row.filed_at,
            "due_at": row.due_at,
            "decided_at": row.decided_at,
            "answer": row.answer.open() if row.answer is not None else None,
        }
    )
