"""Facts, which never change, and the campaigns they are about."""

from __future__ import annotations

from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.fields.json import KeyTextTransform

# All facts about a payment.
OF_PAYMENTS = ("payment.succeeded", "payment.refunded", "payment.refund_reversed", "payment.disputed")


class Kind(models.TextChoices):
    """What a score can be of."""

    CAMPAIGN = "campaign"
    USER = "user"


class Campaign(models.Model):
    """A campaign and its organiser. Known from the moment its first fact or its description arrives."""

    id = models.UUIDField(primary_key=True)
    owner_id = models.UUIDField(null=True, db_index=True)
    title = models.TextField(default="")
    currency = models.TextField(default="")
    category = models.TextField(default="")
    # Who described it wins over what facts claim.
    described_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.title or str(self.id)


class Fact(models.Model):
    """One piece of evidence, as in the evidence contract. The database refuses every change.

    `person_id` is the donor of a gift or the reporter of a report, else null.
    """

    id = models.UUIDField(primary_key=True)
    type = models.TextField()
    time = models.DateTimeField()
    subject_kind = models.TextField(choices=Kind)
    subject_id = models.UUIDField()
    person_id = models.UUIDField(null=True)
    data: models.JSONField[Any, Any] = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    source = models.TextField()
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ("-time", "-id")
        verbose_name = "piece of evidence"
        verbose_name_plural = "evidence"
        indexes = (
            models.Index(fields=("subject_kind", "subject_id", "time"), name="trust_fact_subject"),
            models.Index(
                fields=("person_id", "type"), condition=models.Q(person_id__isnull=False), name="trust_fact_person"
            ),
            models.Index(
                KeyTextTransform("payment_id", "data"),
                condition=models.Q(type__in=OF_PAYMENTS),
                name="trust_fact_payment",
            ),
            models.Index(
                fields=("subject_id",), condition=~models.Q(type="payment.succeeded"), name="trust_fact_but_gifts"
            ),
            models.Index(
                KeyTextTransform("report_id", "data"),
                condition=models.Q(type="report.decided"),
                name="trust_fact_decided",
            ),
            models.Index(
                fields=("subject_id", "recorded_at"),
                condition=models.Q(type__in=OF_PAYMENTS),
                name="trust_fact_payments",
            ),
        )

    def __str__(self) -> str:
        return f"{self.type} {self.subject_kind} {self.subject_id}"
