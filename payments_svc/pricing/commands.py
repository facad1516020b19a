"""Planning rates. What has begun stays as it is, so that every quote of the past can be done again."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from bh_sdk.errors import Conflict, Invalid, NotFound
from bh_sdk.money import Money
from bh_sdk.server.ops import clock
from payments_svc.pricing import queries
from payments_svc.pricing.errors import RateInForce
from payments_svc.pricing.models import FeeRate
from payments_svc.pricing.rules import HIGHEST_BP, NOTICE, Kind, end_of


@transaction.atomic
def plan_rate(
    *, kind: Kind, currency: str, basis_points: int, fixed: Money | None, begins: datetime, by: str
) -> FeeRate:
    """Let another rate hold from a time to come; the one before it ends there, and it ends where the next one begins.

    An empty `currency` is every currency without a rate of its own. Raises Invalid for a time that is not to come or a
    rate that cannot be, Conflict when a rate of this kind and currency begins at that very time.
    """
    now = clock.now()
    if begins < now + NOTICE:
        raise Invalid(f"A rate begins {NOTICE.total_seconds():.0f} seconds from now at the earliest")
    if not 0 <= basis_points <= HIGHEST_BP:
        raise Invalid(f"A rate takes at most {HIGHEST_BP / 100:.0f} %")
    if fixed is not None and fixed.code != currency:
        raise Invalid("The fixed part is in the currency of the rate; without a currency there is none")
    lane = list(FeeRate.objects.select_for_update().filter(kind=kind, currency=currency).order_by("valid_from"))
    if any(row.valid_from == begins for row in lane):
        raise Conflict("Another rate begins at that time; withdraw it first")
    for row in lane:
        if row.line.holds(begins):
            row.valid_until = begins
            row.save(update_fields=["valid_until"])
    made = FeeRate.objects.create(
        kind=kind,
        currency=currency,
        basis_points=basis_points,
        fixed=fixed.minor if fixed else 0,
        valid_from=begins,
        valid_until=end_of(begins, (row.valid_from for row in lane)),
        created_by=by,
        created_at=now,
    )
    transaction.on_commit(queries.forget)
    return made


@transaction.atomic
def withdraw_rate(*, rate_id: UUID) -> None:
    """Take a planned rate back; the one before it holds on. Raises RateInForce once it has begun, or is about to."""
    planned = FeeRate.objects.select_for_update().filter(id=rate_id).first()
    if planned is None:
        raise NotFound("There is no such rate")
    if planned.valid_from < clock.now() + NOTICE:
        raise RateInForce(begins=planned.valid_from.isoformat())
    before = FeeRate.objects.select_for_update().filter(
        kind=planned.kind, currency=planned.currency, valid_until=planned.valid_from
    )
    ended = list(before)
    planned.delete()
    for row in ended:
        row.valid_until = planned.valid_until
        row.save(update_fields=["valid_until"])
    transaction.on_commit(queries.forget)
