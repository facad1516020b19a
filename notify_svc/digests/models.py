"""What is gathered for people until its time comes."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from notify_svc.digests import rules


class Window(models.Model):
    """What one person gets together, of one category by one channel. At most one is open; its row is the lock."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user_id = models.UUIDField()
    category = models.CharField(max_length=16)
    channel = models.CharField(max_length=8)
    frequency = models.CharField(max_length=8)
    opened_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=8, blank=True, choices=[(name, name) for name in rules.OUTCOMES])
    notification_id = models.UUIDField(null=True, help_text="The digest itself")

    class Meta:
        verbose_name = "digest"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["user_id", "category", "channel"],
                condition=Q(closed_at__isnull=True),
                name="notify_digest_one_open",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, outcome="")
                | Q(closed_at__isnull=False, outcome__in=rules.OUTCOMES),
                name="notify_digest_outcome",
            ),
            models.CheckConstraint(
                condition=Q(notification_id__isnull=False, outcome="sent")
                | (Q(notification_id__isnull=True) & ~Q(outcome="sent")),
                name="notify_digest_sent_names_its_mail",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["closes_at"], condition=Q(closed_at__isnull=True), name="notify_digest_due"),
            models.Index(fields=["-opened_at", "-id"], name="notify_digest_newest"),
            models.Index(fields=["user_id", "-opened_at"], name="notify_digest_person"),
            models.Index(fields=["closed_at"], condition=Q(closed_at__isnull=False), name="notify_digest_closed"),
        ]

    def __str__(self) -> str:
        return f"{self.category} by {self.channel}, {self.frequency}"


class Item(models.Model):
    """One notification in a window. It is in one for ever, so that nothing is told twice."""

    window = models.ForeignKey(Window, on_delete=models.CASCADE, related_name="items")
    notification_id = models.UUIDField()
    channel = models.CharField(max_length=8)
    version_id = models.UUIDField(help_text="The words it would have had by itself")
    gathered_at = models.DateTimeField()
    left_out = models.CharField(max_length=20, blank=True, help_text="Why the digest does not hold it")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["notification_id", "channel"], name="notify_digest_item_once")
        ]

    def __str__(self) -> str:
        return f"{self.notification_id}"
