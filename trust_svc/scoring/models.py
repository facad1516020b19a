"""Scores, what they were before, what has to be calculated again, and with which numbers."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now

from trust_svc.scoring.engine import TIERS

KINDS = (("campaign", "campaign"), ("user", "user"))
# Where what a point shows comes from: the engine, staff, or the system before this one.
SOURCES = tuple((source, source) for source in ("calculated", "override", "legacy"))
TIER_CHOICES = tuple((tier, tier) for tier in TIERS)


class ParameterSet(models.Model):
    """One immutable set of the engine's numbers. `body` is its canonical text, `digest` the SHA-256 of that text.

    The state moves only as `versions` says; the database repeats it, and that exactly one set is live.
    """

    class State(models.TextChoices):
        DRAFT = "draft"
        SHADOW = "shadow"
        TRIAL = "trial", "A/B"
        LIVE = "live"
        RETIRED = "retired"

    version = models.IntegerField(primary_key=True)
    digest = models.TextField(unique=True)
    body = models.TextField()
    state = models.TextField(choices=State)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("state",), condition=models.Q(state="live"), name="trust_one_live_parameter_set"
            ),
        )

    def __str__(self) -> str:
        return f"version {self.version} ({self.state})"


class Score(models.Model):
    """The score of a campaign or user. Points are multiples of 1/1024, so the parts sum to `score` exactly.

    `tier` is the shown tier, the only thing here with a memory. `standing` is what this person's word weighs until the
    next nightly sweep (0-1, null = not known): a score of the previous epoch, so that scores never depend on one another
    in circles.

    While staff's override `override_id` is in force, everything here is what is shown, and `computed` what was calculated
    underneath.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.TextField(choices=KINDS)
    entity_id = models.UUIDField()
    owner_id = models.UUIDField(null=True)
    score = models.FloatField()
    lower = models.FloatField()
    deviation = models.FloatField()
    confidence = models.FloatField()
    rated = models.BooleanField()
    tier = models.TextField(choices=TIER_CHOICES)
    cap = models.FloatField()
    cap_adjustment = models.FloatField()
    factors: models.JSONField[Any, Any] = models.JSONField(encoder=DjangoJSONEncoder)
    reasons: models.JSONField[Any, Any] = models.JSONField(encoder=DjangoJSONEncoder)
    features: models.JSONField[Any, Any] = models.JSONField(encoder=DjangoJSONEncoder)
    trend = models.FloatField(null=True)
    standing = models.FloatField(null=True)
    parameters = models.ForeignKey(ParameterSet, on_delete=models.PROTECT)
    expires_at = models.DateTimeField(null=True)
    calculated_at = models.DateTimeField()
    computed: models.JSONField[Any, Any] = models.JSONField(encoder=DjangoJSONEncoder, null=True)
    override_id = models.UUIDField(null=True)
    override_until = models.DateTimeField(null=True)
    # A digest of all that is shown; the same digest is the same answer.
    said = models.BigIntegerField(db_default=0)
    # What others than staff see, and since when, where that differs: see decision 0080.
    outside: models.JSONField[Any, Any] = models.JSONField(encoder=DjangoJSONEncoder, null=True)
    outside_at = models.DateTimeField(null=True)
    revision = models.BigIntegerField()
    # Drawn from a sequence before the evidence was read: of two answers the one with the higher turn knew more.
    turn = models.BigIntegerField()

    class Meta:
        ordering = ("kind", "entity_id")
        constraints = (models.UniqueConstraint(fields=("kind", "entity_id"), name="trust_one_score_per_entity"),)
        indexes = (
            models.Index(
                fields=("expires_at",), condition=models.Q(expires_at__isnull=False), name="trust_score_expiry"
            ),
            models.Index(fields=("-calculated_at", "-id"), name="trust_score_newest"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.entity_id}"


class ScorePoint(models.Model):
    """What a score was at a time. Rows are only ever added, and the database refuses to change one."""

    kind = models.TextField(choices=KINDS)
    entity_id = models.UUIDField()
    score = models.FloatField()
    lower = models.FloatField()
    confidence = models.FloatField()
    rated = models.BooleanField()
    tier = models.TextField(choices=TIER_CHOICES)
    cap_adjustment = models.FloatField()
    contributions: models.JSONField[Any, Any] = models.JSONField(encoder=DjangoJSONEncoder)
    parameters = models.ForeignKey(ParameterSet, on_delete=models.PROTECT)
    calculated_at = models.DateTimeField()
    source = models.TextField(choices=SOURCES, default="calculated", db_default="calculated")
    # What was calculated while something else was shown.
    computed = models.FloatField(null=True)
    # The same as others than staff saw it, where that differed: score, tier, calculated.
    outside: models.JSONField[Any, Any] = models.JSONField(encoder=DjangoJSONEncoder, null=True)
    # Whether it moved anything that others see.
    told = models.BooleanField(default=True, db_default=True)

    class Meta:
        ordering = ("-calculated_at", "-id")
        indexes = (models.Index(fields=("kind", "entity_id", "-calculated_at", "-id"), name="trust_point_of_entity"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.entity_id} {self.score:.2f}"


class Due(models.Model):
    """A score that has to be calculated again, not before `due_at`; urgent ones go first, those of a sweep (`bulk`) last.

    There is one waiting row per entity; a worker marks it `picked` in a short transaction, so that new evidence can ask
    again while the old answer is still being calculated. A picked row that nobody holds locked was left by a worker that
    died.
    """

    kind = models.TextField(choices=KINDS)
    entity_id = models.UUIDField()
    due_at = models.DateTimeField()
    urgent = models.BooleanField(db_default=False)
    # Nothing moved that others than staff may notice.
    quiet = models.BooleanField(db_default=False)
    bulk = models.BooleanField(db_default=False)
    picked = models.BooleanField(default=False)

    class Meta:
        verbose_name = "score due"
        constraints = (
            models.UniqueConstraint(
                fields=("kind", "entity_id"), condition=models.Q(picked=False), name="trust_due_waits_once"
            ),
        )
        indexes = (models.Index(fields=("-urgent", "bulk", "due_at"), name="trust_due_lanes"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.entity_id}"


class Job(models.Model):
    """Many scores asked for at once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    requested_by = models.TextField()
    total = models.IntegerField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.id)


class JobItem(models.Model):
    """One score of a job."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="items")
    kind = models.TextField(choices=KINDS)
    entity_id = models.UUIDField()
    done = models.BooleanField(default=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("job", "kind", "entity_id"), name="trust_job_names_an_entity_once"),
        )
        indexes = (
            models.Index(fields=("kind", "entity_id"), condition=models.Q(done=False), name="trust_job_item_open"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.entity_id}"


class CategoryRate(models.Model):
    """How often campaigns of a category deliver, found each night."""

    category = models.TextField(primary_key=True)
    rate = models.FloatField()
    calculated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.category} {self.rate:.2f}"


class Epoch(models.Model):
    """A night in which what people's words weigh was set anew. What was counted before it counts no more."""

    began_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.began_at:%d %b %Y}"


class ParityCheck(models.Model):
    """One nightly proof: so many stored scores were calculated afresh from the evidence, and so many differ.

    Rows are only ever added, and the database refuses to change one. The next check goes on after `upto`.
    """

    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    compared = models.IntegerField()
    # Evidence had come since, so they were to be calculated again anyway.
    left_out = models.IntegerField()
    differing = models.IntegerField()
    # Points.
    worst = models.FloatField()
    # Those that differ most: [kind, id], what is wrong, the stored score and a fresh one, points.
    named: models.JSONField[Any, Any] = models.JSONField()
    upto = models.UUIDField(null=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.ended_at:%d %b %Y}: {self.differing} of {self.compared} differ"
