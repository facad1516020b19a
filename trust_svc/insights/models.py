"""What each day looked like. Days are UTC; built again from scores' history, reports and cases by command, number by number."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

KINDS = (("campaign", "campaign"), ("user", "user"))


class ScoreDay(models.Model):
    """The scores of one kind at the end of a day (of today: at the last count), and how far they moved in it.

    `bins` counts rated scores by tens (0-9, …, 90-100). `factors` are the mean points of each factor over rated scores.
    `moved` counts scores that went a point or more, `movement` is the mean of their points without sign.
    """

    day = models.DateField()
    kind = models.TextField(choices=KINDS)
    rated = models.IntegerField()
    unrated = models.IntegerField()
    tiers: models.JSONField[Any, Any] = models.JSONField()
    bins: models.JSONField[Any, Any] = models.JSONField()
    factors: models.JSONField[Any, Any] = models.JSONField()
    mean = models.FloatField(null=True)
    low = models.FloatField(null=True, help_text="A tenth of the rated scores is below")
    median = models.FloatField(null=True)
    high = models.FloatField(null=True, help_text="A tenth of the rated scores is above")
    moved = models.IntegerField()
    movement = models.FloatField(null=True)
    tier_up = models.IntegerField()
    tier_down = models.IntegerField()

    class Meta:
        ordering: ClassVar = ["-day", "kind"]
        verbose_name = "day of scores"
        verbose_name_plural = "days of scores"
        constraints: ClassVar = [models.UniqueConstraint(fields=("day", "kind"), name="trust_one_line_a_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.kind}"


class ReviewDay(models.Model):
    """What was reported and decided on one day. Hours are from a report to the decision on it, and from a case's opening to
    its decision, of those decided that day."""

    day = models.DateField(primary_key=True)
    filed = models.IntegerField()
    upheld = models.IntegerField()
    dismissed = models.IntegerField()
    hours = models.FloatField(null=True, help_text="Median")
    hours_slow = models.FloatField(null=True, help_text="Nine of ten were quicker")
    cases_opened = models.IntegerField()
    confirmed = models.IntegerField()
    valuable = models.IntegerField()
    false = models.IntegerField()
    case_hours = models.FloatField(null=True, help_text="Median")
    case_hours_slow = models.FloatField(null=True, help_text="Nine of ten were quicker")

    class Meta:
        ordering: ClassVar = ["-day"]
        verbose_name = "day of reviews"
        verbose_name_plural = "days of reviews"

    def __str__(self) -> str:
        return str(self.day)
