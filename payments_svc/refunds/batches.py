"""Giving every gift of a cancelled campaign back: a batch of single refunds, each with its own result.

Starting one writes down what there is to do; a task does it piece by piece, each piece in a transaction of its own, so that a
crash loses nothing and repeats nothing. Only finance starts one, so every single refund of it needs a second person.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from bh_sdk.errors import (
    BHError,
    CampaignNotCancelled,
    Conflict,
    PaymentNotRefundable,
    RefundDecided,
    SecondPersonNeeded,
)
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.doorbell import ring
from payments_svc.donations import queries as donations
from payments_svc.refunds import commands, queries
from payments_svc.refunds.models import BatchItem, RefundBatch
from payments_svc.refunds.rules import ENDED_FOR_DONORS

WORK = "payments.refunds.work_batches"
_LEASE = timedelta(seconds=60)
# So much at a time that a lease is never outlived.
_PIECE = 100


def start(*, campaign_id: UUID, by: UUID, notes: str = "") -> RefundBatch:
    """Begin to give back whatever is left of a cancelled campaign's gifts.

    Raises CampaignNotCancelled, PaymentNotRefundable when nothing is left, and Conflict (`batch_id`) while another batch of
    the campaign is at work or has refunds that wait for approval.
    """
    try:
        return _start(campaign_id, by, notes.strip())
    except IntegrityError:
        raise Conflict("Another batch of this campaign is at work; wait for it") from None


def _check_no_other(campaign_id: UUID) -> None:
    other = queries.open_batch(campaign_id)
    if other is None:
        return
    name = f"Batch {str(other.id)[:8]} of this campaign, started on {other.created_at:%d %B %Y at %H:%M} UTC,"
    if other.due_at is not None:
        raise Conflict(f"{name} is still at work; wait for it", batch_id=str(other.id))
    waiting = other.refunds.filter(status="pending_approval").count()
    raise Conflict(
        f"{name} waits for approval ({waiting} refunds). Somebody of finance approves or rejects those first:"
        " Money, Refund batches.",
        batch_id=str(other.id),
    )


@transaction.atomic
def _start(campaign_id: UUID, by: UUID, notes: str) -> RefundBatch:
    campaign = donations.campaign(campaign_id)
    if campaign.status not in ENDED_FOR_DONORS:
        raise CampaignNotCancelled(
            f"The campaign is {campaign.status.lower().replace('_', ' ')}. The platform cancels it first; then all its"
            " gifts can be given back.",
            campaign_status=campaign.status,
        )
    _check_no_other(campaign_id)
    payments = donations.refundable_of(campaign_id)
    if not payments:
        raise PaymentNotRefundable("Nothing is left to give back", left="0")
    now = clock.now()
    batch = RefundBatch.objects.create(
        campaign_id=campaign_id,
        title=campaign.title,
        currency=campaign.currency,
        notes=notes,
        requested_by=by,
        created_at=now,
        due_at=now,
    )
    BatchItem.objects.bulk_create(
        (BatchItem(batch=batch, payment_id=payment_id) for payment_id in payments), batch_size=1000
    )
    ring(WORK)
    return batch


def approve(*, batch_id: UUID, by: UUID, notes: str = "") -> RefundBatch:
    """Agree to every refund of a batch that waits for a second person; each is approved one by one.

    Raises SecondPersonNeeded for whoever started it, RefundDecided while it still asks or when somebody agreed before.
    """
    try:
        return _approve(batch_id, by, notes)
    except IntegrityError:
        raise Conflict("Another batch of this campaign is at work; wait for it") from None


@transaction.atomic
def _approve(batch_id: UUID, by: UUID, notes: str) -> RefundBatch:
    batch = RefundBatch.objects.select_for_update().get(id=queries.batch(batch_id).id)
    if batch.requested_by == by:
        raise SecondPersonNeeded("You started this batch; somebody else decides on it")
    if batch.items.filter(outcome="waiting").exists():
        raise RefundDecided("The batch is still being written; approve it when it is complete", refund_status="waiting")
    if batch.approved_by is not None:
        raise RefundDecided("Somebody has approved this batch", refund_status="approved")
    batch.approved_by, batch.approved_at, batch.due_at = by, clock.now(), clock.now()
    batch.approval_notes = notes.strip()
    batch.save(update_fields=["approved_by", "approved_at", "approval_notes", "due_at"])
    ring(WORK)
    return batch


@transaction.atomic
def claim() -> list[UUID]:
    """Batches that have something to do, ours until the lease is over."""
    now = clock.now()
    ids = list(
        RefundBatch.objects.select_for_update(skip_locked=True).filter(due_at__lte=now).values_list("id", flat=True)
    )
    RefundBatch.objects.filter(id__in=ids).update(due_at=now + _LEASE)
    return ids


def go_on(batch_id: UUID) -> int:
    """Do the next piece of a batch; answers how much it was. Nothing to do ends it until somebody approves it."""
    batch = queries.batch(batch_id)
    waiting = list(batch.items.filter(outcome="waiting").order_by("id").values_list("id", flat=True)[:_PIECE])
    for item_id in waiting:
        _ask(batch, item_id)
    done = len(waiting)
    if batch.approved_by is not None and not waiting:
        agreeing = list(queries.to_agree(batch).values_list("id", flat=True)[:_PIECE])
        for item_id in agreeing:
            _agree(batch, item_id)
        done = len(agreeing)
    RefundBatch.objects.filter(id=batch.id).update(due_at=clock.now() if done else None)
    if done:
        ring(WORK)
    return done


@transaction.atomic
def _ask(batch: RefundBatch, item_id: int) -> None:
    item = BatchItem.objects.select_for_update(skip_locked=True).filter(id=item_id, outcome="waiting").first()
    if item is None:
        return
    try:
        with transaction.atomic():
            item.refund = commands.request_refund(
                payment_id=item.payment_id,
                amount=None,
                reason="campaign_cancelled",
                by=batch.requested_by,
                may_approve=True,
                notes=batch.notes,
                request_digest=hashlib.sha256(f"batch|{batch.id}|{item.payment_id}".encode()).hexdigest(),
                batch_id=batch.id,
            )
        item.outcome = "asked"
    except BHError as refusal:
        item.outcome, item.why = "refused", refusal.detail[:300]
    item.save(update_fields=["refund", "outcome", "why"])


@transaction.atomic
def _agree(batch: RefundBatch, item_id: int) -> None:
    item = BatchItem.objects.select_for_update(skip_locked=True).filter(id=item_id).first()
    if item is None or item.refund_id is None or batch.approved_by is None:
        return
    try:
        with transaction.atomic():
            commands.approve_refund(refund_id=item.refund_id, by=batch.approved_by, notes=batch.approval_notes)
    except BHError as refusal:
        # It stays with the desk, one by one, and says why.
        item.why = refusal.detail[:300]
        item.save(update_fields=["why"])
