"""A series and a clock of its own, for tests of recurring gifts."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from bh_sdk.server.ops import clock
from payments_svc.donations.models import Payment
from payments_svc.donations.tasks import look_again
from payments_svc.recurring.models import Period, RecurringGift
from payments_svc.recurring.tasks import work
from tests.payments.conftest import Caller, StandIn

DAY = timedelta(days=1)
# Every new reading of the clock's file needs another time of change.
_ticks = 0


@dataclass
class Clock:
    """Moves the time of the service, forwards only."""

    file: Path

    def move(self, by: timedelta) -> None:
        self.to(clock.now() + by)

    def to(self, moment: datetime) -> None:
        global _ticks
        _ticks += 1
        ahead = clock.shift() + (moment - clock.now())
        self.file.write_text(str(ahead.total_seconds()))
        os.utime(self.file, ns=(10**18 + _ticks, 10**18 + _ticks))


@dataclass
class Series:
    """One donor's series, through the doors."""

    donor: Caller
    standin: StandIn
    clock: Clock
    campaign: Any
    created: dict[str, Any] = field(default_factory=dict)

    def ask(self, **changes: Any) -> Any:
        body = {
            "campaign_id": str(self.campaign.id),
            "amount": "20.00",
            "currency": self.campaign.currency,
            "interval": "monthly",
        }
        key = changes.pop("key", None) or uuid.uuid4()
        return self.donor("POST", "/recurring", body | changes, key=key)

    def start(self, card: str = "pm_card_visa", **changes: Any) -> Series:
        """Begin it, and pay the first gift as the donor's browser would."""
        answer = self.ask(**changes)
        assert answer.status_code == 201, answer.json()
        self.created = answer.json()
        paid = self.donor.confirm(self.created["payment"] | {"client_secret": self.created["client_secret"]}, card)
        assert paid.status_code == 200, paid.json()
        self.sweep()
        return self

    @property
    def id(self) -> UUID:
        return UUID(self.created["recurring_id"])

    @property
    def row(self) -> RecurringGift:
        return RecurringGift.objects.get(id=self.id)

    def periods(self) -> list[tuple[int, str]]:
        return list(Period.objects.filter(recurring=self.id).order_by("number").values_list("number", "state"))

    def do(self, verb: str, body: Any = None, *, method: str = "POST") -> Any:
        return self.donor(method, f"/recurring/{self.id}{verb}", body, key=uuid.uuid4())

    def seen(self) -> dict[str, Any]:
        found: dict[str, Any] = self.donor("GET", f"/recurring/{self.id}").json()
        return found

    def use(self, card: str) -> None:
        """Put a card on the series as if the donor had set it up, also one that the bank will refuse."""
        customer = self.customer
        method = self.standin.stripe.v1.payment_methods.attach(card, {"customer": customer})
        RecurringGift.objects.filter(id=self.id).update(method_id=method.id)

    @property
    def customer(self) -> str:
        return str(Payment.objects.filter(recurring_id=self.id).values_list("customer_id", flat=True).first())

    def sweep(self) -> None:
        """What the workers do, once round, as if every lease had run out."""
        Payment.objects.filter(look_again_at__isnull=False).update(look_again_at=clock.now())
        look_again()
        # Rows that are not due are looked at as well: a look too many does nothing.
        RecurringGift.objects.filter(due_at__isnull=False).update(due_at=clock.now())
        work()

    def until_next(self) -> None:
        """Let the time of the next charge come, and charge."""
        next_at = self.row.next_at
        assert next_at is not None
        self.clock.to(next_at + timedelta(minutes=5))
        self.sweep()

    def charges(self) -> list[int]:
        """What Stripe really took for this series, oldest first, in its own units."""
        found = self.standin.stripe.v1.charges.list({"customer": self.customer, "limit": 100}).auto_paging_iter()
        return [charge.amount for charge in found if charge.status == "succeeded"][::-1]

    def charged_intents(self) -> list[str]:
        found = self.standin.stripe.v1.charges.list({"customer": self.customer, "limit": 100}).auto_paging_iter()
        return [str(charge.payment_intent) for charge in found if charge.status == "succeeded"]
