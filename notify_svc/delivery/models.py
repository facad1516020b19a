"""Notifications, one per person and fact, and their deliveries, one per channel, with every attempt."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from notify_svc.delivery import rules


class Notification(models.Model):
    """What one person is told once. Its row is also the feed entry, once `shown_at` has come."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # What makes it unique: the fact and the person, or the call of /send and the person.
    dedupe = models.CharField(max_length=200, unique=True)
    recipient_id = models.UUIDField()
    guest = models.BooleanField(default=False, help_text="Has no account, so no feed")
    type = models.CharField(max_length=64)
    category = models.CharField(max_length=16)
    data = models.JSONField(default=dict)
    group = models.CharField(max_length=64, blank=True)
    priority = models.PositiveSmallIntegerField(default=rules.PRIORITIES["normal"])
    # Another person whom the words name; erasing that person has to find these rows.
    mentions = models.UUIDField(null=True)
    accepted_by = models.CharField(max_length=64)
    schedule_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    title = models.TextField(blank=True)
    body = models.TextField(blank=True)
    action_url = models.TextField(blank=True)
    shown_at = models.DateTimeField(
        null=True, help_text="From when it is in the feed; empty when it is not for the feed"
    )
    seen_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(
        null=True, help_text="Out of the feed for good; the row keeps a repeat from coming"
    )
    expires_at = models.DateTimeField(null=True, help_text="From then on it is not sent any more")
    canceled_at = models.DateTimeField(null=True)
    # Nothing of it leaves the house: what became of it is made up.
    test = models.BooleanField(default=False, db_default=False)
    pruned_at = models.DateTimeField(null=True, help_text="When its words were removed: their time was over")
    # The feed's own: the place of its last change among those of its reader, once the stream has given it one.
    revision = models.BigIntegerField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["recipient_id", "-shown_at", "-id"], condition=Q(shown_at__isnull=False), name="notify_feed"
            ),
            # Counts are read from this one alone.
            models.Index(
                fields=["recipient_id", "shown_at"],
                include=["seen_at"],
                condition=Q(
                    shown_at__isnull=False,
                    read_at__isnull=True,
                    archived_at__isnull=True,
                    deleted_at__isnull=True,
                    canceled_at__isnull=True,
                    test=False,
                ),
                name="notify_feed_counted",
            ),
            models.Index(
                fields=["recipient_id", "revision"], condition=Q(shown_at__isnull=False), name="notify_feed_changes"
            ),
            # The rest of what a person was told, beside the feed.
            models.Index(fields=["recipient_id"], condition=Q(shown_at__isnull=True), name="notify_told_outside_feed"),
            models.Index(
                fields=["category", "created_at"], condition=Q(pruned_at__isnull=True), name="notify_words_kept"
            ),
            models.Index(fields=["mentions"], condition=Q(mentions__isnull=False), name="notify_mentions"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class Delivery(models.Model):
    """One notification on its way through one channel. Its id is the Message-ID of the mail."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    notification = models.ForeignKey(Notification, on_delete=models.PROTECT, related_name="deliveries")
    recipient_id = models.UUIDField()
    channel = models.CharField(max_length=8, choices=[(name, name) for name in rules.CHANNELS])
    # A push goes to one device, through the one provider that reaches its kind. Both are found out when it is due.
    lane = models.CharField(max_length=8, blank=True, db_default="", default="")
    device_id = models.UUIDField(null=True)
    # The words are chosen when the notification is accepted, so that every try says the same.
    version = models.ForeignKey("notify_wording.TemplateVersion", on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=9, choices=[(name, name) for name in rules.STATES])
    priority = models.PositiveSmallIntegerField()
    due_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    # Which worker's batch holds it, and since when by the database's own clock: a moved house clock frees no claim.
    claim = models.UUIDField(null=True)
    claimed_at = models.DateTimeField(null=True)
    handed_over_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=64, blank=True)
    # Who carries it and under which name they know it.
    provider = models.CharField(max_length=16, blank=True, db_default="")
    provider_ref = models.CharField(max_length=200, blank=True, db_default="")
    # What the provider, or the reader's program, said later. A complaint changes no state: the mail did arrive.
    delivered_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(null=True)
    complained_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    clicked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["notification", "channel"],
                condition=Q(device_id__isnull=True),
                name="notify_delivery_a_channel",
            ),
            models.UniqueConstraint(
                fields=["notification", "device_id"],
                condition=Q(device_id__isnull=False),
                name="notify_delivery_a_device",
            ),
            models.CheckConstraint(condition=Q(status__in=rules.STATES), name="notify_delivery_status"),
            models.CheckConstraint(
                condition=Q(status="sending") | Q(claim__isnull=True) | Q(status__in=sorted(rules.FINAL)),
                name="notify_delivery_claimed_while_sending",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["channel", "lane", "-priority", "due_at"], condition=Q(status__in=rules.DUE), name="notify_lane"
            ),
            models.Index(fields=["claimed_at"], condition=Q(status="sending"), name="notify_claimed"),
            models.Index(fields=["due_at"], condition=Q(status="waiting"), name="notify_waiting"),
            models.Index(fields=["recipient_id"], condition=Q(status="waiting"), name="notify_waiting_person"),
            models.Index(fields=["-created_at", "-id"], name="notify_delivery_newest"),
            models.Index(
                fields=["provider", "provider_ref"], condition=~Q(provider_ref=""), name="notify_delivery_at_provider"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.id}"


class Attempt(models.Model):
    """One try to hand a delivery to its channel. Codes only: a server's words may repeat the address."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    outcome = models.CharField(
        max_length=10,
        choices=[(n, n) for n in ("accepted", "transient", "permanent", "unknown", "throttled", "auth", "canceled")],
    )
    reason = models.CharField(max_length=64, blank=True)
    code = models.PositiveSmallIntegerField(null=True)
    provider = models.CharField(max_length=16, blank=True, db_default="")
    # Into how many text messages it was cut, which is what it costs.
    segments = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        ordering: ClassVar[list[str]] = ["number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["delivery", "number"], name="notify_attempt_number")
        ]

    def __str__(self) -> str:
        return f"try {self.number}: {self.outcome}"


