"""Broadcasts and their steps. Until somebody approves one, its row says what will be told; from then on its mailing does.

What the commands promise, the database holds too (migration 0002): it moves along its table, what was asked for does not
change, and whoever wrote any of it does not approve it.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from notify_svc.broadcasts import rules


class Broadcast(models.Model):
    """One message to many."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    title = models.CharField(max_length=120, help_text="What staff call it")
    type = models.CharField(max_length=64)
    category = models.CharField(max_length=16)
    data = models.JSONField(default=dict)
    channels = models.JSONField(default=list, help_text="Empty: every channel that has words")
    # Its words as they stood when approval was asked for: a later edition does not slip in under an approval.
    versions = models.JSONField(default=list)

    audience = models.CharField(max_length=9, choices=[(name, name) for name in rules.AUDIENCES], blank=True)
    campaign_id = models.UUIDField(null=True)
    list_id = models.UUIDField(null=True)
    languages = models.JSONField(default=list, help_text="Only who reads one of these; empty: all")
    # How many people there are, how many can be reached and why the others cannot; see `estimating`.
    estimate = models.JSONField(default=dict)

    start_at = models.DateTimeField(null=True, help_text="Empty: as soon as it is approved")
    expires_at = models.DateTimeField(null=True)
    per_minute = models.PositiveIntegerField(null=True)

    status = models.CharField(max_length=8, choices=[(name, name) for name in rules.STATES], default="draft")
    # Counts what changed, so that nobody approves anything but what they saw.
    revision = models.PositiveIntegerField(default=1)
    mailing = models.OneToOneField(
        "notify_delivery.Mailing", on_delete=models.PROTECT, null=True, related_name="broadcast"
    )
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    asked_by = models.CharField(max_length=64, blank=True)
    asked_at = models.DateTimeField(null=True)
    approved_by = models.CharField(max_length=64, blank=True)
    approved_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(status__in=rules.STATES), name="notify_broadcast_status"),
            models.CheckConstraint(
                condition=Q(status="approved", mailing__isnull=False, approved_at__isnull=False) & ~Q(approved_by="")
                | (~Q(status="approved") & Q(mailing__isnull=True, approved_at__isnull=True, approved_by="")),
                name="notify_broadcast_approved",
            ),
            models.CheckConstraint(
                condition=Q(approved_by="") | (~Q(approved_by=F("created_by")) & ~Q(approved_by=F("asked_by"))),
                name="notify_broadcast_second_person",
            ),
            models.CheckConstraint(
                condition=Q(per_minute__isnull=True) | Q(per_minute__gte=rules.SLOWEST), name="notify_broadcast_pace"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-created_at", "-id"], name="notify_broadcast_newest")
        ]

    def __str__(self) -> str:
        return self.title


class Step(models.Model):
    """One thing that somebody did with a broadcast. Rows are added, never altered."""

    broadcast = models.ForeignKey(Broadcast, on_delete=models.PROTECT, related_name="steps")
    kind = models.CharField(max_length=9, choices=[(name, name) for name in rules.STEPS])
    by = models.CharField(max_length=64)
    note = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(kind__in=rules.STEPS), name="notify_broadcast_step")
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.by}"
