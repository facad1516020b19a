"""Tax receipts and Gift Aid: `/api/v1/payments/receipts…`, `/api/v1/payments/gift-aid-declaration`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.http import HttpResponse
from ninja import Query
from pydantic import Field

from bh_sdk.errors import IdempotencyKeyMissing, Invalid, NotFound
from bh_sdk.server.access import Principal, may
from bh_sdk.server.api import Call, Cursor, Limit, Page, Router, Status, idempotent, keyset_page
from bh_sdk.wire import receipts as wire
from payments_svc.receipts import answers, commands, declarations, files, queries

router = Router(tags=["receipts"])

Link = Annotated[str | None, Field(max_length=100, description="From the mail of the receipt, or of a gift on it")]
_BYTES = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}
_PDF = {"responses": {200: {"description": "The receipt", "content": _BYTES}}}


def _asker(request: Call, body: wire.RequestReceipts) -> str:
    """Whose Idempotency-Key is it? A guest is known by the gift; that it is theirs, the link proves."""
    gift = body.payment_ids[0] if request.auth.is_guest and body.payment_ids else ""
    return f"{request.auth.kind}:{request.auth.id}/{gift}"


@router.post("/receipts", auth=may("receipt", "request"), response={201: wire.ReceiptsIssued})
@idempotent(caller=_asker)
def request_receipts(request: Call, body: wire.RequestReceipts) -> Status[wire.ReceiptsIssued]:
    """Ask for tax receipts over gifts of one's own. A gift that stands on a receipt is not refunded before it is voided."""
    if (body.payment_ids is None) == (body.year is None):
        raise Invalid(errors=[{"pointer": "#/payment_ids", "message": "name the gifts, or a year: one of the two"}])
    if request.idempotency is None:
        raise IdempotencyKeyMissing
    receipts = commands.request_receipts(
        donor_id=_donor(request.auth, body),
        payment_ids=body.payment_ids,
        year=body.year,
        to=answers.recipient(body.donor) if body.donor else None,
        by=request.auth.id,
        request_digest=request.idempotency.digest,
    )
    return Status(201, wire.ReceiptsIssued(results=[answers.receipt(row) for row in receipts]))


def _donor(by: Principal, body: wire.RequestReceipts) -> UUID:
    if body.payment_ids is not None:
        return queries.donor_of_gifts(body.payment_ids, by=by, link=body.link)
    return _person(by)


def _person(by: Principal) -> UUID:
    """The caller as a donor. A guest and a service have no receipts of their own."""
    if by.kind != "user":
        raise NotFound("A guest asks with the link of a gift")
    return UUID(by.id)


@router.get("/receipts", auth=may("receipt", "list"), response=Page[wire.Receipt])
def list_receipts(
    request: Call,
    year: Annotated[int | None, Query(ge=2000, le=2999)] = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[wire.Receipt]:
    """One's own receipts, newest first; `year` is the year of the gifts."""
    own = queries.receipts_of(_person(request.auth), year=year)
    page = keyset_page(own, request=request, cursor=cursor, limit=limit, order=("-issued_at", "-id"))
    return Page[wire.Receipt](
        results=[answers.receipt(row) for row in page.results], next=page.next, previous=page.previous
    )


@router.get("/receipts/{uuid:receipt_id}", auth=may("receipt", "read"), response=wire.Receipt)
def get_receipt(request: Call, receipt_id: UUID, link: Link = None) -> wire.Receipt:
    """One receipt: for its donor, staff, and a guest with the `link` of the mail."""
    return answers.receipt(queries.access_receipt(receipt_id, by=request.auth, link=link))


@router.get("/receipts/{uuid:receipt_id}/pdf", auth=may("receipt", "read"), openapi_extra=_PDF)
def download_receipt(request: Call, receipt_id: UUID, link: Link = None) -> HttpResponse:
    """The receipt as PDF. A voided one says so on every page."""
    receipt = queries.access_receipt(receipt_id, by=request.auth, link=link)
    return as_file(files.pdf_of(receipt), f"{receipt.number}.pdf")


def as_file(content: bytes, name: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "private, no-store"},
    )


@router.post("/receipts/{uuid:receipt_id}/resend", auth=may("receipt", "resend"), response={202: wire.Receipt})
@idempotent(caller=lambda request, _: f"{request.auth.kind}:{request.auth.id}")
def resend_receipt(request: Call, receipt_id: UUID, link: Link = None) -> Status[wire.Receipt]:
    """Have a mail with the way to the receipt sent to its donor once more."""
    queries.access_receipt(receipt_id, by=request.auth, link=link)
    return Status(202, answers.receipt(commands.resend(receipt_id=receipt_id, by=request.auth.id)))


@router.get("/receipts/verify/{token}", auth=may("receipt", "verify"), response=wire.ReceiptVerified)
def verify_receipt(request: Call, token: str) -> wire.ReceiptVerified:
    """Whether a receipt is genuine and holds: what the page behind the QR code tells. Public, with the code alone."""
    return answers.verified(queries.verified(token))


@router.get("/receipt-details", auth=may("receipt_details", "read"), response=wire.DonorDetails)
def get_receipt_details(request: Call) -> wire.DonorDetails:
    """The name and address that one's receipts are made out to."""
    return answers.details(declarations.details(_person(request.auth)))


@router.put("/receipt-details", auth=may("receipt_details", "write"), response=wire.DonorDetails)
def put_receipt_details(request: Call, body: wire.ReceiptDonor) -> wire.DonorDetails:
    """Tell the name and address for receipts, also for those that are made once a year. Replaces what was told before."""
    return answers.details(declarations.remember(donor_id=_person(request.auth), to=answers.recipient(body)))


@router.get("/gift-aid-declaration", auth=may("gift_aid", "read"), response=wire.GiftAidDeclaration)
def get_gift_aid_declaration(request: Call) -> wire.GiftAidDeclaration:
    """The declaration that holds."""
    held = declarations.standing(_person(request.auth))
    if held is None:
        raise NotFound("There is no Gift Aid declaration")
    return answers.declaration(held)


@router.put(
    "/gift-aid-declaration",
    auth=may("gift_aid", "declare"),
    response={200: wire.GiftAidDeclaration, 201: wire.GiftAidDeclaration},
)
def declare_gift_aid(request: Call, body: wire.DeclareGiftAid) -> Status[wire.GiftAidDeclaration]:
    """Declare, as a UK taxpayer, that gifts from today (and those of the past four years) are Gift Aid donations."""
    row, created = declarations.declare(
        donor_id=_person(request.auth),
        to=answers.recipient(body),
        statement=body.statement,
        past_years=body.past_years,
    )
    return Status(201 if created else 200, answers.declaration(row))


@router.delete("/gift-aid-declaration", auth=may("gift_aid", "cancel"), response={204: None})
def cancel_gift_aid(request: Call) -> Status[None]:
    """Cancel the declaration: gifts from now on are not covered."""
    declarations.cancel(donor_id=_person(request.auth))
    return Status(204, None)
