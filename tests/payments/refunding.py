"""What the tests of refunds say again and again: ask, decide, let the worker run, and what the books hold."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from payments_svc.donations.models import Payment
from payments_svc.ledger.models import Entry
from payments_svc.refunds.models import Refund
from payments_svc.refunds.tasks import sweep
from tests.payments.conftest import Caller, StandIn


def ask(by: Caller, payment_id: Any, amount: str | None = None, *, key: Any = None, **more: Any) -> Any:
    """Ask for a refund, for a reason that needs no note."""
    body = {"payment_id": str(payment_id), "reason": "requested_by_customer"} | more
    if amount is not None:
        body["amount"] = amount
    return by("POST", "/refund", body, key=key or uuid.uuid4())


def decide(by: Caller, verb: str, refund_id: Any, notes: str | None = None, *, key: Any = None) -> Any:
    if notes is None and verb == "reject":
        notes = "Asked for by mistake"
    return by("POST", f"/refunds/{refund_id}/{verb}", {"notes": notes}, key=key or uuid.uuid4())


def work(*, minutes: int = 0) -> int:
    """What the worker does with what is due by then."""
    if minutes:
        Refund.objects.filter(due_at__lte=clock.now() + timedelta(minutes=minutes)).update(due_at=clock.now())
    moved: int = sweep()
    return moved


def at_stripe(standin: StandIn, payment_id: Any) -> list[Any]:
    intent = Payment.objects.get(id=payment_id).intent_id
    return list(standin.stripe.v1.refunds.list({"payment_intent": str(intent), "limit": 100}).auto_paging_iter())


def facts_of(payment_id: Any, kind: str = "payments.refund.") -> list[str]:
    found = RecordedEvent.objects.filter(aggregateid=payment_id, type__startswith=kind).order_by("sequence")
    return [row.type.removeprefix(kind).removesuffix(".v1") for row in found]


def balances() -> dict[str, int]:
    """What each account holds, where it holds anything."""
    found: Counter[str] = Counter()
    for account, amount in Entry.objects.values_list("account", "amount"):
        found[account] += amount
    return {account: amount for account, amount in found.items() if amount}
