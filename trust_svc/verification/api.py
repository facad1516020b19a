from __future__ import annotations

from uuid import UUID

from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Cursor, Limit, Page, Router, Status, keyset_page
from bh_sdk.wire.verification import Document, RequestVerification, Verification
from trust_svc.verification import commands, queries

router = Router(tags=["verification"])


@router.post("/verification", auth=may("verification", "request"), response={201: Verification})
def request_verification(request: Call, body: RequestVerification) -> Status[Verification]:
    """Ask to be verified, or that a campaign of one's own is: staff decide within three working days. One open request per
    item; what is verified for more than 60 days yet is refused (`verification_stands`, with `expires_at`)."""
    row = commands.ask(
        item=body.item,
        entity_kind=body.entity_type,
        entity_id=body.entity_id,
        note=body.note,
        shown=[each.content for each in body.documents],
        by=UUID(request.auth.id),
    )
    return Status(201, queries.answer(row))


@router.get("/verification", auth=may("verification", "read"), response=Page[Verification])
def list_verifications(request: Call, cursor: Cursor = None, limit: Limit = 20) -> Page[Verification]:
    """One's own requests in every state, newest first."""
    page = keyset_page(queries.requests_of(UUID(request.auth.id)), request=request, cursor=cursor, limit=limit)
    results = [queries.answer(row) for row in page.results]
    return Page(results=results, next=page.next, previous=page.previous)


@router.get("/verification/{uuid:verification_id}", auth=may("verification", "read"), response=Verification)
def get_verification(request: Call, verification_id: UUID) -> Verification:
    """One of one's own requests."""
    return queries.answer(queries.access_request(verification_id, by=UUID(request.auth.id)))


@router.post(
    "/verification/{uuid:verification_id}/documents", auth=may("verification", "request"), response={201: Verification}
)
def add_verification_document(request: Call, verification_id: UUID, body: Document) -> Status[Verification]:
    """Add a document to an open request, up to six."""
    row = commands.show(request_id=verification_id, content=body.content, by=UUID(request.auth.id))
    return Status(201, queries.answer(row))


@router.post(
    "/verification/{uuid:verification_id}/withdraw", auth=may("verification", "request"), response=Verification
)
def withdraw_verification(request: Call, verification_id: UUID) -> Verification:
    """Take an open request back; its documents are deleted. Asking twice is asking once, so it needs no Idempotency-Key."""
    return queries.answer(commands.withdraw(request_id=verification_id, by=UUID(request.auth.id)))
