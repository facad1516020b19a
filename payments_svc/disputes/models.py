"""Disputes of a payment: cases of their own beside it."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from bh_sdk.money import Money
from payments_svc.disputes.rules import DISPUTE_MOVES


class Dispute(models.Model):
    """A donor's bank asks for the money back."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    payment = models.ForeignKey("payments_donations.Payment", on_delete=models.PROTECT, related_name="disputes")
    stripe_id = models.CharField(max_length=110, unique=True)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20)
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="dispute_amount_positive"),
            models.CheckConstraint(condition=models.Q(status__in=list(DISPUTE_MOVES)), name="dispute_status_known"),
        ]

    def __str__(self) -> str:
        return f"{self.money} {self.stripe_id}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)
