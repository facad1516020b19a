"""What a person sees of a notification, and how far the stream has told it."""

from __future__ import annotations

from typing import ClassVar

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


class Reader(models.Model):
    """How many changes of a person's feed have been numbered for the stream. Whoever numbers holds this row locked."""

    person_id = models.UUIDField(primary_key=True, editable=False)
    revision = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.person_id)


class Ticket(models.Model):
    """The right to open one stream once. What the person holds is not here, only its digest."""

    digest = models.BinaryField(primary_key=True, max_length=32)
    person_id = models.UUIDField()
    # By the database's own clock: a moved house clock lengthens no ticket.
    expires_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["expires_at"], name="notify_feed_ticket_over")]

    def __str__(self) -> str:
        return f"for {self.person_id}"
