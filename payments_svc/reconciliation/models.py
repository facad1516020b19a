"""Stripe's statement as we read it, runs that lay it beside the ledger, the breaks they find, and the invariants."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from bh_sdk.money import Money
from payments_svc.reconciliation.rules import KINDS


class StatementLine(models.Model):
    """One balance transaction of Stripe, as it was read. Stripe never changes one."""

    id = models.CharField(primary_key=True, max_length=110)
    type = models.CharField(max_length=60)
    key = models.CharField(max_length=110, db_index=True, help_text="The object that moved the money, else its own id")
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    fee = models.BigIntegerField()
    created_at = models.DateTimeField(db_index=True)
    payout_id = models.CharField(max_length=110, null=True, db_index=True, help_text="The payout it left us with")

    class Meta:
        ordering: ClassVar = ["-created_at", "id"]

    def __str__(self) -> str:
        return self.id

    @property
    def net(self) -> int:
        return self.amount - self.fee


class BankPayout(models.Model):
    """A payout of Stripe to our bank."""

    id = models.CharField(primary_key=True, max_length=110)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20)
    failure = models.CharField(max_length=100, null=True)
    created_at = models.DateTimeField()
    arrives_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, help_text="When it was asked what it consists of")

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.money} {self.id}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


class Run(models.Model):
    """One reconciliation: read the statement of a window, then match. A run that was cut off is carried on."""

    STATES = ("reading", "matching", "done")

    id = models.BigAutoField(primary_key=True)
    since = models.DateTimeField()
    until = models.DateTimeField()
    day = models.DateField(null=True, unique=True, help_text="The day whose daily run this is")
    asked_by = models.CharField(max_length=64)
    state = models.CharField(max_length=10, default="reading")
    cursor = models.CharField(max_length=110, null=True, help_text="The last transaction that was read")
    read = models.PositiveIntegerField(default=0)
    matched = models.PositiveIntegerField(default=0)
    found = models.PositiveIntegerField(default=0)
    cleared = models.PositiveIntegerField(default=0)
    sums = models.JSONField(default=dict, help_text="By currency: what moved there and here, in minor units")
    payouts = models.JSONField(null=True, help_text="Payouts to our bank within the window, as they stood at the end")
    note = models.CharField(max_length=200, null=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, help_text="When somebody else may carry it on")

    class Meta:
        ordering: ClassVar = ["-started_at", "-id"]
        verbose_name = "reconciliation"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=("reading", "matching", "done")), name="run_state_known"),
            models.CheckConstraint(condition=Q(until__gt=F("since")), name="run_window_runs_forward"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="run_due", condition=Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.since:%d %b %Y} to {self.until:%d %b %Y}"


class Break(models.Model):
    """A difference between Stripe and us, once. `cleared` by the run that no longer found it, `closed` by a person."""

    STATES = ("open", "proposed", "closed", "cleared")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    identity = models.CharField(max_length=250, unique=True)
    kind = models.CharField(max_length=15)
    key = models.CharField(max_length=120, db_index=True, help_text="The object at Stripe, or our own reference")
    currency = models.CharField(max_length=3, help_text="Stripe's, where it has one")
    difference = models.JSONField(help_text="Stripe's net less ours by currency, in minor units")
    there = models.JSONField(help_text="Stripe's lines: id, currency, amount, fee, time")
    here = models.JSONField(help_text="Our journals: id, currency, amount, fee, time")
    payment_id = models.UUIDField(null=True, db_index=True)
    at = models.DateTimeField(help_text="When the money moved")

    state = models.CharField(max_length=10, default="open")
    taken_by = models.CharField(max_length=64, null=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    last_run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="breaks")
    settled_at = models.DateTimeField(null=True)
    settled_by = models.CharField(max_length=64, null=True)
    reason = models.CharField(max_length=500, null=True, help_text="Why a person closed it, or wants to correct it")

    correct_to = models.CharField(max_length=40, null=True, help_text="The account that takes the difference")
    proposed_by = models.CharField(max_length=64, null=True)
    approved_by = models.CharField(max_length=64, null=True)
    corrections = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-at", "identity"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=list(KINDS)), name="break_kind_known"),
            models.CheckConstraint(
                condition=Q(state__in=("open", "proposed", "closed", "cleared")), name="break_state_known"
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | (Q(proposed_by__isnull=False) & ~Q(approved_by=F("proposed_by"))),
                name="break_second_person",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("closed", "cleared")) ^ Q(settled_at__isnull=True), name="break_settled"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')} {self.key}"


class RunBreak(models.Model):
    """A break as one run found it. Later runs and people change the break; what this run found stays as it was."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="found_breaks")
    of = models.ForeignKey(Break, on_delete=models.PROTECT, related_name="found_by")
    kind = models.CharField(max_length=15)
    key = models.CharField(max_length=120)
    currency = models.CharField(max_length=3)
    difference = models.JSONField(help_text="Stripe's net less ours by currency, in minor units")
    state = models.CharField(max_length=10, help_text="Where it stood when the run ended")
    payment_id = models.UUIDField(null=True)
    at = models.DateTimeField(help_text="When the money moved")

    class Meta:
        ordering: ClassVar = ["-at", "id"]
        verbose_name = "break of a run"
        verbose_name_plural = "breaks of runs"
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "of"], name="run_break_once")]

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')} {self.key}"


class BreakStep(models.Model):
    """What was done about a break, by whom and when. Only added to."""

    id = models.BigAutoField(primary_key=True)
    of = models.ForeignKey(Break, on_delete=models.PROTECT, related_name="steps")
    at = models.DateTimeField()
    by = models.CharField(max_length=64)
    what = models.CharField(max_length=20)
    note = models.CharField(max_length=500, null=True)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.what


class Finding(models.Model):
    """An invariant that does not hold for something, from when it was first seen until it held again."""

    id = models.BigAutoField(primary_key=True)
    check_name = models.CharField(max_length=60)
    subject = models.CharField(max_length=120)
    detail = models.CharField(max_length=500)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-first_seen_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["check_name", "subject"], condition=Q(cleared_at__isnull=True), name="finding_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.check_name}: {self.subject}"


class CheckRound(models.Model):
    """When each invariant was last asked, how long it took, and how much it found."""

    check_name = models.CharField(primary_key=True, max_length=60)
    checked_at = models.DateTimeField()
    seconds = models.FloatField()
    open_findings = models.PositiveIntegerField()

    class Meta:
        ordering: ClassVar = ["check_name"]

    def __str__(self) -> str:
        return self.check_name
