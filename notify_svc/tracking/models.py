"""What providers told us, the part of it still to be worked, and the addresses nothing is sent to any more."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from notify_svc.tracking import rules


class ProviderEvent(models.Model):
    """One thing that a provider said happened, kept once and for good. The address is hashed; no other person's data is in it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.CharField(max_length=16)
    event_id = models.CharField(max_length=200, help_text="The provider's own id of it")
    channel = models.CharField(max_length=8)
    kind = models.CharField(max_length=12, choices=[(name, name) for name in rules.KINDS])
    lasting = models.BooleanField(help_text="The address is dead or unwelcome for good")
    code = models.CharField(max_length=64, blank=True)
    # As the provider named it: our id from its metadata, and its own id of what it took.
    delivery_id = models.UUIDField(null=True)
    provider_ref = models.CharField(max_length=200, blank=True)
    address_hash = models.CharField(max_length=120, blank=True)
    at = models.DateTimeField(help_text="By the provider's clock")
    received_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["provider", "event_id"], name="notify_event_once"),
            models.CheckConstraint(condition=Q(kind__in=rules.KINDS), name="notify_event_kind"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["delivery_id"], condition=Q(delivery_id__isnull=False), name="notify_event_delivery"),
            models.Index(fields=["provider", "provider_ref"], condition=~Q(provider_ref=""), name="notify_event_ref"),
            models.Index(fields=["address_hash", "at"], condition=~Q(address_hash=""), name="notify_event_address"),
            models.Index(fields=["-received_at", "-id"], name="notify_event_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.provider}"


class PendingEvent(models.Model):
    """An event that is not worked yet, perhaps because our own commit is still to come. Gone once it is."""

    event = models.OneToOneField(ProviderEvent, on_delete=models.PROTECT, primary_key=True, related_name="pending")
    # Empty when we have given up: no delivery of ours is meant.
    due_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="notify_event_due")
        ]

    def __str__(self) -> str:
        return str(self.event_id)


class Suppression(models.Model):
    """An address that gets nothing more through a channel, until staff release it. Released ones stay as history."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    channel = models.CharField(max_length=8)
    address_hash = models.CharField(max_length=120)
    reason = models.CharField(max_length=16, choices=[(name, name) for name in rules.REASONS])
    since = models.DateTimeField()
    event = models.ForeignKey(ProviderEvent, on_delete=models.PROTECT, null=True, related_name="+")
    added_by = models.CharField(max_length=64, help_text="A person of the staff, or the provider whose word it was")
    note = models.TextField(blank=True)
    released_at = models.DateTimeField(null=True)
    released_by = models.CharField(max_length=64, blank=True)
    release_note = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["channel", "address_hash"], condition=Q(released_at__isnull=True), name="notify_suppressed_once"
            ),
            models.CheckConstraint(condition=Q(reason__in=rules.REASONS), name="notify_suppressed_why"),
            models.CheckConstraint(
                condition=Q(released_at__isnull=True) | ~Q(released_by="") & ~Q(release_note=""),
                name="notify_released_by_somebody",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["address_hash"], name="notify_suppressed_address"),
            models.Index(fields=["-since", "-id"], name="notify_suppressed_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.id}"
