"""Where a push goes. The address and its keys are sealed, and forgotten as soon as nothing may be sent there."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from bh_sdk.server.ops.sealed import SealedField
from notify_svc.devices import rules


class Device(models.Model):
    """One browser or app of one person. A retired one stays for a while, so that staff can say what became of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user_id = models.UUIDField()
    kind = models.CharField(max_length=8, choices=[(name, name) for name in rules.KINDS])
    # An app's token, or a browser's endpoint with the keys that its messages are encrypted for.
    address = SealedField(null=True)
    p256dh = SealedField(null=True)
    auth = SealedField(null=True)
    address_hash = models.CharField(max_length=120, help_text="Keyed hash, for look-ups")
    service = models.CharField(max_length=260, help_text="Who carries the pushes: the same for thousands of people")
    expires_at = models.DateTimeField(null=True, help_text="By the browser's word")
    created_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="When it last asked to be told")
    retired_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=8, blank=True, choices=[(name, name) for name in rules.REASONS])
    retired_by = models.CharField(max_length=64, blank=True, help_text="A person of the staff")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["address_hash"], condition=Q(retired_at__isnull=True), name="notify_device_of_one_person"
            ),
            models.CheckConstraint(condition=Q(kind__in=rules.KINDS), name="notify_device_kind"),
            models.CheckConstraint(
                condition=Q(retired_at__isnull=True, reason="", address__isnull=False)
                | Q(retired_at__isnull=False, reason__in=rules.REASONS, address__isnull=True, auth__isnull=True),
                name="notify_device_retired_is_forgotten",
            ),
            models.CheckConstraint(
                condition=Q(retired_at__isnull=False)
                | Q(kind=rules.FCM, auth__isnull=True, p256dh__isnull=True)
                | Q(kind=rules.WEB, auth__isnull=False, p256dh__isnull=False),
                name="notify_device_keys_of_browsers",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user_id"], condition=Q(retired_at__isnull=True), name="notify_device_live"),
            models.Index(fields=["-seen_at", "-id"], name="notify_device_newest"),
            models.Index(fields=["user_id", "-seen_at"], name="notify_device_person"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
