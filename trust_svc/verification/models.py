"""Requests to be verified, their documents, and what was told of verifications that end."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from bh_sdk.server.ops.sealed import SealedField
from trust_svc.verification.rules import LIVES, MOVES, REASONS


class Request(models.Model):
    """Somebody asks that one item of a campaign or person be verified. What people wrote is sealed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    entity_kind = models.TextField(choices=(("campaign", "campaign"), ("user", "user")))
    entity_id = models.UUIDField()
    item = models.TextField(choices=tuple((item, item) for item in LIVES))
    requested_by = models.UUIDField()
    note = SealedField(null=True, help_text="What the one who asks wants staff to know")
    state = models.TextField(choices=tuple((state, state.capitalize()) for state in MOVES), default="open")
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="Until when staff decide")
    decided_at = models.DateTimeField(null=True)
    decided_by = models.UUIDField(null=True)
    reason = models.TextField(null=True, choices=(*REASONS.items(), ("revoked", "Taken back")))
    message = SealedField(null=True, help_text="What the one who asked reads")
    expires_at = models.DateTimeField(null=True, help_text="When what was granted runs out")
    fact_id = models.UUIDField(null=True, unique=True, help_text="The evidence that says it was granted")
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.UUIDField(null=True)
    refused_by = models.UUIDField(null=True, help_text="Who may not look at it again after an appeal")
    documents_until = models.DateTimeField(null=True, help_text="When its documents are deleted")

    class Meta:
        ordering: ClassVar = ["created_at", "id"]
        verbose_name = "verification"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("entity_kind", "entity_id", "item"),
                condition=Q(state="open"),
                name="trust_one_open_verification",
            ),
            models.CheckConstraint(condition=Q(state__in=list(MOVES)), name="trust_verification_state_known"),
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("requested_by")),
                name="trust_verification_not_by_oneself",
            ),
            models.CheckConstraint(
                condition=Q(revoked_by=None) | ~Q(revoked_by=F("requested_by")),
                name="trust_verification_not_revoked_by_oneself",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("open", "withdrawn"))
                | Q(decided_by__isnull=False, decided_at__isnull=False, documents_until__isnull=False),
                name="trust_verification_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("granted", "revoked")) | Q(expires_at__isnull=False, fact_id__isnull=False),
                name="trust_verification_ends",
            ),
            models.CheckConstraint(
                condition=~Q(state="revoked") | Q(revoked_by__isnull=False, revoked_at__isnull=False),
                name="trust_verification_revoked_by_somebody",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=("requested_by", "-created_at", "-id"), name="trust_verification_own"),
            models.Index(fields=("created_at", "id"), condition=Q(state="open"), name="trust_verification_waiting"),
            models.Index(
                fields=("documents_until",),
                condition=Q(documents_until__isnull=False),
                name="trust_verification_to_purge",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item} of {self.entity_kind} {str(self.entity_id)[:8]}"


class Document(models.Model):
    """A document that was shown. Its bytes lie sealed in the file storage, under a name of ours."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="documents")
    content_type = models.TextField()
    size = models.PositiveIntegerField()
    stored_as = models.TextField()
    added_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["added_at", "id"]

    def __str__(self) -> str:
        return f"{self.content_type} {self.id}"


class Told(models.Model):
    """That somebody was told of a verification's end: once, however often one looks."""

    fact_id = models.UUIDField(help_text="The evidence that granted it")
    what = models.TextField(choices=(("ending", "ending"), ("ended", "ended")))
    told_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("fact_id", "what"), name="trust_verification_told_once"),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.fact_id}"
