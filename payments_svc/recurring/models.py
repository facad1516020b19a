"""Donors as Stripe knows them, recurring gifts, and the periods that were charged or not."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models

from bh_sdk.money import Money
from payments_svc.recurring import rules


class Customer(models.Model):
    """Under which name Stripe keeps a donor's cards."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    donor_id = models.UUIDField(unique=True)
    stripe_id = models.CharField(max_length=110, unique=True, null=True, help_text="Empty until Stripe has answered")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.stripe_id or f"Donor {str(self.donor_id)[:8]}"


class RecurringGift(models.Model):
    """What a donor means to give regularly. `starting` until the first gift, which the donor pays, has arrived."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    donor_id = models.UUIDField()
    campaign = models.ForeignKey(
        "payments_donations.Campaign", on_delete=models.PROTECT, related_name="recurring_gifts"
    )
    request_digest = models.CharField(
        max_length=64, unique=True, help_text="The call that began it: a repeat resumes it"
    )
    amount = models.BigIntegerField(help_text="Minor units, each period")
    currency = models.CharField(max_length=3)
    cover_fees = models.BooleanField(default=False)
    anonymous = models.BooleanField(default=False)
    interval = models.CharField(max_length=10)

    status = models.CharField(max_length=10, default="starting")
    ended_why = models.CharField(max_length=20, null=True)
    ended_by = models.UUIDField(null=True, help_text="Who ended it; empty when nobody did")
    ended_note = models.CharField(max_length=500, null=True, help_text="Why staff ended it for the donor")

    anchor_at = models.DateTimeField(null=True, help_text="When the first gift arrived: period 0 of the calendar")
    next_number = models.PositiveIntegerField(default=1, help_text="The period that is charged next")
    next_at = models.DateTimeField(null=True, help_text="When; empty while nothing will be charged")
    due_at = models.DateTimeField(null=True, help_text="When a worker has to look at it")

    method_id = models.CharField(max_length=110, null=True)
    method_kind = models.CharField(max_length=40, null=True)
    brand = models.CharField(max_length=60, null=True)
    last4 = models.CharField(max_length=4, null=True)
    exp_month = models.PositiveSmallIntegerField(null=True)
    exp_year = models.PositiveSmallIntegerField(null=True)
    warned_of = models.CharField(max_length=120, null=True, help_text="The card whose end the donor was told of")

    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "recurring gift"
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["donor_id", "-created_at", "-id"], name="recurring_of_donor"),
            models.Index(fields=["due_at"], name="recurring_due", condition=models.Q(due_at__isnull=False)),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(status__in=list(rules.MOVES)), name="recurring_status_known"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="recurring_amount_positive"),
            models.CheckConstraint(
                condition=~models.Q(status="active")
                | models.Q(anchor_at__isnull=False, next_at__isnull=False, method_id__isnull=False),
                name="recurring_active_is_complete",
            ),
            models.CheckConstraint(
                condition=models.Q(status="active") | models.Q(next_at__isnull=True), name="recurring_rests_uncharged"
            ),
            models.CheckConstraint(
                condition=models.Q(status="ended", ended_why__isnull=False, ended_at__isnull=False)
                | ~models.Q(status="ended") & models.Q(ended_why__isnull=True, ended_at__isnull=True),
                name="recurring_end_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.money} {self.interval}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    def slot(self, number: int) -> datetime:
        """When a period is due. Only a series that has started has a calendar."""
        if self.anchor_at is None:
            raise ValueError("a series that has not started has no calendar")
        return rules.slot(self.anchor_at, self.interval, number)  # type: ignore[arg-type]

    @property
    def card(self) -> str:
        """This very card with this very end: what the donor is warned of once."""
        return f"{self.method_id}/{self.exp_year}-{self.exp_month}"


class Period(models.Model):
    """One period of a series and its payment: charged once at most, whatever happens."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    recurring = models.ForeignKey(RecurringGift, on_delete=models.PROTECT, related_name="periods")
    number = models.PositiveIntegerField(help_text="Its place in the calendar; 0 is the first gift")
    due_at = models.DateTimeField()
    amount = models.BigIntegerField(help_text="Minor units, as agreed when it came due")
    cover_fees = models.BooleanField(default=False)
    payment_id = models.UUIDField(null=True, unique=True)
    state = models.CharField(max_length=10, default="open")

    tries = models.PositiveSmallIntegerField(default=0, help_text="How often the saved card was tried")
    stage = models.CharField(
        max_length=10,
        null=True,
        help_text="trying: Stripe may be working on it. pending: Stripe has it and the bank takes its time",
    )
    tried_method = models.CharField(max_length=110, null=True)
    first_failed_at = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=100, null=True, help_text="Stripe's code for the last try that failed")
    releasing = models.BooleanField(default=False, help_text="Its payment is still to be given up at Stripe")

    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["recurring", "number"], name="period_once"),
            models.UniqueConstraint(
                fields=["recurring"], condition=models.Q(state="open"), name="period_one_open_at_a_time"
            ),
            models.CheckConstraint(condition=models.Q(state__in=list(rules.PERIOD_MOVES)), name="period_state_known"),
            models.CheckConstraint(
                condition=models.Q(state="open", closed_at__isnull=True)
                | ~models.Q(state="open") & models.Q(closed_at__isnull=False),
                name="period_closed_when_not_open",
            ),
            models.CheckConstraint(
                condition=models.Q(state="open") | models.Q(next_try_at__isnull=True), name="period_closed_is_not_tried"
            ),
        ]

    def __str__(self) -> str:
        return f"Period {self.number}"

    @property
    def digest(self) -> str:
        """What opens its payment: the same for every worker that ever tries."""
        return rules.digest(self.recurring_id, self.number)
