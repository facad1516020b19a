"""Issuing, voiding and sending receipts.

A refund and a receipt of one gift exclude each other: both lock the payment first. Locks are taken in one order: payments
by id, then the numbers of the year.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from bh_sdk.errors import BHError, Conflict, GiftNotReceiptable, Invalid, NotFound, ReceiptSentJustNow, ReceiptVoid
from bh_sdk.events import ReceiptIssued, ReceiptVoided
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from payments_svc.donations import queries as donations
from payments_svc.receipts import content, declarations, numbers, organisation, queries
from payments_svc.receipts.models import GiftAidDeclaration, Receipt, ReceiptLine, RunRow
from payments_svc.receipts.rules import RESEND_AFTER, Gift, Recipient, Sheet, bounds_of, sheets

if TYPE_CHECKING:
    from payments_svc.donations.models import Payment

# A refund in any other state may still take the money back.
_REFUND_OVER = ("succeeded", "failed", "canceled", "rejected")


@transaction.atomic
def request_receipts(
    *,
    donor_id: UUID,
    payment_ids: Iterable[UUID] | None = None,
    year: int | None = None,
    to: Recipient | None,
    by: str,
    request_digest: str,
) -> list[Receipt]:
    """A donor asks for receipts over these gifts, or over all of a year that stand on none. Who they are made out to is
    remembered. The same `request_digest` again answers the receipts it was given.

    Raises what `issue` raises, and Invalid when nobody said yet who the donor is.
    """
    earlier = list(Receipt.objects.filter(request_digest=request_digest, donor_id=donor_id).order_by("number"))
    if earlier:
        return earlier
    if to is None:
        to = declarations.known_recipient(donor_id)
    else:
        declarations.remember(donor_id=donor_id, to=to)
    if to is None:
        raise Invalid(errors=[{"pointer": "#/donor", "message": "say who the receipt is made out to"}])
    chosen = list(payment_ids) if year is None and payment_ids is not None else _of_year(donor_id, year)
    return issue(payment_ids=chosen, to=to, by=by, request_digest=request_digest)


def _of_year(donor_id: UUID, year: int | None) -> list[UUID]:
    if year is None:
        raise Invalid(errors=[{"pointer": "#/year", "message": "name the gifts, or a year"}])
    since, until = bounds_of(year)
    fit, unfit = receiptable(donations.gifts_between(since, until, donor_id=donor_id))
    if not fit:
        reasons = [{"payment_id": str(payment_id), "reason": reason} for payment_id, reason in unfit]
        raise GiftNotReceiptable(f"No gift of {year} can have a receipt now", year=year, gifts=reasons[:100])
    return fit


@transaction.atomic
def issue(
    *,
    payment_ids: Iterable[UUID],
    to: Recipient,
    by: str,
    request_digest: str,
    run_row: RunRow | None = None,
) -> list[Receipt]:
    """Issue receipts over these gifts of one donor: one for each year, currency and kind.

    Every gift has to be fit for it. Raises NotFound, GiftNotReceiptable, and ReceiptKindUnavailable when the
    organisation's particulars are incomplete; then nothing was issued and no number taken.
    """
    payments = donations.payments_for_update(payment_ids)
    if not payments:
        raise NotFound("There is no gift to issue a receipt for")
    first = payments[0]
    if any((payment.donor_id, payment.user_id) != (first.donor_id, first.user_id) for payment in payments):
        raise Conflict("A receipt is made out to one donor; these gifts are of several")
    gifts = [_gift(payment) for payment in payments]
    declarations = list(GiftAidDeclaration.objects.filter(donor_id=first.donor_id))
    piles = sheets(gifts, country=to.country, covers=[row.cover for row in declarations])
    now = clock.now()
    by_id = {payment.id: payment for payment in payments}
    receipts = []
    for sheet in piles:
        receipt = _write(sheet, by_id, to, by=by, at=now, request_digest=request_digest, run_row=run_row)
        receipts.append(receipt)
    # Facts of several subjects in one order, as `record` asks.
    for receipt in sorted(receipts, key=lambda one: one.id):
        record(ReceiptIssued(**_common(receipt), guest=receipt.is_guest), subject=receipt.id, actor=by)
    return receipts


def _gift(payment: Payment) -> Gift:
    """The gift as it may stand on a receipt; the caller holds the payment's lock. Raises GiftNotReceiptable."""
    refusal = _why_not(payment)
    if refusal is not None:
        raise refusal
    if payment.succeeded_at is None:
        raise GiftNotReceiptable("The gift has not arrived", payment_id=str(payment.id))
    return Gift(
        payment.id,
        payment.currency,
        payment.charged - payment.refunded,
        payment.succeeded_at,
        whole=payment.refunded == 0,
    )


