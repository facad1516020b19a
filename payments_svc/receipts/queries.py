"""Finding receipts. Whatever a caller may not see is NotFound, as if it were not there."""

from __future__ import annotations

from uuid import UUID

from payments_svc.receipts.models import ReceiptLine


def receipt_covering(payment_id: UUID) -> str | None:
    """The number of the receipt that a gift stands on, unless it was voided: such a gift is not given back.

    Ask it under the payment's row lock. Issuing takes the same lock first, so of a refund and a receipt one comes second
    and sees the other.
    """
    held = ReceiptLine.objects.filter(payment_id=payment_id, voided=False).values_list("receipt__number", flat=True)
    return held.first()
