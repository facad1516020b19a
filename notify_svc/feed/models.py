"""What a person sees of a notification, and how far the stream has told it."""

from __future__ import annotations

from django.db import models


class Entry(models.Model):
    """A notification as its reader has it. The row is delivery's; what the reader does with it is written here alone."""

    id = models.UUIDField(primary_key=True, editable=False)
    recipient_id = models.UUIDField()
    shown_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    canceled_at = models.DateTimeField(null=True)
    test = models.BooleanField(default=False)

    class Meta:
        managed = False
        db_table = "notify_delivery_notification"

    def __str__(self) -> str:
        return str(self.id)
