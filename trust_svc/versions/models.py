"""The life of parameter sets: who made one and why, what happened to it, what a dry run said, and what is tried out."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q

SET = "trust_scoring.ParameterSet"
KINDS = (("campaign", "campaign"), ("user", "user"))


class Version(models.Model):
    """Where a parameter set comes from. Never changed; the set itself holds numbers, digest and state."""

    class Origin(models.TextChoices):
        FIRST = "first", "shipped"
        PASTED = "pasted"
        COPIED = "copied"
        CALIBRATED = "calibrated"

    parameters = models.OneToOneField(SET, on_delete=models.PROTECT, primary_key=True, related_name="version_page")
    origin = models.TextField(choices=Origin)
    made_from = models.IntegerField(null=True)
    note = models.TextField()
    made_by = models.TextField()
    made_at = models.DateTimeField()
    # What the calibration that made it found, when one did.
    calibration: models.JSONField[Any, Any] = models.JSONField(null=True, encoder=DjangoJSONEncoder)

    class Meta:
        ordering = ("-parameters",)
        verbose_name = "parameter set"

    def __str__(self) -> str:
        return f"Version {self.pk}"


class Change(models.Model):
    """The log of everything that was done to a set. Rows are only ever added, and the database refuses to change one."""

    parameters = models.ForeignKey(SET, on_delete=models.PROTECT, related_name="changes")
    did = models.TextField()
    from_state = models.TextField(null=True)
    to_state = models.TextField(null=True)
    actor = models.TextField()
    note = models.TextField(default="")
    at = models.DateTimeField()

    class Meta:
        ordering = ("-at", "-id")
        indexes = (models.Index(fields=("parameters", "-at", "-id"), name="trust_change_of_set"),)

    def __str__(self) -> str:
        return f"version {self.parameters_id}: {self.did}"


class Proposal(models.Model):
    """Somebody wants a set to go live, or to be tried out on a `share` of the organisers for so many `days`; somebody else
    decides. `replaces` was live when it was proposed."""

    class Wants(models.TextChoices):
        PROMOTION = "promotion"
        TRIAL = "trial"

    class State(models.TextChoices):
        OPEN = "open"
        APPROVED = "approved"
        DECLINED = "declined"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    parameters = models.ForeignKey(SET, on_delete=models.PROTECT, related_name="proposals")
    replaces = models.ForeignKey(SET, on_delete=models.PROTECT, related_name="+")
    wants = models.TextField(choices=Wants, default=Wants.PROMOTION, db_default=Wants.PROMOTION)
    share = models.FloatField(null=True)
    days = models.IntegerField(null=True)
    note = models.TextField()
    proposed_by = models.TextField()
    proposed_at = models.DateTimeField()
    state = models.TextField(choices=State, default=State.OPEN)
    decided_by = models.TextField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_note = models.TextField(default="")

    class Meta:
        ordering = ("-proposed_at",)
        constraints = (
            models.UniqueConstraint(fields=("state",), condition=Q(state="open"), name="trust_one_open_proposal"),
            models.CheckConstraint(
                condition=Q(state="open", decided_by=None, decided_at=None)
                | Q(state__in=("approved", "declined"), decided_by__isnull=False, decided_at__isnull=False),
                name="trust_proposal_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state="approved") | ~Q(decided_by=F("proposed_by")), name="trust_promotion_takes_two"
            ),
        )

    def __str__(self) -> str:
        return f"version {self.parameters_id} to {'go live' if self.wants == 'promotion' else 'be tried out'}"


class DryRun(models.Model):
    """What would become of everybody under a set: worked off in the worker, chunk by chunk."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        CANCELLED = "cancelled"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    parameters = models.ForeignKey(SET, on_delete=models.PROTECT, related_name="dry_runs")
    against = models.ForeignKey(SET, on_delete=models.PROTECT, related_name="+")
    state = models.TextField(choices=State, default=State.WAITING)
    # Everybody is scored as of one moment.
    as_of = models.DateTimeField()
    total = models.IntegerField(default=0)
    done = models.IntegerField(default=0)
    failures = models.IntegerField(default=0)
    note = models.TextField(default="")
    asked_by = models.TextField()
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-asked_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("parameters",), condition=Q(state__in=("waiting", "running")), name="trust_one_dry_run_of_a_set"
            ),
        )

    def __str__(self) -> str:
        return f"dry run of version {self.parameters_id}"


