"""Finding receipts. Whatever a caller may not see is NotFound, as if it were not there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet, Sum

from bh_sdk.errors import NotFound
from bh_sdk.events import ReceiptIssued
from bh_sdk.money import Money
from bh_sdk.server.access import Principal
from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.tokens import check_gift_link, check_receipt_link
from payments_svc.donations import queries as donations
from payments_svc.receipts.links import read_verification_token
from payments_svc.receipts.models import AnnualRun, Receipt, ReceiptLine, RunRow


def receipt_covering(payment_id: UUID) -> str | None:
    """The number of the receipt that a gift stands on, unless it was voided: such a gift is not given back.

    Ask it under the payment's row lock. Issuing takes the same lock first, so of a refund and a receipt one comes second
    and sees the other.
    """
    held = ReceiptLine.objects.filter(payment_id=payment_id, voided=False).values_list("receipt__number", flat=True)
    return held.first()


def donor_of_gifts(payment_ids: Sequence[UUID], *, by: Principal, link: str | None) -> UUID:
    """Whose gifts these are, when they are the caller's own: a signed-in donor's, or a guest's with the link of the one
    gift's mail. Raises NotFound."""
    owners = {donations.own_payment(payment_id, by=by, link=link).donor_id for payment_id in payment_ids}
    if len(owners) != 1:
        raise NotFound("There is no such payment")
    return owners.pop()


def access_receipt(receipt_id: UUID, *, by: Principal, link: str | None = None) -> Receipt:
    """The receipt, for its donor, for staff, and for whoever holds the link of its mail or of a gift on it."""
    receipt = Receipt.objects.filter(id=receipt_id).prefetch_related("lines").first()
    if receipt is not None and (
        by.may("receipt", "read_any")
        or (receipt.user_id is not None and str(receipt.user_id) == by.id)
        or (link is not None and _opens(link, receipt))
    ):
        return receipt
    raise NotFound("There is no such receipt")


def _opens(link: str, receipt: Receipt) -> bool:
    key = settings.BH_LINK_KEY
    if check_receipt_link(key, receipt.id, link):
        return True
    # A guest asked with the link of a gift and goes on with it.
    return receipt.is_guest and any(check_gift_link(key, line.payment_id, link) for line in receipt.lines.all())


def receipts_of(user_id: UUID, *, year: int | None) -> QuerySet[Receipt]:
    """A donor's own receipts, those of a year's gifts or all, voided ones too."""
    own = Receipt.objects.filter(user_id=user_id).prefetch_related("lines")
    return own if year is None else own.filter(year=year)


def verified(token: str) -> Receipt:
    """The receipt behind a QR code. Raises NotFound for everything that we did not sign; nothing can be guessed."""
    receipt_id = read_verification_token(token)
    receipt = Receipt.objects.filter(id=receipt_id).first() if receipt_id is not None else None
    if receipt is None:
        raise NotFound("This is no receipt of ours")
    return receipt


def no_longer_right() -> QuerySet[Receipt]:
    """Receipts that hold although a gift on them was given back or lost to a bank since: finance voids them."""
    gone = Q(payment__refunded__gt=F("payment__charged") - F("amount")) | Q(payment__dispute_status="lost")
    return Receipt.objects.filter(id__in=ReceiptLine.objects.filter(gone, voided=False).values("receipt_id"))


def receipts_with(payment_id: UUID) -> QuerySet[ReceiptLine, UUID]:
    """The ids of the receipts that a gift stands or stood on."""
    return ReceiptLine.objects.filter(payment_id=payment_id).values_list("receipt_id", flat=True)


def told_of(receipt_id: UUID) -> list[dict[str, Any]]:
    """When a receipt was issued and sent again, and by whom, newest first."""
    facts = RecordedEvent.objects.filter(aggregatetype="receipt", aggregateid=receipt_id).order_by("-sequence")
    return [
        {"at": fact.created_at, "by": fact.actor, "resent": bool(fact.payload.get("resent"))}
        for fact in facts
        if fact.type == ReceiptIssued.type
    ]


def run_progress(run: AnnualRun) -> dict[str, int]:
    """How many rows of a run are todo, issued and skipped."""
    counts = dict(run.rows.order_by().values_list("state").annotate(Count("id")))
    return {state: counts.get(state, 0) for state in (RunRow.TODO, RunRow.ISSUED, RunRow.SKIPPED)}


def reasons(run: AnnualRun) -> list[tuple[str, int]]:
    """Why rows of a run were left out, the most frequent reason first."""
    found = run.rows.filter(state=RunRow.SKIPPED).order_by().values("reason").annotate(many=Count("id"))
    return [(row["reason"], row["many"]) for row in found.order_by("-many", "reason")[:50]]


def run_sums(run: AnnualRun) -> dict[str, Money]:
    """What the receipts of a run add up to, by currency."""
    found = Receipt.objects.filter(run_row__run=run).order_by().values("currency").annotate(total=Sum("amount"))
    return {row["currency"]: Money(int(row["total"]), row["currency"]) for row in found.order_by("currency")}
