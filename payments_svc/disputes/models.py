"""Disputes of a payment: cases of their own beside it, with what we tell the bank and what money moved."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from bh_sdk.money import Money
from bh_sdk.server.ops.sealed import SealedField
from payments_svc.disputes.rules import DISPUTE_MOVES, FILES


class Dispute(models.Model):
    """A donor's bank asks the money back, or asks whether it should. Amounts are minor units of `currency`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    payment = models.ForeignKey("payments_donations.Payment", on_delete=models.PROTECT, related_name="disputes")
    stripe_id = models.CharField(max_length=110, unique=True)
    amount = models.BigIntegerField(help_text="What is disputed; may be less than was charged")
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20)
    stripe_status = models.CharField(
        max_length=40, default="needs_response", db_default="needs_response", help_text="In Stripe's words"
    )
    reason = models.CharField(max_length=50, null=True, help_text="The bank's, in Stripe's words")
    fee = models.BigIntegerField(default=0, db_default=0, help_text="What the case has cost us so far")
    submissions = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How often evidence went to the bank"
    )
    evidence_due_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True, help_text="When Stripe heard of it")
    created_at = models.DateTimeField(help_text="When we did")
    disputed_at = models.DateTimeField(null=True, help_text="When we learned that it is more than an inquiry")
    answered_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    evidence = SealedField(null=True, help_text="What is written for the bank: JSON, Stripe's field to text")
    evidence_by = models.UUIDField(null=True, help_text="Who wrote last")
    evidence_at = models.DateTimeField(null=True)

    wanted = models.CharField(max_length=10, null=True, help_text="What staff decided and Stripe has not confirmed yet")
    wanted_by = models.UUIDField(null=True)
    wanted_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, help_text="When to tell Stripe (again)")
    attempts = models.PositiveIntegerField(default=0, db_default=0)
    last_error = models.CharField(max_length=300, null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="dispute_amount_positive"),
            models.CheckConstraint(condition=models.Q(status__in=list(DISPUTE_MOVES)), name="dispute_status_known"),
            models.CheckConstraint(
                condition=models.Q(wanted__isnull=True)
                | models.Q(wanted__in=("submit", "accept"), wanted_by__isnull=False, wanted_at__isnull=False),
                name="dispute_wanted_by_somebody",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="dispute_due", condition=models.Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.money} {self.stripe_id}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


class Movement(models.Model):
    """One balance transaction of a dispute at Stripe, booked once. `amount` is below zero when it was taken from us."""

    stripe_id = models.CharField(primary_key=True, max_length=110)
    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="movements")
    amount = models.BigIntegerField()
    fee = models.BigIntegerField(help_text="What Stripe took for it; below zero when it gave a fee back")
    written_off = models.BooleanField(
        default=False, help_text="The dispute is lost, and the campaign is owed that less"
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["created_at", "stripe_id"]

    def __str__(self) -> str:
        return self.stripe_id


class EvidenceFile(models.Model):
    """A file for the bank. Its bytes lie in the file storage; Stripe gets them when the evidence is submitted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="files")
    kind = models.CharField(max_length=50, help_text="Stripe's field")
    name = SealedField(help_text="What its owner called it")
    content_type = models.CharField(max_length=40)
    size = models.PositiveIntegerField()
    stored_as = models.CharField(max_length=200)
    stripe_id = models.CharField(max_length=110, null=True)
    added_by = models.UUIDField()
    added_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["added_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["dispute", "kind"], name="evidence_file_once_a_kind"),
            models.CheckConstraint(condition=models.Q(kind__in=list(FILES)), name="evidence_file_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.stored_as}"


class Warned(models.Model):
    """The card network warns that a charge is likely fraud: no money moves, and often a dispute follows."""

    stripe_id = models.CharField(primary_key=True, max_length=110)
    payment = models.ForeignKey("payments_donations.Payment", on_delete=models.PROTECT, related_name="warnings")
    fraud_type = models.CharField(max_length=60)
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = "early fraud warning"

    def __str__(self) -> str:
        return self.stripe_id