class DryRunRow(models.Model):
    """One entity of a dry run: before and after, once it was its turn. Kept until the set's next dry run."""

    run = models.ForeignKey(DryRun, on_delete=models.CASCADE, related_name="rows")
    kind = models.TextField(choices=KINDS)
    entity_id = models.UUIDField()
    before_score = models.FloatField(null=True)
    before_tier = models.TextField(null=True)
    after_score = models.FloatField(null=True)
    after_tier = models.TextField(null=True)
    category = models.TextField(default="")
    currency = models.TextField(default="")
    # What the engine read: donor accounts (decayed) and days since the first trace.
    donors = models.FloatField(default=0)
    age_days = models.FloatField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("run", "kind", "entity_id"), name="trust_dry_run_row_once"),)
        indexes = (models.Index(fields=("run", "id"), condition=Q(after_score=None), name="trust_dry_run_left"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.entity_id}"


class DryRunCase(models.Model):
    """A decided case of a dry run, and what both sets would have said just before its decision."""

    run = models.ForeignKey(DryRun, on_delete=models.CASCADE, related_name="cases")
    fact_id = models.UUIDField()
    kind = models.TextField(choices=KINDS)
    entity_id = models.UUIDField()
    decided_at = models.DateTimeField()
    bad = models.BooleanField()
    before_score = models.FloatField(null=True)
    after_score = models.FloatField(null=True)
    category = models.TextField(default="")
    currency = models.TextField(default="")
    donors = models.FloatField(default=0)
    age_days = models.FloatField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("run", "fact_id"), name="trust_dry_run_case_once"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.entity_id}"


class DryRunReport(models.Model):
    """What a dry run found. Never changed."""

    run = models.OneToOneField(DryRun, on_delete=models.PROTECT, primary_key=True, related_name="report")
    parameters = models.ForeignKey(SET, on_delete=models.PROTECT, related_name="dry_run_reports")
    against = models.ForeignKey(SET, on_delete=models.PROTECT, related_name="+")
    body: models.JSONField[Any, Any] = models.JSONField(encoder=DjangoJSONEncoder)
    made_at = models.DateTimeField()

    class Meta:
        ordering = ("-made_at",)

    def __str__(self) -> str:
        return f"dry run of version {self.parameters_id}"


class Calibration(models.Model):
    """A fit to the decided cases that somebody asked for: worked off in the worker, and it ends in a draft."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    base = models.ForeignKey(SET, on_delete=models.PROTECT, related_name="calibrations")
    state = models.TextField(choices=State, default=State.WAITING)
    note = models.TextField()
    asked_by = models.TextField()
    asked_at = models.DateTimeField()
    # When another worker may take it up, because the one that did is gone.
    due_at = models.DateTimeField()
    tries = models.IntegerField(default=0)
    trouble = models.TextField(default="")
    made = models.ForeignKey(SET, on_delete=models.PROTECT, null=True, related_name="+")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-asked_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("base",), condition=Q(state__in=("waiting", "running")), name="trust_one_calibration_of_a_set"
            ),
        )

    def __str__(self) -> str:
        return f"calibration of version {self.base_id}"


class SetScore(models.Model):
    """What one set in play says of one entity, whether or not anybody is shown it. Only while several are in play."""

    parameters = models.ForeignKey(SET, on_delete=models.PROTECT, related_name="+")
    kind = models.TextField(choices=KINDS)
    entity_id = models.UUIDField()
    owner_id = models.UUIDField(null=True)
    score = models.FloatField()
    lower = models.FloatField()
    rated = models.BooleanField()
    tier = models.TextField()
    calculated_at = models.DateTimeField()
    turn = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("parameters", "kind", "entity_id"), name="trust_one_score_per_set"),
        )

    def __str__(self) -> str:
        return f"version {self.parameters_id}: {self.kind} {self.entity_id}"


class Trial(models.Model):
    """An A/B test: a share of the organisers is shown the challenger, until the date that was agreed on at the start."""

    class State(models.TextChoices):
        RUNNING = "running"
        STOPPED = "stopped"
        PROMOTED = "promoted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    challenger = models.ForeignKey(SET, on_delete=models.PROTECT, related_name="trials")
    control = models.ForeignKey(SET, on_delete=models.PROTECT, related_name="+")
    share = models.FloatField()
    seed = models.TextField()
    state = models.TextField(choices=State, default=State.RUNNING)
    note = models.TextField()
    started_by = models.TextField()
    started_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_by = models.TextField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-started_at",)
        constraints = (
            models.UniqueConstraint(fields=("state",), condition=Q(state="running"), name="trust_one_running_trial"),
            models.CheckConstraint(condition=Q(share__gt=0, share__lt=1), name="trust_trial_share"),
            models.CheckConstraint(condition=~Q(challenger=F("control")), name="trust_trial_of_two"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("started_at")), name="trust_trial_ends_later"),
        )

    def __str__(self) -> str:
        return f"version {self.challenger_id} against {self.control_id}"


class TrialCase(models.Model):
    """A case decided during a trial, and what both sets said of it just before. Never changed."""

    trial = models.ForeignKey(Trial, on_delete=models.PROTECT, related_name="cases")
    fact_id = models.UUIDField()
    kind = models.TextField(choices=KINDS)
    entity_id = models.UUIDField()
    owner_id = models.UUIDField(null=True)
    bad = models.BooleanField()
    control = models.FloatField()
    challenger = models.FloatField()
    decided_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("trial", "fact_id"), name="trust_trial_case_once"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.entity_id}"
