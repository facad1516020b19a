"""Payouts to organisers, where they are paid to, and what stops them. Amounts are minor units of `currency`.

The database repeats the rules (migration 0002): who approves did not ask and does not receive, two above the threshold are
two people, a hold stops approval and sending, and money in flight or paid is in the ledger.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from bh_sdk.money import Money
from payments_svc.payouts.rules import MOVES

_Q, _F = models.Q, models.F


class Escrow(models.Model):
    """One row per campaign that money is paid out of: locked before anything is promised out of its balance."""

    campaign_id = models.UUIDField(primary_key=True)

    def __str__(self) -> str:
        return str(self.campaign_id)


class Payout(models.Model):
    """Campaign funds on their way to the organiser."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    campaign = models.ForeignKey("payments_donations.Campaign", on_delete=models.PROTECT, related_name="payouts")
    owner_id = models.UUIDField(db_index=True)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20, default="requested")

    requested_by = models.UUIDField()
    second_person_above = models.BigIntegerField(help_text="The threshold when it was asked for")
    approvals_needed = models.PositiveSmallIntegerField()
    first_approved_by = models.UUIDField(null=True)
    first_approved_at = models.DateTimeField(null=True)
    second_approved_by = models.UUIDField(null=True)
    second_approved_at = models.DateTimeField(null=True)
    closed_by = models.UUIDField(null=True, help_text="Who rejected it or took it back")
    reason = models.CharField(
        max_length=500, null=True, help_text="Why it was rejected or failed; the organiser sees it"
    )

    method = models.CharField(max_length=20, null=True, help_text="Settled with the first approval")
    destination = models.CharField(max_length=110, null=True, help_text="The account at Stripe, as it was approved")
    transfer_id = models.CharField(max_length=110, unique=True, null=True)
    reversed = models.BigIntegerField(default=0, help_text="What of a transfer came back")
    bank_reference = models.CharField(max_length=140, null=True)
    sent_by = models.UUIDField(null=True, help_text="Who makes the bank transfer")

    tries = models.PositiveSmallIntegerField(default=0)
    keys_spent = models.PositiveSmallIntegerField(
        default=0, help_text="How many idempotency keys Stripe holds a refusal under"
    )
    waits_for = models.CharField(max_length=200, null=True, help_text="Why it is not sent yet, though approved")
    look_again_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["campaign", "-created_at"], name="payout_by_campaign"),
            models.Index(fields=["look_again_at"], name="payout_due", condition=_Q(look_again_at__isnull=False)),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=_Q(status__in=list(MOVES)), name="payout_status_known"),
            models.CheckConstraint(condition=_Q(amount__gt=0), name="payout_amount_positive"),
            models.CheckConstraint(
                condition=_Q(reversed__gte=0, reversed__lte=_F("amount")), name="payout_reversed_bounded"
            ),
            models.CheckConstraint(
                condition=_Q(approvals_needed=2) | _Q(approvals_needed=1, amount__lte=_F("second_person_above")),
                name="payout_second_person_above",
            ),
            models.CheckConstraint(
                condition=(_Q(first_approved_by__isnull=True) | ~_Q(first_approved_by=_F("requested_by")))
                & (_Q(first_approved_by__isnull=True) | ~_Q(first_approved_by=_F("owner_id")))
                & (_Q(second_approved_by__isnull=True) | ~_Q(second_approved_by=_F("requested_by")))
                & (_Q(second_approved_by__isnull=True) | ~_Q(second_approved_by=_F("owner_id"))),
                name="payout_not_approved_by_its_maker",
            ),
            models.CheckConstraint(
                condition=_Q(second_approved_by__isnull=True)
                | _Q(first_approved_by__isnull=False) & ~_Q(second_approved_by=_F("first_approved_by")),
                name="payout_two_are_two",
            ),
            models.CheckConstraint(
                condition=_Q(status="requested", first_approved_by__isnull=True)
                | _Q(
                    status="approved_once",
                    approvals_needed=2,
                    first_approved_by__isnull=False,
                    second_approved_by__isnull=True,
                )
                | _Q(status__in=["approved", "submitting", "paid", "failed"], first_approved_by__isnull=False)
                & (_Q(approvals_needed=1) | _Q(second_approved_by__isnull=False))
                | _Q(status__in=["rejected", "canceled"]),
                name="payout_approved_by_enough",
            ),
            models.CheckConstraint(
                condition=~_Q(status="paid")
                | _Q(method="stripe_transfer", transfer_id__isnull=False)
                | _Q(method="bank_transfer", bank_reference__isnull=False, sent_by__isnull=False),
                name="payout_paid_by_something",
            ),
            models.CheckConstraint(
                condition=_Q(sent_by__isnull=True)
                | ~_Q(sent_by=_F("requested_by"))
                & ~_Q(sent_by=_F("owner_id"))
                & (_Q(second_approved_by__isnull=False) | ~_Q(sent_by=_F("first_approved_by"))),
                name="payout_sent_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.money} {str(self.id)[:8]}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def needs_second(self) -> bool:
        return self.approvals_needed == 2


class PayoutAccount(models.Model):
    """Where an organiser is paid to at Stripe. Without one, or while it may not receive, payouts go by bank transfer."""

    owner_id = models.UUIDField(primary_key=True)
    account_id = models.CharField(max_length=110, null=True)
    transfers_active = models.BooleanField(default=False)
    set_by = models.CharField(max_length=64)
    changed_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-changed_at"]

    def __str__(self) -> str:
        return self.account_id or "no account"


class Hold(models.Model):
    """Trust stopped a campaign or a person. The row is trust's word; only its facts write it."""

    id = models.UUIDField(primary_key=True)
    entity_kind = models.CharField(max_length=10)
    entity_id = models.UUIDField()
    placed_at = models.DateTimeField(null=True)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-placed_at"]
        indexes: ClassVar = [
            models.Index(fields=["entity_id"], name="payout_hold_active", condition=_Q(lifted_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.entity_kind} {self.entity_id}"
