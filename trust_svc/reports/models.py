"""Reports: who said what about whom, and what came of it."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from bh_sdk.server.ops.sealed import SealedField


class Report(models.Model):
    """One report. What the reporter wrote may name people, so it is sealed and opened on purpose only."""

    class State(models.TextChoices):
        OPEN = "open"
        UPHELD = "upheld"
        DISMISSED = "dismissed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    reporter_id = models.UUIDField()
    entity_kind = models.TextField(choices=(("campaign", "campaign"), ("user", "user")))
    entity_id = models.UUIDField()
    kind = models.TextField()
    description = SealedField()
    evidence_urls: models.JSONField[Any, Any] = models.JSONField(default=list)
    state = models.TextField(choices=State, default=State.OPEN)
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("reporter_id", "entity_kind", "entity_id"),
                condition=models.Q(state="open"),
                name="trust_one_open_report",
            ),
            models.CheckConstraint(
                condition=models.Q(state="open", decided_at=None)
                | ~models.Q(state="open") & models.Q(decided_at__isnull=False),
                name="trust_report_decided_once",
            ),
        )
        indexes = (
            models.Index(fields=("-created_at", "-id"), name="trust_report_newest"),
            models.Index(fields=("entity_kind", "entity_id"), name="trust_report_of_entity"),
        )

    def __str__(self) -> str:
        return f"{self.kind} report about {self.entity_kind} {self.entity_id}"
