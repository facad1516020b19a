"""Doors for one person's data: to take it along, and to have it erased."""

from __future__ import annotations

from uuid import UUID

from django.http import StreamingHttpResponse

from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Router
from bh_sdk.wire import gdpr as wire
from notify_svc.retention import commands, export, queries

router = Router(tags=["personal data"])


@router.get("/gdpr/export/{uuid:user_id}", auth=may("personal_data", "read"), response=wire.PersonalData)
def export_person(request: Call, user_id: UUID) -> StreamingHttpResponse:
    """Everything that is known of a person, with the words of what they were sent. Each export is written down."""
    queries.access(user_id, by=request.auth)
    commands.note_export(user_id=user_id, by=request.auth.id)
    answer = StreamingHttpResponse(export.document(user_id), content_type="application/json; charset=utf-8")
    answer["Cache-Control"] = "no-store"
    answer["Content-Disposition"] = f'attachment; filename="notifications-{user_id}.json"'
    return answer


@router.post("/gdpr/erase", auth=may("personal_data", "erase"), response=wire.Erased)
def erase_person(request: Call, body: wire.ErasePerson) -> wire.Erased:
    """Erase a person: from now on nothing is sent to them, and soon nothing is kept. Doing it again changes nothing."""
    erased = commands.erase(user_id=body.user_id, by=request.auth.id)
    return wire.Erased(
        user_id=body.user_id,
        status="erased" if erased.finished_at else "under_way",
        erased_at=erased.erased_at,
        finished_at=erased.finished_at,
    )
