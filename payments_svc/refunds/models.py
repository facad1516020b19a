"""Refunds of a payment: cases of their own beside it, each with the record of its steps; and batches of them.

What the commands promise, the database holds too (migration 0005): who asked never approves, a refund moves only along its
table, and what is reserved, on its way and given back never exceeds what was charged.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from bh_sdk.money import Money
from payments_svc.refunds.rules import DEAD, REFUND_MOVES, may_move

_AGREED = ("approved", "submitting", "pending", "succeeded", "failed")


class RefundBatch(models.Model):
    """Every gift of a cancelled campaign given back: single refunds, one result each. `approved_by` is the second person
    who agreed to those that wait."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    campaign_id = models.UUIDField(db_index=True)
    title = models.CharField(max_length=200, help_text="The campaign's, when it began")
    currency = models.CharField(max_length=3)
    notes = models.CharField(max_length=1000, default="")
    requested_by = models.UUIDField()
    approved_by = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True)
    approval_notes = models.CharField(max_length=1000, default="", db_default="")
    due_at = models.DateTimeField(null=True, db_index=True, help_text="When to go on with it; empty: nothing to do")

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name_plural = "refund batches"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("requested_by")), name="batch_second_person"
            ),
            models.UniqueConstraint(
                fields=["campaign_id"], condition=Q(due_at__isnull=False), name="batch_one_at_work"
            ),
        ]

    def __str__(self) -> str:
        return f"Gifts to {self.title}"


class Refund(models.Model):
    """Money on its way back to a donor. `amount` in minor units of the payment's currency."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    payment = models.ForeignKey("payments_donations.Payment", on_delete=models.PROTECT, related_name="refunds")
    source = models.CharField(
        max_length=10, default="stripe", db_default="stripe", help_text="staff, or stripe for one made over there"
    )
    stripe_id = models.CharField(max_length=110, unique=True, null=True)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20, db_index=True)
    booked = models.CharField(
        max_length=10, default="", db_default="", help_text="What the ledger says of it: in_flight or taken"
    )
    reason = models.CharField(max_length=50, null=True)
    notes = models.CharField(max_length=1000, default="", db_default="")
    failure_reason = models.CharField(max_length=100, null=True)

    request_digest = models.CharField(
        max_length=64, unique=True, null=True, help_text="The call that asked: a repeat finds it"
    )
    requested_by = models.UUIDField(null=True)
    second_person = models.BooleanField(default=False, db_default=False, help_text="Somebody else has to approve it")
    alone_up_to = models.BigIntegerField(null=True, help_text="How much needed nobody else when it was asked")
    approved_by = models.UUIDField(null=True)
    rejected_by = models.UUIDField(null=True)
    decision_notes = models.CharField(max_length=1000, default="", db_default="")
    batch = models.ForeignKey(RefundBatch, on_delete=models.PROTECT, null=True, related_name="refunds")
    retry_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="retries")

    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True, help_text="When Stripe took it")
    settled_at = models.DateTimeField(null=True)
    reopened_at = models.DateTimeField(null=True, help_text="When it came back: the donor has not got the money")
    closed_at = models.DateTimeField(null=True, help_text="When staff closed the case of one that came back")
    tries = models.PositiveIntegerField(default=0, db_default=0)
    due_at = models.DateTimeField(null=True, help_text="When to go on with it, or to ask Stripe how it stands")

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="refund_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["-created_at", "-id"], name="refund_newest"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_amount_positive"),
            models.CheckConstraint(condition=Q(status__in=list(REFUND_MOVES)), name="refund_status_known"),
            models.CheckConstraint(condition=Q(booked__in=["", "in_flight", "taken"]), name="refund_booked_known"),
            models.CheckConstraint(
                condition=Q(source="staff", requested_by__isnull=False)
                | Q(source="stripe", requested_by__isnull=True, stripe_id__isnull=False),
                name="refund_has_a_maker",
            ),
            models.CheckConstraint(
                condition=(Q(approved_by__isnull=True) | ~Q(approved_by=F("requested_by")))
                & (Q(rejected_by__isnull=True) | ~Q(rejected_by=F("requested_by"))),
                name="refund_maker_is_not_checker",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=_AGREED) | Q(second_person=False) | Q(approved_by__isnull=False),
                name="refund_second_person_agreed",
            ),
            models.CheckConstraint(
                condition=Q(source="stripe")
                | Q(second_person=True)
                | Q(alone_up_to__isnull=False, amount__lte=F("alone_up_to")),
                name="refund_second_person_above",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["pending", "succeeded", "failed"]) | Q(stripe_id__isnull=False),
                name="refund_known_to_stripe",
            ),
            models.UniqueConstraint(
                fields=["retry_of"], condition=~Q(status__in=sorted(DEAD)), name="refund_one_retry"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.money} {str(self.id)[:8]}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    def may_become(self, status: str) -> bool:
        return may_move(self.status, status)

    @property
    def came_back(self) -> bool:
        """Whether the donor still waits for money that Stripe could not bring."""
        return self.reopened_at is not None and self.closed_at is None


class RefundStep(models.Model):
    """One step of a refund's way, as it was taken: the record that its timeline shows. Append-only."""

    id = models.BigAutoField(primary_key=True)
    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="steps")
    name = models.CharField(max_length=20)
    by = models.UUIDField(null=True, help_text="Who; empty for what happened by itself")
    note = models.CharField(max_length=1000, default="")
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.name


class BatchItem(models.Model):
    """One payment of a batch and what came of it: a refund, or why none."""

    id = models.BigAutoField(primary_key=True)
    batch = models.ForeignKey(RefundBatch, on_delete=models.PROTECT, related_name="items")
    payment = models.ForeignKey("payments_donations.Payment", on_delete=models.PROTECT, related_name="+")
    refund = models.OneToOneField(Refund, on_delete=models.PROTECT, null=True, related_name="item")
    outcome = models.CharField(max_length=10, default="waiting", help_text="waiting, asked, refused")
    why = models.CharField(max_length=300, default="", help_text="Why it was not asked for, or not approved")

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "payment"], name="batch_item_once"),
            models.CheckConstraint(
                condition=Q(outcome__in=["waiting", "asked", "refused"]), name="batch_item_outcome_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["batch", "id"], name="batch_item_waiting", condition=Q(outcome="waiting"))
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.payment_id}"
