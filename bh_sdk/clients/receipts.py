"""Tax receipts and Gift Aid: operations of the payments client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from bh_sdk.clients.call import Answered, Call, Ident, answer, ask, ident, query
from bh_sdk.errors import UnexpectedAnswer
from bh_sdk.wire.base import Page
from bh_sdk.wire.receipts import (
    DeclareGiftAid,
    DonorDetails,
    GiftAidDeclaration,
    Receipt,
    ReceiptDonor,
    ReceiptsIssued,
    ReceiptVerified,
    RequestReceipts,
)

BASE = "/api/v1/payments"


def request_receipts(
    *,
    payment_ids: Sequence[Ident] | None = None,
    year: int | None = None,
    donor: ReceiptDonor | Mapping[str, Any] | None = None,
    link: str | None = None,
    idempotency_key: UUID | None = None,
    timeout: float | None = None,
) -> Call[ReceiptsIssued]:
    """Tax receipts over gifts of one's own, or over all of a year that stand on none: one for each year, currency and kind.

    `donor` is the legal name and postal address; without it the details given before are used. A guest names one gift and
    shows the `link` of its mail. Raises GiftNotReceiptable, ReceiptKindUnavailable, NotFound.
    """
    body = ask(
        RequestReceipts,
        payment_ids=list(payment_ids) if payment_ids is not None else None,
        year=year,
        donor=dict(donor) if isinstance(donor, Mapping) else donor,
        link=link,
    )
    path, key = f"{BASE}/receipts", idempotency_key or uuid4()
    return Call("payments.request_receipts", "POST", path, answer(ReceiptsIssued), body=body, key=key, timeout=timeout)


def receipts(
    *, year: int | None = None, limit: int = 50, cursor: str | None = None, timeout: float | None = None
) -> Call[Page[Receipt]]:
    """One's own receipts, newest first; `year` is the year of the gifts."""
    filters = query(year=year, limit=limit, cursor=cursor)
    return Call("payments.receipts", "GET", f"{BASE}/receipts", answer(Page[Receipt]), filters, timeout=timeout)


def receipt(receipt_id: Ident, *, link: str | None = None, timeout: float | None = None) -> Call[Receipt]:
    """One receipt. A guest shows the token of the mail's `link`. Raises NotFound, for others' too."""
    path = f"{BASE}/receipts/{ident(receipt_id, 'receipt_id')}"
    return Call("payments.receipt", "GET", path, answer(Receipt), query(link=link), timeout=timeout)


def receipt_pdf(receipt_id: Ident, *, link: str | None = None, timeout: float | None = None) -> Call[bytes]:
    """The receipt as PDF; a voided one says so on every page. Raises NotFound, for others' too."""
    path = f"{BASE}/receipts/{ident(receipt_id, 'receipt_id')}/pdf"
    return Call("payments.receipt_pdf", "GET", path, _pdf, query(link=link), timeout=timeout)


def _pdf(answered: Answered) -> bytes:
    if not answered.body.startswith(b"%PDF-"):
        raise UnexpectedAnswer("The answer is no PDF", request_id=answered.request_id)
    return answered.body


def resend_receipt(
    receipt_id: Ident,
    *,
    link: str | None = None,
    idempotency_key: UUID | None = None,
    timeout: float | None = None,
) -> Call[Receipt]:
    """Have the mail of the receipt sent to its donor once more. Raises ReceiptVoid, NotFound."""
    path = f"{BASE}/receipts/{ident(receipt_id, 'receipt_id')}/resend"
    key = idempotency_key or uuid4()
    return Call("payments.resend_receipt", "POST", path, answer(Receipt), query(link=link), key=key, timeout=timeout)


def verify_receipt(token: str, *, timeout: float | None = None) -> Call[ReceiptVerified]:
    """Whether the receipt behind a QR code is genuine and holds. Public. Raises NotFound for any code that is not ours."""
    # Whatever a scanner read goes into the path as one word.
    word = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "." for letter in token)
    path = f"{BASE}/receipts/verify/{word or '.'}"
    return Call("payments.verify_receipt", "GET", path, answer(ReceiptVerified), timeout=timeout)


def receipt_details(*, timeout: float | None = None) -> Call[DonorDetails]:
    """The name and address that one's receipts are made out to. Raises NotFound when none were given."""
    return Call("payments.receipt_details", "GET", f"{BASE}/receipt-details", answer(DonorDetails), timeout=timeout)


def set_receipt_details(*, name: str, address: Mapping[str, str], timeout: float | None = None) -> Call[DonorDetails]:
    """Tell them, also for the receipts that are made once a year; replaces what was told before."""
    body = ask(ReceiptDonor, name=name, address=dict(address))
    path = f"{BASE}/receipt-details"
    return Call("payments.set_receipt_details", "PUT", path, answer(DonorDetails), body=body, timeout=timeout)


def gift_aid_declaration(*, timeout: float | None = None) -> Call[GiftAidDeclaration]:
    """The Gift Aid declaration that holds. Raises NotFound when there is none."""
    path = f"{BASE}/gift-aid-declaration"
    return Call("payments.gift_aid_declaration", "GET", path, answer(GiftAidDeclaration), timeout=timeout)


def declare_gift_aid(
    *,
    name: str,
    address: Mapping[str, str],
    statement: str,
    past_years: bool = False,
    timeout: float | None = None,
) -> Call[GiftAidDeclaration]:
    """A UK taxpayer's declaration, from today. `statement` is the version of the words that were agreed to.

    Raises GiftAidDeclared when another one holds.
    """
    body = ask(DeclareGiftAid, name=name, address=dict(address), statement=statement, past_years=past_years)
    path = f"{BASE}/gift-aid-declaration"
    return Call("payments.declare_gift_aid", "PUT", path, answer(GiftAidDeclaration), body=body, timeout=timeout)


def cancel_gift_aid(*, timeout: float | None = None) -> Call[None]:
    """Cancel it: gifts from now on are not covered. Raises NotFound when there is none."""
    path = f"{BASE}/gift-aid-declaration"
    return Call("payments.cancel_gift_aid", "DELETE", path, lambda _: None, timeout=timeout, expects=frozenset({204}))