class Mailing(models.Model):
    """A message to many: a call of /send, or a broadcast. Workers tell an audience page by page; `after` is the last person
    who was told. People who were named in the call were told by it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # The call that asked for it: repeating it finds the same row.
    dedupe = models.CharField(max_length=200, unique=True)
    audience = models.CharField(max_length=9, choices=[(name, name) for name in rules.AUDIENCES])
    campaign_id = models.UUIDField(null=True)
    list_id = models.UUIDField(null=True, help_text="The list of people, of an audience that is one")
    languages = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        help_text="Only who reads one of these; empty: all",
    )
    per_minute = models.PositiveIntegerField(null=True, help_text="So many people are told in a minute at most")
    # While it is set nobody is told and nothing that was accepted leaves.
    paused_at = models.DateTimeField(null=True)
    # What /send was told of each notification.
    order = models.JSONField()
    status = models.CharField(max_length=9, choices=[(name, name) for name in rules.MAILING_STATES])
    expected = models.PositiveIntegerField(help_text="How large the audience was when it was accepted")
    reached = models.PositiveIntegerField(default=0)
    after = models.UUIDField(null=True)
    due_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0, help_text="Of the present page")
    accepted_by = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(status__in=rules.MAILING_STATES), name="notify_mailing_status")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at"], condition=Q(status__in=rules.MAILING_OPEN), name="notify_mailing_due"),
            models.Index(fields=["-created_at", "-id"], name="notify_mailing_newest"),
        ]

    def __str__(self) -> str:
        return f"mailing {self.id}"


class WaitingFact(models.Model):
    """A fact about a campaign that we have not been told about yet. It is told as soon as we have."""

    event_id = models.UUIDField(primary_key=True)
    type = models.CharField(max_length=80)
    payload = models.JSONField()
    campaign_id = models.UUIDField(db_index=True)
    created_at = models.DateTimeField()
    # Telling it may fail, once its campaign is known: then it is tried again after a pause, and in the end left to staff.
    due_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
