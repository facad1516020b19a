"""What was removed, how far each round is, and who asked for a person's data."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

KINDS = ("export", "erase")


class Removal(models.Model):
    """How much of one kind was removed on one day."""

    what = models.CharField(max_length=32)
    day = models.DateField()
    removed = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "retention"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["what", "day"], name="notify_removal_once")
        ]

    def __str__(self) -> str:
        return f"{self.removed} of {self.what} on {self.day}"


class Round(models.Model):
    """When something was last looked through for what is too old, and where the next look begins."""

    what = models.CharField(primary_key=True, max_length=32)
    looked_at = models.DateTimeField()
    behind = models.BooleanField(help_text="More was too old than one round removes; the next one goes on")
    after = models.UUIDField(null=True)

    def __str__(self) -> str:
        return self.what


class Request(models.Model):
    """Somebody asked for everything about a person, or that it be erased. Rows are added, never altered."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=6, choices=[(name, name) for name in KINDS])
    person_id = models.UUIDField()
    by = models.CharField(max_length=64, help_text="The person, a service, or somebody of the staff")
    reason = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name = "request about personal data"
        verbose_name_plural = "requests about personal data"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="notify_request_kind")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-at", "-id"], name="notify_request_newest"),
            models.Index(fields=["person_id"], name="notify_request_person"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.person_id}"
