"""The inbox of Stripe's events: stored once, answered at once, worked later."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from bh_sdk.server.ops.sealed import SealedField


class StripeEvent(models.Model):
    """One event as Stripe sent it. `due_at` is when to work it (again); empty once it is `done` or `ignored`."""

    STATES = ("pending", "done", "ignored")

    id = models.CharField(primary_key=True, max_length=110)
    type = models.CharField(max_length=100, db_index=True)
    account = models.CharField(
        max_length=110, null=True, help_text="The connected account it belongs to; empty for ours"
    )
    object_id = models.CharField(max_length=110, null=True, help_text="What the event is about")
    intent_id = models.CharField(max_length=110, null=True, db_index=True)
    payment_id = models.UUIDField(null=True, db_index=True)
    body = SealedField(help_text="The event as it came; holds personal data")
    state = models.CharField(max_length=10, default="pending")
    note = models.CharField(max_length=200, null=True, help_text="Why it was ignored, or why the last try failed")
    attempts = models.PositiveIntegerField(default=0)
    received_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    worked_at = models.DateTimeField(null=True)
    mirror_due_at = models.DateTimeField(null=True, help_text="When to copy it into the mirror of Stripe's objects")
    mirror_attempts = models.PositiveIntegerField(default=0)
    mirror_note = models.CharField(max_length=200, null=True, help_text="Why it is not copied")

    class Meta:
        ordering: ClassVar = ["-received_at"]
        verbose_name = "Stripe event"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state__in=("pending", "done", "ignored")), name="stripe_event_state"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="stripe_event_due", condition=models.Q(due_at__isnull=False)),
            models.Index(
                fields=["mirror_due_at"], name="stripe_event_to_mirror", condition=models.Q(mirror_due_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"
