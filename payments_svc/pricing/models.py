"""What Stripe and the platform take, from when until when. The database keeps rates apart and keeps what was in force."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from bh_sdk.money import Money
from payments_svc.pricing.rules import HIGHEST_BP, Line, Rate


class FeeRate(models.Model):
    """One rate. An empty currency is every currency without a rate of its own; it has no fixed part, because minor units
    of no currency mean nothing. No two rates of one kind and currency hold at the same time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=[("processing", "Stripe's fee"), ("platform", "platform fee")])
    currency = models.CharField(max_length=3, blank=True, help_text="Empty: every other currency")
    basis_points = models.PositiveIntegerField(help_text="290 is 2.9 %")
    fixed = models.BigIntegerField(default=0, help_text="Minor units per charge")
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, help_text="Exclusive; empty: until another one is planned")
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["kind", "currency", "-valid_from"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(basis_points__lte=HIGHEST_BP, fixed__gte=0), name="fee_rate_amounts_sane"
            ),
            models.CheckConstraint(condition=~models.Q(currency="") | models.Q(fixed=0), name="fee_rate_fixed_of_what"),
            models.CheckConstraint(
                condition=models.Q(valid_until__isnull=True) | models.Q(valid_until__gt=models.F("valid_from")),
                name="fee_rate_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.currency or 'every other currency'} from {self.valid_from:%d %b %Y}"

    @property
    def line(self) -> Line:
        rate = Rate(self.basis_points, self.fixed, self.id)
        return Line(self.kind, self.currency, rate, self.valid_from, self.valid_until)  # type: ignore[arg-type]

    @property
    def in_words(self) -> str:
        """ "2.90 % + 0.20 GBP" """
        share = f"{self.basis_points / 100:.2f} %"
        return f"{share} + {Money(self.fixed, self.currency)}" if self.fixed else share
