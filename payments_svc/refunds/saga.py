"""The way of an approved refund to Stripe and back: commit what we mean to do, call, commit what came of it.

`submitting` is committed before the first byte leaves, so whatever dies after that is taken up by the next sweep: it asks
Stripe whether the refund is there, and sends it again only under the same key. An outcome that is unknown is not a failure:
the amount stays reserved until Stripe has said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from bh_sdk.errors import Conflict
from bh_sdk.money import Money
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.logs import log
from payments_svc.donations import queries as donations
from payments_svc.gateway import stripe_api
from payments_svc.gateway.errors import CardRefused, OutcomeUnknown, RequestRefused
from payments_svc.gateway.standing import RefundStanding
from payments_svc.refunds import books, queries
from payments_svc.refunds.commands import check_refundable, check_still_there
from payments_svc.refunds.models import Refund
from payments_svc.refunds.rules import TOLD_TO_STRIPE, next_try

# Longer than Stripe may take to answer.
LEASE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to send a refund. `first` means that nobody can have sent it before."""

    refund_id: UUID
    payment_id: UUID
    intent_id: str
    amount: Money
    reason: str | None
    first: bool


@transaction.atomic
def claim(limit: int) -> list[UUID]:
    """Refunds that are due, ours until the lease is over: a killed worker's are due again after it."""
    now = clock.now()
    ids = list(
        Refund.objects.select_for_update(skip_locked=True)
        .filter(due_at__lte=now)
        .order_by("due_at")
        .values_list("id", flat=True)[:limit]
    )
    Refund.objects.filter(id__in=ids).update(due_at=now + LEASE)
    return ids


def go_on(refund_id: UUID) -> None:
    """Take a refund one step further. May run any number of times; Stripe is asked for it once."""
    refund = queries.refund(refund_id)
    if refund.status == "pending":
        _follow(refund.payment_id, stripe_api.refunds_of(str(refund.payment.intent_id)))
        return
    attempt = _begin(refund_id)
    if attempt is None:
        return
    try:
        told = _send(attempt)
    except (RequestRefused, CardRefused) as refusal:
        _refused(attempt, refusal)
    except OutcomeUnknown as lost:
        _unanswered(attempt, lost)
    else:
        _follow(attempt.payment_id, [told])


@transaction.atomic
def _begin(refund_id: UUID) -> Attempt | None:
    """Commit that we are about to send it. What has come to block the payment meanwhile still stops it here."""
    payment = donations.payment_for_update(queries.payment_of(refund_id))
    refund = queries.refund_for_update(refund_id)
    now = clock.now()
    if refund.status not in ("approved", "submitting"):
        # Somebody else moved it on; only what is pending is looked at again.
        refund.due_at = refund.due_at if refund.status == "pending" else None
        refund.save(update_fields=["due_at"])
        return None
    first = refund.status == "approved"
    if first:
        try:
            check_refundable(payment)
            check_still_there(payment, refund)
        except Conflict as blocked:
            books.give_up(payment, refund, status="rejected", why=blocked.code, at=now, text=blocked.detail)
            return None
        refund.status = "submitting"
    refund.tries += 1
    refund.due_at = now + LEASE
    refund.save()
    if first:
        books.note(refund, "sent", at=now)
    return Attempt(
        refund.id,
        payment.id,
        str(payment.intent_id),
        refund.money,
        refund.reason if refund.reason in TOLD_TO_STRIPE else None,
        first,
    )


def _send(attempt: Attempt) -> RefundStanding:
    """The refund at Stripe. A repeat asks first: the key may have expired, and then it would be another refund."""
    if not attempt.first and (found := _find(attempt)) is not None:
        return found
    try:
        return stripe_api.create_refund(
            refund_id=attempt.refund_id,
            payment_id=attempt.payment_id,
            intent_id=attempt.intent_id,
            amount=attempt.amount,
            reason=attempt.reason,
        )
    except RequestRefused:
        # `already refunded` may be the echo of a try of ours that arrived.
        if (found := _find(attempt)) is not None:
            return found
        raise


def _find(attempt: Attempt) -> RefundStanding | None:
    wanted = str(attempt.refund_id)
    return next((each for each in stripe_api.refunds_of(attempt.intent_id) if each.refund_id == wanted), None)


@transaction.atomic
def _follow(payment_id: UUID, told: Iterable[RefundStanding]) -> None:
    books.follow(donations.payment_for_update(payment_id), told, at=clock.now())


@transaction.atomic
def _refused(attempt: Attempt, refusal: RequestRefused | CardRefused) -> None:
    """Stripe will not do it, and has done nothing."""
    payment = donations.payment_for_update(attempt.payment_id)
    refund = queries.refund_for_update(attempt.refund_id)
    if refund.status != "submitting" or refund.stripe_id is not None:
        return
    code = getattr(refusal, "code", None) or "refused_by_stripe"
    books.give_up(payment, refund, status="rejected", why=code, at=clock.now(), text=f"Stripe refused it: {refusal}")


@transaction.atomic
def _unanswered(attempt: Attempt, lost: OutcomeUnknown) -> None:
    refund = queries.refund_for_update(attempt.refund_id)
    if refund.status != "submitting":
        return
    now: datetime = clock.now()
    refund.due_at = next_try(refund.tries, at=now)
    refund.save(update_fields=["due_at"])
    if refund.tries == 1:
        books.note(refund, "unanswered", at=now)
    log("refunds").warning("refund.unanswered", refund_id=str(refund.id), tries=refund.tries, error=str(lost))
