"""Deliveries by the day on which they were accepted, counted; no person is in it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Day(models.Model):
    """What became of one day's deliveries with one version of words, by one provider. Tests are left out."""

    day = models.DateField()
    version_id = models.UUIDField()
    # Both follow from the version; here so that a sum over one of them asks this table alone.
    type = models.CharField(max_length=64)
    channel = models.CharField(max_length=8)
    provider = models.CharField(max_length=16, blank=True)
    accepted = models.PositiveIntegerField()
    handed_over = models.PositiveIntegerField()
    promptly = models.PositiveIntegerField(help_text="Handed over within ten seconds of being due")
    delivered = models.PositiveIntegerField()
    bounced = models.PositiveIntegerField()
    complained = models.PositiveIntegerField()
    opened = models.PositiveIntegerField()
    clicked = models.PositiveIntegerField()
    failed = models.PositiveIntegerField()
    canceled = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "daily figures"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["day", "version_id", "provider"], name="notify_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.type} by {self.channel} on {self.day}"


class Failure(models.Model):
    """Of one day's deliveries, those that failed or came back, by reason."""

    day = models.DateField()
    type = models.CharField(max_length=64)
    channel = models.CharField(max_length=8)
    provider = models.CharField(max_length=16, blank=True)
    outcome = models.CharField(max_length=7)
    reason = models.CharField(max_length=64, blank=True)
    count = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "failures by reason"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["day", "type", "channel", "provider", "outcome", "reason"], name="notify_failure_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.outcome}: {self.reason} on {self.day}"


class Counted(models.Model):
    """When a day was last counted. Whoever counts it holds this row locked."""

    day = models.DateField(primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.day}"
