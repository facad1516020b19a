"""Refunds of a payment: cases of their own beside it."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from bh_sdk.money import Money
from payments_svc.refunds.rules import REFUND_MOVES


class Refund(models.Model):
    """Money on its way back to a donor. `amount` in minor units of the payment's currency."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    payment = models.ForeignKey("payments_donations.Payment", on_delete=models.PROTECT, related_name="refunds")
    stripe_id = models.CharField(max_length=110, unique=True)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20)
    reason = models.CharField(max_length=50, null=True)
    failure_reason = models.CharField(max_length=100, null=True)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="refund_amount_positive"),
            models.CheckConstraint(condition=models.Q(status__in=list(REFUND_MOVES)), name="refund_status_known"),
        ]

    def __str__(self) -> str:
        return f"{self.money} {self.stripe_id}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)
