"""What the tests of receipts share: gifts that arrived, and donors who say who they are."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from payments_svc.donations.models import Payment
from payments_svc.receipts import commands
from payments_svc.receipts.models import Receipt
from payments_svc.receipts.rules import Address, Recipient
from tests.payments.factories import PaymentFactory

MARCH = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)


def address(country: str = "GB", **changes: str) -> Address:
    known = Address(line1="12 Orchard Lane", line2="", city="Leeds", region="", postcode="LS1 4AP", country=country)
    return cast(Address, known | changes)


def ruth(country: str = "GB") -> Recipient:
    return Recipient("Ruth Miriam Adler", address(country))


def gift(*, at: datetime = MARCH, **changes: Any) -> Payment:
    """A gift of 25.00 that arrived."""
    changes.setdefault("charged", changes.get("amount", 2500))
    return PaymentFactory.create(status="succeeded", succeeded_at=at, created_at=at, **changes)


def gifts_of(donor_id: UUID, count: int, **changes: Any) -> list[Payment]:
    return [gift(donor_id=donor_id, **changes) for _ in range(count)]


def issue(*payments: Payment, to: Recipient | None = None, by: str = "test") -> list[Receipt]:
    return commands.issue(
        payment_ids=[payment.id for payment in payments],
        to=to or ruth(),
        by=by,
        request_digest=uuid.uuid4().hex,
    )
