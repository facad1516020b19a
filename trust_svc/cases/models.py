"""Cases, what is held against whom in them, what staff did, and the money that is at stake."""

from __future__ import annotations

import uuid

from django.db import models

from bh_sdk.server.ops.sealed import SealedField

KINDS = (("campaign", "campaign"), ("user", "user"))


class Case(models.Model):
    """One case about a campaign or a person; one is open at a time.

    `harm` and what it is made of are kept up to date, so that the queue is one indexed query. `version` counts what staff
    did, for whoever decides on what they saw.
    """

    class State(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"

    class Outcome(models.TextChoices):
        CONFIRMED = "confirmed"
        VALUABLE = "valuable"
        FALSE = "false"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    entity_kind = models.TextField(choices=KINDS)
    entity_id = models.UUIDField()
    owner_id = models.UUIDField(null=True)
    state = models.TextField(choices=State, default=State.OPEN)
    outcome = models.TextField(choices=Outcome, null=True)
    assignee = models.UUIDField(null=True)
    snoozed_until = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    decided_by = models.TextField(null=True)
    # Of the reports and signals in it, by kind; for the list.
    summary = models.TextField(default="")
    probability = models.FloatField(default=0.0)
    # In the reference currency of the rules.
    open_money = models.DecimalField(max_digits=18, decimal_places=2, default=0)
    mass = models.FloatField(default=0.0)
    harm = models.FloatField(default=0.0)
    version = models.IntegerField(default=1)

    class Meta:
        ordering = ("-harm", "opened_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("entity_kind", "entity_id"), condition=models.Q(state="open"), name="trust_one_open_case"
            ),
            models.CheckConstraint(
                condition=models.Q(state="open", outcome=None, closed_at=None, decided_by=None)
                | models.Q(
                    state="closed", outcome__isnull=False, closed_at__isnull=False, decided_by__isnull=False,
                    snoozed_until=None,
                ),
                name="trust_case_decided_whole",
            ),
        )  # fmt: skip
        indexes = (
            models.Index(
                fields=("-harm", "opened_at", "id"), condition=models.Q(state="open"), name="trust_case_queue"
            ),
            models.Index(fields=("entity_kind", "entity_id", "-opened_at"), name="trust_case_of_entity"),
            models.Index(fields=("-closed_at",), condition=models.Q(state="closed"), name="trust_case_closed"),
        )

    def __str__(self) -> str:
        return f"case about {self.entity_kind} {self.entity_id}"


class Signal(models.Model):
    """A report or a signal in a case. `key` names what it stands for, so each is taken up once."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="signals")
    kind = models.TextField()
    key = models.TextField()
    at = models.DateTimeField()
    weight = models.FloatField()
    note = models.TextField(default="")

    class Meta:
        ordering = ("-at", "-id")
        constraints = (models.UniqueConstraint(fields=("kind", "key"), name="trust_signal_once"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class LogLine(models.Model):
    """What was done with a case, by whom. Lines are only ever added, and the database refuses to change one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="log")
    at = models.DateTimeField()
    by = models.TextField()
    what = models.TextField()
    # Staff may name people in it.
    note = SealedField(null=True)

    class Meta:
        ordering = ("-at", "-id")
        verbose_name = "line of a case's log"

    def __str__(self) -> str:
        return f"{self.what} by {self.by}"


class Look(models.Model):
    """Somebody has to look whether this belongs into a case; a worker does within seconds. A plain queue: written in the
    transaction that changed something, and taken out when it was looked at."""

    kind = models.TextField(choices=KINDS)
    entity_id = models.UUIDField()

    def __str__(self) -> str:
        return f"{self.kind} {self.entity_id}"


class Move(models.Model):
    """Money of a campaign that came or went, once per event: what is open is their sum. `payout_id` on payouts alone, where
    one that failed takes back what was paid."""

    class Way(models.TextChoices):
        GIVEN = "given"
        BACK = "back"
        AGAIN = "again"
        PAID = "paid"
        FAILED = "failed"

    event_id = models.UUIDField(primary_key=True)
    campaign_id = models.UUIDField()
    way = models.TextField(choices=Way)
    amount = models.DecimalField(max_digits=18, decimal_places=3)
    currency = models.TextField()
    payout_id = models.UUIDField(null=True)

    class Meta:
        indexes = (models.Index(fields=("campaign_id",), name="trust_move_of_campaign"),)

    def __str__(self) -> str:
        return f"{self.way} {self.amount} {self.currency}"