def _why_not(payment: Payment) -> BHError | None:
    """Why no receipt can be issued for a gift now, or None."""
    named = str(payment.id)
    if payment.status != "succeeded":
        return GiftNotReceiptable("The gift has not arrived", payment_id=named, payment_status=payment.status)
    if payment.dispute_status in ("open", "lost"):
        return GiftNotReceiptable("The donor's bank disputes the gift", payment_id=named)
    if payment.refunded == payment.charged:
        return GiftNotReceiptable("The gift was given back", payment_id=named)
    if payment.refunds.exclude(status__in=_REFUND_OVER).exists():
        return GiftNotReceiptable("A refund of the gift is under way", payment_id=named)
    if number := queries.receipt_covering(payment.id):
        return GiftNotReceiptable("The gift stands on a receipt already", payment_id=named, receipt=number)
    return None


def receiptable(payments: Iterable[Payment]) -> tuple[list[UUID], list[tuple[UUID, str]]]:
    """Which gifts are fit for a receipt now, and why the others are not; `issue` looks again under their locks."""
    fit: list[UUID] = []
    unfit: list[tuple[UUID, str]] = []
    for payment in payments:
        refusal = _why_not(payment)
        if refusal is None:
            fit.append(payment.id)
        else:
            unfit.append((payment.id, refusal.detail))
    return fit, unfit


def _write(
    sheet: Sheet,
    payments: dict[UUID, Payment],
    to: Recipient,
    *,
    by: str,
    at: datetime,
    request_digest: str,
    run_row: RunRow | None,
) -> Receipt:
    """The number is there before anything is drawn; what is drawn later comes from these columns alone."""
    one = payments[sheet.gifts[0].payment_id]
    charity = organisation.particulars(sheet.kind)
    receipt = Receipt(
        id=uuid.uuid4(),
        number=numbers.take(at.year),
        kind=sheet.kind,
        year=sheet.year,
        donor_id=one.donor_id,
        user_id=one.user_id,
        currency=sheet.currency,
        amount=sheet.amount,
        donor_name=to.name,
        donor_address=content.sealed_address(to.address),
        content=content.of(sheet, charity=charity, titles={key: row.campaign.title for key, row in payments.items()}),
        request_digest=request_digest,
        run_row=run_row,
        issued_at=at,
        issued_by=by,
    )
    receipt.digest = content.digest(receipt)
    receipt.save(force_insert=True)
    ReceiptLine.objects.bulk_create(
        ReceiptLine(receipt=receipt, payment_id=gift.payment_id, amount=gift.left, given_at=gift.given_at)
        for gift in sheet.gifts
    )
    return receipt


@transaction.atomic
def void(*, receipt_id: UUID, by: str, reason: str) -> Receipt:
    """Take a receipt back for good, with the reason; its gifts can be refunded, or stand on another receipt, after that.

    The number stays taken. Raises NotFound, ReceiptVoid when it was voided before.
    """
    receipt = _for_update(receipt_id)
    receipt.voided_at, receipt.voided_by, receipt.void_reason = clock.now(), by, reason.strip()
    receipt.save(update_fields=["voided_at", "voided_by", "void_reason"])
    receipt.lines.update(voided=True)
    record(ReceiptVoided(**_common(receipt)), subject=receipt.id, actor=by)
    return receipt


@transaction.atomic
def resend(*, receipt_id: UUID, by: str) -> Receipt:
    """Have the donor sent a mail with the way to the receipt once more.

    Raises NotFound, ReceiptVoid, and ReceiptSentJustNow (with `retry_after`) within RESEND_AFTER of the last time.
    """
    receipt, now = _for_update(receipt_id), clock.now()
    if receipt.resent_at is not None and now < receipt.resent_at + RESEND_AFTER:
        refused = ReceiptSentJustNow("It was sent a moment ago; wait before it is sent again")
        refused.retry_after = max(1, int((receipt.resent_at + RESEND_AFTER - now).total_seconds()))
        raise refused
    receipt.resent_at = now
    receipt.save(update_fields=["resent_at"])
    record(ReceiptIssued(**_common(receipt), guest=receipt.is_guest, resent=True), subject=receipt.id, actor=by)
    return receipt


def _for_update(receipt_id: UUID) -> Receipt:
    receipt = Receipt.objects.select_for_update().filter(id=receipt_id).first()
    if receipt is None:
        raise NotFound("There is no such receipt")
    if receipt.voided:
        raise ReceiptVoid(f"Receipt {receipt.number} was voided and no longer holds", receipt=receipt.number)
    return receipt


def _common(receipt: Receipt) -> dict[str, object]:
    return {
        "receipt_id": receipt.id,
        "donor_id": receipt.donor_id,
        "number": receipt.number,
        "kind": receipt.kind,
        "year": receipt.year,
        "amount": receipt.money.decimal,
        "currency": receipt.currency,
    }
