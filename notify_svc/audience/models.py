"""How people are reached, what we know of campaigns, and who gave to which."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from bh_sdk.server.ops.sealed import SealedField


class Contact(models.Model):
    """One person, or the id that stands for a guest. The address itself is sealed and opened only to send."""

    user_id = models.UUIDField(primary_key=True)
    email = SealedField(null=True)
    phone = SealedField(null=True)
    name = SealedField(null=True)
    # Kept beside the sealed values, so that "can this person be reached?" needs no key.
    has_email = models.BooleanField(default=False)
    has_phone = models.BooleanField(default=False)
    email_hash = models.CharField(max_length=120, blank=True, db_index=True, help_text="Keyed hash, for look-ups")
    phone_hash = models.CharField(max_length=120, blank=True, db_default="", default="")
    locale = models.CharField(max_length=5)
    timezone = models.CharField(max_length=100)
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Contact {self.user_id}"


class Campaign(models.Model):
    """What notifications must know of a campaign; payments hands it on."""

    campaign_id = models.UUIDField(primary_key=True)
    title = models.CharField(max_length=200)
    owner_id = models.UUIDField()
    currency = models.CharField(max_length=3)
    category = models.CharField(max_length=64, blank=True)
    goal = models.BigIntegerField(null=True, help_text="Minor units")
    ends_at = models.DateTimeField(null=True, help_text="Until when gifts are taken; empty when none are")
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.title


class Gift(models.Model):
    """One gift that arrived: from these rows we know who supports a campaign. Fed by payments' facts alone."""

    payment_id = models.UUIDField(primary_key=True)
    campaign_id = models.UUIDField()
    donor_id = models.UUIDField()
    guest = models.BooleanField()
    taken_back = models.BooleanField(default=False, help_text="Refunded in full")
    # Minor units. Of gifts that were noted before sums were kept nothing is known until the list is built anew.
    amount = models.BigIntegerField(default=0, db_default=0)
    refunded = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["campaign_id", "donor_id"], name="notify_gift_supporters")
        ]

    def __str__(self) -> str:
        return f"Gift {self.payment_id}"


class Erased(models.Model):
    """Somebody who was erased. The id alone stays, so that a late fact or a retried call does not bring the person back."""

    person_id = models.UUIDField(primary_key=True)
    erased_at = models.DateTimeField()
    # Empty until everything that was ever sent to them is stripped, which may take more than one go.
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "erased people"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["erased_at"], name="notify_erased_when"),
            models.Index(fields=["erased_at"], condition=models.Q(finished_at__isnull=True), name="notify_erased_open"),
        ]

    def __str__(self) -> str:
        return f"Erased {self.person_id}"


class PeopleList(models.Model):
    """People whom staff named by their ids, to be told something together. It never changes: another list is another row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    size = models.PositiveIntegerField()
    added_by = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.size} people"


class Listed(models.Model):
    """One person of a list."""

    people = models.ForeignKey(PeopleList, on_delete=models.CASCADE, related_name="listed")
    user_id = models.UUIDField(db_index=True, help_text="Erasing a person has to find these rows")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["people", "user_id"], name="notify_listed_once")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.people_id}"


class Raised(models.Model):
    """What a campaign has in one currency: its gifts without what was refunded. Moves with the gifts, in one transaction."""

    campaign_id = models.UUIDField()
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField(default=0, help_text="Minor units")

    class Meta:
        verbose_name_plural = "raised"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["campaign_id", "currency"], name="notify_raised_once")
        ]

    def __str__(self) -> str:
        return f"{self.currency} of {self.campaign_id}"
