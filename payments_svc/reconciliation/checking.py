"""Asking the invariants, and keeping what does not hold until it holds again."""

from __future__ import annotations

import time

from django.db import transaction

from bh_sdk.money import Money
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.logs import log
from payments_svc.gateway.balance import Statement, StripeStatement
from payments_svc.ledger import queries as ledger
from payments_svc.reconciliation.invariants import BALANCE, CHECKS, Broken, Check
from payments_svc.reconciliation.models import CheckRound, Finding


def check_all() -> int:
    """Ask every invariant; answers how many findings are open. One that cannot be asked is a finding itself."""
    return sum(_ask(check) for check in CHECKS)


def check_balance(statement: Statement | None = None) -> int:
    """Compare our Stripe balance with what Stripe reports now. Raises OutcomeUnknown when Stripe is away."""
    told = (statement or StripeStatement()).balance()
    ours = {row.currency: row.amount for row in ledger.balances() if row.account == "stripe_balance"}
    broken = [
        (code, f"Stripe reports {Money(told.get(code, 0), code)}, our ledger has {Money(ours.get(code, 0), code)}")
        for code in sorted(told.keys() | ours.keys())
        if told.get(code, 0) != ours.get(code, 0)
    ]
    return _keep(BALANCE, broken, seconds=0.0)


def _ask(check: Check) -> int:
    began = time.monotonic()
    try:
        with transaction.atomic():
            broken = check.ask(clock.now())
    except Exception as error:
        # The others must be asked all the same, and silence would read as "holds".
        log("reconciliation").exception("invariant.unasked", check=check.name)
        broken = [("the check itself", f"could not be asked: {type(error).__name__}")]
    if broken:
        log("reconciliation").error("invariant.broken", check=check.name, findings=len(broken))
    return _keep(check.name, broken, seconds=time.monotonic() - began)


@transaction.atomic
def _keep(name: str, broken: Broken, *, seconds: float) -> int:
    now = clock.now()
    # The round's row is the lock: two that ask at once keep one after the other.
    CheckRound.objects.get_or_create(check_name=name, defaults={"checked_at": now, "seconds": 0.0, "open_findings": 0})
    held = CheckRound.objects.select_for_update().get(check_name=name)
    known = {row.subject: row for row in Finding.objects.filter(check_name=name, cleared_at__isnull=True)}
    told = dict(broken)
    for subject, detail in told.items():
        row = known.get(subject) or Finding(check_name=name, subject=subject, first_seen_at=now)
        row.detail, row.last_seen_at = detail, now
        row.save()
    gone = [row.id for subject, row in known.items() if subject not in told]
    Finding.objects.filter(id__in=gone).update(cleared_at=now)
    held.checked_at, held.seconds, held.open_findings = now, seconds, len(told)
    held.save()
    return len(told)
