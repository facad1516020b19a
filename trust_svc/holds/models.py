"""Holds: who stopped whom, why, and who let go."""

from __future__ import annotations

import uuid

from django.db import models


class Hold(models.Model):
    """One hold on a campaign or a person. A `report_id` says that an upheld report placed it, not a person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    entity_kind = models.TextField(choices=(("campaign", "campaign"), ("user", "user")))
    entity_id = models.UUIDField()
    reason = models.TextField()
    report_id = models.UUIDField(null=True)
    placed_by = models.TextField()
    placed_at = models.DateTimeField()
    lifted_by = models.TextField(null=True)
    lifted_at = models.DateTimeField(null=True)
    lifted_because = models.TextField(null=True)

    class Meta:
        ordering = ("-placed_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("entity_kind", "entity_id"), condition=models.Q(lifted_at=None), name="trust_one_active_hold"
            ),
            models.UniqueConstraint(fields=("report_id",), name="trust_hold_once_per_report"),
            models.CheckConstraint(
                condition=models.Q(lifted_at=None, lifted_by=None, lifted_because=None)
                | models.Q(lifted_at__isnull=False, lifted_by__isnull=False, lifted_because__isnull=False),
                name="trust_hold_lifted_by_somebody",
            ),
        )
        indexes = (models.Index(fields=("entity_kind", "entity_id"), name="trust_hold_of_entity"),)

    def __str__(self) -> str:
        return f"hold on {self.entity_kind} {self.entity_id}"
