"""Appeals: who wants what looked at again, by when, and what somebody else made of it."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from bh_sdk.server.ops.sealed import SealedField
from trust_svc.appeals.rules import AGAINST


class Appeal(models.Model):
    """One appeal. `target_id` is the decision (a score's entity for a score), `not_by` who made it: none of them decides
    here, which the database refuses too (migration 0002)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    entity_kind = models.TextField(choices=(("campaign", "campaign"), ("user", "user")))
    entity_id = models.UUIDField()
    filed_by = models.UUIDField()
    against = models.TextField(choices=tuple(AGAINST.items()))
    target_id = models.UUIDField()
    not_by = ArrayField(models.UUIDField(), default=list)
    statement = SealedField(help_text="What the one who appeals says")
    evidence_urls: models.JSONField[Any, Any] = models.JSONField(default=list)
    state = models.TextField(
        choices=(("open", "Open"), ("upheld", "Upheld"), ("adjusted", "Adjusted"), ("reversed", "Reversed")),
        default="open",
    )
    filed_at = models.DateTimeField()
    due_at = models.DateTimeField()
    claimed_by = models.UUIDField(null=True)
    claimed_at = models.DateTimeField(null=True)
    decided_by = models.UUIDField(null=True)
    decided_at = models.DateTimeField(null=True)
    answer = SealedField(null=True, help_text="What the one who appealed reads")
    note = SealedField(null=True, help_text="What staff write for staff")

    class Meta:
        ordering: ClassVar = ["due_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("entity_kind", "entity_id", "against", "target_id"),
                condition=Q(state="open"),
                name="trust_one_open_appeal",
            ),
            models.CheckConstraint(
                condition=Q(state="open", decided_by=None, decided_at=None, answer__isnull=True)
                | Q(
                    state__in=("upheld", "adjusted", "reversed"),
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                    answer__isnull=False,
                ),
                name="trust_appeal_decided_whole",
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("filed_by")), name="trust_appeal_not_by_oneself"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=("filed_by", "-filed_at", "-id"), name="trust_appeal_own"),
            models.Index(fields=("due_at", "id"), condition=Q(state="open"), name="trust_appeal_queue"),
            models.Index(fields=("against", "target_id"), name="trust_appeal_of_decision"),
        ]

    def __str__(self) -> str:
        return f"appeal against {self.against} {str(self.target_id)[:8]}"
