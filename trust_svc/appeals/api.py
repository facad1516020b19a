from __future__ import annotations

from uuid import UUID

from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Cursor, Limit, Page, Router, Status, keyset_page
from bh_sdk.wire.appeals import Appeal, FileAppeal
from trust_svc.appeals import commands, queries

router = Router(tags=["appeals"])


@router.post("/appeal", auth=may("appeal", "file"), response={201: Appeal})
def file_appeal(request: Call, body: FileAppeal) -> Status[Appeal]:
    """Appeal against a decision about oneself or a campaign of one's own. Somebody else decides within five working days.
    What is not there, or another's, is a 404."""
    row = commands.file_appeal(
        entity_kind=body.entity_type,
        entity_id=body.entity_id,
        against=body.against,
        decision_id=body.decision_id,
        statement=body.statement,
        evidence_urls=body.evidence_urls,
        by=UUID(request.auth.id),
    )
    return Status(201, queries.answer(row))


@router.get("/appeal", auth=may("appeal", "read"), response=Page[Appeal])
def list_appeals(request: Call, cursor: Cursor = None, limit: Limit = 20) -> Page[Appeal]:
    """One's own appeals, newest first."""
    rows = queries.appeals_of(UUID(request.auth.id))
    page = keyset_page(rows, request=request, cursor=cursor, limit=limit, order=("-filed_at", "-id"))
    results = [queries.answer(row) for row in page.results]
    return Page(results=results, next=page.next, previous=page.previous)


@router.get("/appeal/{uuid:appeal_id}", auth=may("appeal", "read"), response=Appeal)
def get_appeal(request: Call, appeal_id: UUID) -> Appeal:
    """One of one's own appeals, with its answer."""
    return queries.answer(queries.access_appeal(appeal_id, by=UUID(request.auth.id)))
