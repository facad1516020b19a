"""Providers as staff steer them, and what became of what they were given, minute by minute."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from notify_svc.providers import rules


class Provider(models.Model):
    """One way out of the house. The row comes by itself when a worker first finds the provider set up."""

    name = models.CharField(primary_key=True, max_length=16)
    channel = models.CharField(max_length=8)
    # The kind of device that it alone reaches; empty when it shares its channel with others.
    lane = models.CharField(max_length=8, blank=True, db_default="", default="")
    weight = models.PositiveSmallIntegerField(
        default=rules.WEIGHT, help_text="Its share of the channel's batches beside the others'; 0 gives it none"
    )
    rate = models.PositiveIntegerField(null=True, help_text="At most so many messages a second; empty for no limit")
    # The circuit, shared by all workers. The counts fade (`rules.after`).
    circuit = models.CharField(max_length=9, choices=[(name, name) for name in rules.CIRCUITS], default="closed")
    until = models.DateTimeField(null=True)
    pauses = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=64, blank=True)
    tries = models.FloatField(default=0)
    fails = models.FloatField(default=0)
    at = models.DateTimeField(null=True)
    # It asked for patience until then.
    rests_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["channel", "name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(circuit__in=rules.CIRCUITS), name="notify_provider_circuit"),
            models.CheckConstraint(condition=Q(weight__lte=rules.MOST_WEIGHT), name="notify_provider_weight"),
            models.CheckConstraint(condition=Q(rate__isnull=True) | Q(rate__gt=0), name="notify_provider_rate"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def pulse(self) -> rules.Pulse:
        circuit = next(known for known in rules.CIRCUITS if known == self.circuit)
        return rules.Pulse(circuit, self.until, self.pauses, self.reason, self.tries, self.fails, self.at)


class Minute(models.Model):
    """What became of one minute's letters at one provider."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="minutes")
    minute = models.DateTimeField()
    accepted = models.PositiveIntegerField()
    refused = models.PositiveIntegerField()
    failed = models.PositiveIntegerField()
    throttled = models.PositiveIntegerField()
    milliseconds = models.PositiveBigIntegerField(help_text="Of all its tries together")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["provider", "minute"], name="notify_provider_minute")
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["minute"], name="notify_provider_minutes")]

    def __str__(self) -> str:
        return f"{self.provider_id} {self.minute:%H:%M}"
