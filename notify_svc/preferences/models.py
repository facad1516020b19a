"""What people have said about being told things: one row a person, a choice for each way, and every change for good."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from notify_svc.preferences import rules


class Person(models.Model):
    """Somebody who has said something. Its row is the lock under which all of a person's wishes change."""

    user_id = models.UUIDField(primary_key=True)
    quiet_start = models.TimeField(null=True)
    quiet_end = models.TimeField(null=True)
    quiet_email = models.BooleanField(default=False, help_text="Mails wait as well")
    timezone = models.CharField(max_length=100, blank=True, help_text="Empty: the one the platform told us")
    consent = models.BooleanField(null=True, help_text="To be written to about more than gifts and the account")
    consent_version = models.CharField(
        max_length=40, blank=True, help_text="Of the words that were agreed to or refused"
    )
    consent_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name, verbose_name_plural = "person with preferences", "preferences"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(quiet_start__isnull=True, quiet_end__isnull=True)
                | Q(quiet_start__isnull=False, quiet_end__isnull=False),
                name="notify_quiet_hours_have_both_ends",
            ),
            models.CheckConstraint(
                condition=Q(consent__isnull=True, consent_at__isnull=True, consent_version="")
                | (Q(consent__isnull=False, consent_at__isnull=False) & ~Q(consent_version="")),
                name="notify_consent_names_words_and_time",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["-updated_at"], name="notify_person_newest")]

    def __str__(self) -> str:
        return f"Person {self.user_id}"


class Choice(models.Model):
    """How often a person wants one category by one channel. No row: instantly."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="choices")
    category = models.CharField(max_length=16)
    channel = models.CharField(max_length=8)
    frequency = models.CharField(max_length=8)
    updated_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["person", "category", "channel"], name="notify_choice_once"),
            models.CheckConstraint(condition=Q(category__in=rules.OPTIONAL), name="notify_choice_of_optional"),
            models.CheckConstraint(
                condition=Q(channel__in=sorted(rules.DIGESTED), frequency__in=rules.FREQUENCIES)
                | Q(channel__in=rules.CHANNELS, frequency__in=("instant", "never")),
                name="notify_choice_possible",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.category} by {self.channel}: {self.frequency}"


class Follow(models.Model):
    """A person's word about one campaign. Without it, who gave with an account follows."""

    user_id = models.UUIDField()
    campaign_id = models.UUIDField()
    following = models.BooleanField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user_id", "campaign_id"], name="notify_follow_once")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["campaign_id", "user_id"], name="notify_follow_campaign")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {'follows' if self.following else 'left'} {self.campaign_id}"


class Change(models.Model):
    """One thing that changed, with the way it came. Rows are added, never altered."""

    user_id = models.UUIDField()
    at = models.DateTimeField()
    source = models.CharField(max_length=9, choices=[(name, name) for name in rules.SOURCES])
    by = models.CharField(max_length=64, blank=True, help_text="Who did it, when it was not the person")
    reason = models.CharField(max_length=300, blank=True, help_text="Why staff did it")
    what = models.CharField(max_length=80)
    before = models.CharField(max_length=120, blank=True)
    after = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(source__in=rules.SOURCES), name="notify_change_source"),
            models.CheckConstraint(
                condition=~Q(source="staff") | (~Q(by="") & ~Q(reason="")), name="notify_change_by_staff_says_why"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user_id", "-id"], name="notify_change_person"),
            models.Index(fields=["at"], name="notify_change_time"),
        ]

    def __str__(self) -> str:
        return f"{self.what}: {self.after}"
