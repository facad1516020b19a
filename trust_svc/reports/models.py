"""Reports: who said what about whom, and what came of it."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from bh_sdk.server.ops.sealed import SealedField

NOBODY = uuid.UUID(int=0)
NO_WORDS = "The platform told of this report; it came without words."


class Report(models.Model):
    """One report. What the reporter wrote may name people, so it is sealed and opened on purpose only.

    One that the platform told has the platform's name for it in `told_as`, and no words; `NOBODY` reported what came without
    a name.
    """

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
    told_as = models.TextField(null=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("reporter_id", "entity_kind", "entity_id"),
                condition=models.Q(state="open", told_as=None),
                name="trust_one_open_report_here",
            ),
            models.UniqueConstraint(
                fields=("entity_kind", "entity_id", "told_as"),
                condition=models.Q(told_as__isnull=False),
                name="trust_report_told_once",
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

    @property
    def name(self) -> str:
        """What evidence calls it."""
        return self.told_as or str(self.id)
