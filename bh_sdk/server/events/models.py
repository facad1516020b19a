"""The rows of the event road. The database, not this file, keeps the promises: see the SQL in the first migration."""

from __future__ import annotations

from django.db import models


class RecordedEvent(models.Model):
    """One fact, exactly as it was recorded. Never updated, never deleted: a trigger without exception refuses both.

    `position` is the order of recording, not of committing; `sequence` counts 1, 2, 3… per subject. `digest` is the
    SHA-256 that `canonical.digest_of` computes over the other recorded fields.
    """

    position = models.BigAutoField(primary_key=True)
    id = models.UUIDField(unique=True)
    aggregatetype = models.TextField()
    aggregateid = models.UUIDField()
    sequence = models.BigIntegerField()
    type = models.TextField()
    payload = models.JSONField()
    digest = models.BinaryField()
    traceparent = models.TextField(null=True)
    actor = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "event"
        verbose_name = "fact"
        ordering = ("position",)
        constraints = [
            models.UniqueConstraint(fields=["aggregatetype", "aggregateid", "sequence"], name="event_subject_sequence")
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.aggregateid} #{self.sequence}"


class Outbox(models.Model):
    """A recorded event that has no number yet. Written with the event, deleted by the relay as it gives the number."""

    position = models.BigIntegerField(primary_key=True)

    class Meta:
        db_table = "outbox"


class Epoch(models.Model):
    """One life of this log. A restored or moved database begins a new one after the last number that it still holds."""

    # Their order; the clock can be moved.
    life = models.BigAutoField(primary_key=True)
    epoch = models.UUIDField(unique=True)
    begins = models.BigIntegerField()  # the last number that the lives before share with this one
    reason = models.TextField()
    began_at = models.DateTimeField()

    class Meta:
        db_table = "epoch"
        ordering = ("life",)

    def __str__(self) -> str:
        return f"{self.epoch} after {self.begins}"


class FeedHead(models.Model):
    """Where the feed ends: one row. `published` lags behind on purpose; `chain` is the newest seal's hash."""

    one = models.BooleanField(primary_key=True, default=True)
    epoch = models.UUIDField()
    number = models.BigIntegerField()
    published = models.BigIntegerField()
    chain = models.BinaryField()
    home = models.TextField()  # which cluster, timeline and database this log lives in

    class Meta:
        db_table = "feed_head"


class FeedEntry(models.Model):
    """The gapless number of one event. Append-only."""

    number = models.BigIntegerField(primary_key=True)
    position = models.OneToOneField(RecordedEvent, models.DO_NOTHING, db_column="position", related_name="entry")
    numbered_at = models.DateTimeField()

    class Meta:
        db_table = "feed"
        ordering = ("number",)


class Seal(models.Model):
    """The hash over one batch of numbers and the seal before it. Append-only; `seals.py` says what is hashed."""

    first = models.BigIntegerField(primary_key=True)
    last = models.BigIntegerField()
    hash = models.BinaryField()

    class Meta:
        db_table = "seal"
        ordering = ("first",)


class Checkpoint(models.Model):
    """How far `consumer` has applied the events of `source`: all up to `number` of `epoch`, and nothing after."""

    pk = models.CompositePrimaryKey("consumer", "source")
    consumer = models.TextField()
    source = models.TextField()
    epoch = models.UUIDField()
    number = models.BigIntegerField()
    moved_at = models.DateTimeField()

    class Meta:
        db_table = "checkpoint"


class Inbox(models.Model):
    """An event pushed from outside, which carries no number: handled once per (source, event_id)."""

    pk = models.CompositePrimaryKey("source", "event_id")
    source = models.TextField()
    event_id = models.UUIDField()
    type = models.TextField()
    received_at = models.DateTimeField()
    # SHA-256 of what it said; null for what came before this was kept.
    digest = models.BinaryField(null=True)

    class Meta:
        db_table = "inbox"


class DeadLetter(models.Model):
    """An event that could not be applied, or that waits behind one of its subject. Staff replay or discard it."""

    class State(models.TextChoices):
        PARKED = "parked", "Parked"
        REPLAYED = "replayed", "Replayed"
        DISCARDED = "discarded", "Discarded"

    id = models.BigAutoField(primary_key=True)
    consumer = models.TextField()
    source = models.TextField()
    subject = models.TextField()
    event_id = models.UUIDField()
    type = models.TextField()
    number = models.BigIntegerField()
    event = models.JSONField()
    reason = models.TextField()
    attempts = models.IntegerField()
    state = models.TextField(choices=State.choices, default=State.PARKED)
    parked_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    settled_by = models.TextField(null=True)
    note = models.TextField(default="")

    class Meta:
        db_table = "dead_letter"
        verbose_name = "dead letter"
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["consumer", "source", "event_id"], name="dead_letter_event"),
        ]
        indexes = [
            models.Index(
                fields=["consumer", "source", "subject"],
                condition=models.Q(state="parked"),
                name="dead_letter_parked",
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
