"""Finding refunds, and what a payment has left to refund."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce, NullIf

from bh_sdk.errors import NotFound
from bh_sdk.money import Money
from bh_sdk.server.access.models import Staff
from payments_svc.disputes import queries as disputes
from payments_svc.refunds.models import BatchItem, Refund, RefundBatch, RefundStep
from payments_svc.refunds.rules import COUNTING, RESERVING, UNSENT, threshold

if TYPE_CHECKING:
    from payments_svc.donations.models import Payment


def refund(refund_id: UUID) -> Refund:
    found = Refund.objects.select_related("payment").filter(id=refund_id).first()
    if found is None:
        raise NotFound("There is no such refund")
    return found


def refund_for_update(refund_id: UUID) -> Refund:
    """The refund's row, locked until the transaction ends. Lock its payment first."""
    found = Refund.objects.select_for_update().filter(id=refund_id).first()
    if found is None:
        raise NotFound("There is no such refund")
    return found


def payment_of(refund_id: UUID) -> UUID:
    found = Refund.objects.filter(id=refund_id).values_list("payment_id", flat=True).first()
    if found is None:
        raise NotFound("There is no such refund")
    return found


def refunds(*, payment_id: UUID | None = None, status: str | None = None) -> QuerySet[Refund]:
    wanted: dict[str, Any] = {"payment_id": payment_id, "status": status}
    return Refund.objects.select_related("payment").filter(
        **{name: value for name, value in wanted.items() if value is not None}
    )


def asked_before(request_digest: str) -> Refund | None:
    """The refund that this very call has asked for already."""
    return Refund.objects.filter(request_digest=request_digest).first()


def reserved(payment_id: UUID) -> int:
    """What is on its way back on a payment and has not arrived, in minor units."""
    return _sum(payment_id, Q(status__in=RESERVING))


def left(payment: Payment) -> Money:
    """What could still be refunded: what was charged, less what was given back, what is on its way, and what the donor's
    bank took back in a lost dispute."""
    return Money(max(0, room(payment)), payment.currency)


def room(payment: Payment) -> int:
    """The same in minor units, and below zero when more is promised or gone than was charged."""
    return payment.charged - _sum(payment.id, Q(status__in=COUNTING)) - disputes.lost(payment.id)


def lost(payment: Payment) -> Money:
    """What the donor's bank took back for good."""
    return Money(disputes.lost(payment.id), payment.currency)


def agreed_alone(payment: Payment) -> Money:
    """What was asked for on a payment that nobody else had to agree to."""
    return Money(
        _sum(payment.id, Q(status__in=COUNTING, source="staff", second_person=False)),
        payment.currency,
    )


def alone_up_to(currency: str) -> Money:
    """How much of a payment one person may refund: what the settings say, and never more than the database allows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT payments_refunds_alone_up_to(%s)", [currency])
        most = Money(cursor.fetchone()[0], currency)
    return min(threshold(currency, settings.BH_REFUND_ALONE_UP_TO), most)


def unsent_newest_first(payment_id: UUID) -> QuerySet[Refund]:
    """What nobody but us knows of, locked."""
    return Refund.objects.select_for_update().filter(payment_id=payment_id, status__in=UNSENT).order_by("-created_at")


def on_their_way() -> set[str]:
    """Stripe's ids of refunds whose money may leave our balance at Stripe before our books say so."""
    waiting = Refund.objects.filter(stripe_id__isnull=False).filter(Q(status="submitting") | Q(booked="in_flight"))
    return {str(stripe_id) for stripe_id in waiting.values_list("stripe_id", flat=True)}


def came_back() -> QuerySet[Refund]:
    """Refunds that failed after Stripe had taken them, and that nobody has asked for again or closed."""
    again = Refund.objects.filter(retry_of=OuterRef("pk")).exclude(status__in=("rejected", "canceled"))
    return Refund.objects.filter(reopened_at__isnull=False, closed_at__isnull=True).exclude(Exists(again))


def is_open_case(refund: Refund) -> bool:
    """Whether somebody has to see to it that the donor gets the money after all."""
    return refund.came_back and came_back().filter(id=refund.id).exists()


def steps(refund: Refund) -> list[RefundStep]:
    """What happened to it, oldest first."""
    return list(refund.steps.order_by("id"))


def batch(batch_id: UUID) -> RefundBatch:
    found = RefundBatch.objects.filter(id=batch_id).first()
    if found is None:
        raise NotFound("There is no such batch of refunds")
    return found


def open_batch(campaign_id: UUID) -> RefundBatch | None:
    """The batch of a campaign that is at work, or has refunds that wait for approval."""
    waiting = Refund.objects.filter(batch=OuterRef("pk"), status="pending_approval")
    found = RefundBatch.objects.filter(campaign_id=campaign_id).filter(Q(due_at__isnull=False) | Exists(waiting))
    return found.order_by("created_at").first()


def to_agree(batch: RefundBatch) -> QuerySet[BatchItem]:
    """What waits for the second person of a batch, without what could not be approved."""
    return batch.items.filter(refund__status="pending_approval", why="").order_by("id")


def left_out(batch: RefundBatch, limit: int) -> list[BatchItem]:
    """Payments of a batch that could not be asked for or approved, with the reason."""
    return list(batch.items.exclude(why="").order_by("id")[:limit])


def progress(batch: RefundBatch) -> dict[str, int]:
    """How many payments of a batch stand where: by the refund's status, or `waiting` and `refused` without one."""
    rows = (
        BatchItem.objects.filter(batch=batch)
        .values("outcome", status=F("refund__status"))
        .annotate(how_many=Count("id"))
    )
    found: dict[str, int] = {}
    for row in rows.order_by():
        name = row["status"] or row["outcome"]
        found[name] = found.get(name, 0) + row["how_many"]
    return found


def _sum(payment_id: UUID, which: Q) -> int:
    return Refund.objects.filter(which, payment_id=payment_id).aggregate(total=Sum("amount"))["total"] or 0


def name_of(column: str) -> Subquery:
    """For lists: how the member of staff is called whose `sub` a column holds."""
    called = Coalesce(NullIf("name", Value("")), "username")
    return Subquery(Staff.objects.filter(sub=OuterRef(column)).annotate(called=called).values("called")[:1])


def names(people: set[UUID]) -> dict[UUID, str]:
    """How staff are called, by their `sub`."""
    return {person.sub: str(person) for person in Staff.objects.filter(sub__in=people)}
