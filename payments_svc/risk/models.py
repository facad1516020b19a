"""Whom we stopped, whom we do not let in, and which donors used which card. No personal data: ids and keyed hashes."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from bh_sdk.money import Money

RULES = {
    "tries_person": "Too many tries of one donor",
    "tries_address": "Too many tries from one network",
    "tries_campaign": "Too many tries on one campaign",
    "failed_tries": "Too many failed tries",
    "many_cards": "Many cards of one donor",
    "shared_card": "One card of many donors",
    "gift_amount": "A gift above the bound",
    "day_amount": "A day's gifts above the bound",
    "blocked": "On the block list",
}
BLOCK_KINDS = {"mail": "Mail address", "user": "User", "address": "Network", "card": "Card"}
BLOCK_REASONS = {
    "card_testing": "Tries stolen cards",
    "fraud": "Fraud",
    "dispute": "Disputes gifts again and again",
    "abuse": "Abuse",
    "other": "Something else",
}


class RefusedTry(models.Model):
    """Tries that one rule refused to one person from one place within a minute: an attack fills no table."""

    id = models.BigAutoField(primary_key=True)
    rule = models.CharField(max_length=20, choices=list(RULES.items()))
    step = models.CharField(max_length=10, help_text="open: a gift was asked for; confirm: a card was tried")
    who = models.CharField(max_length=100, help_text="The user, or the keyed hash of a guest's mail address")
    guest = models.BooleanField()
    address = models.CharField(max_length=50, help_text="The network they called from; empty when it is not known")
    campaign_id = models.UUIDField(db_index=True)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField(help_text="Minor units; of the last try")
    tries = models.PositiveIntegerField(default=1)
    minute = models.DateTimeField()
    created_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        verbose_name = "refused try"
        verbose_name_plural = "refused tries"
        indexes: ClassVar = [models.Index(fields=["-created_at", "-id"], name="refused_newest")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["minute", "rule", "step", "who", "address", "campaign_id"], name="refused_once_a_minute"
            ),
            models.CheckConstraint(condition=models.Q(rule__in=list(RULES)), name="refused_rule_known"),
        ]

    def __str__(self) -> str:
        return RULES[self.rule]

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


class Block(models.Model):
    """Somebody or something that is not let in until it expires or is lifted. Never deleted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=list(BLOCK_KINDS.items()))
    value = models.CharField(max_length=100, help_text="A keyed hash, a user's id, or a network")
    reason = models.CharField(max_length=20, choices=list(BLOCK_REASONS.items()))
    note = models.CharField(max_length=500)
    blocked_by = models.UUIDField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    lifted_by = models.UUIDField(null=True)
    lifted_at = models.DateTimeField(null=True)
    lift_note = models.CharField(max_length=500, null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "value"], name="block_once", condition=models.Q(lifted_at__isnull=True)
            ),
            models.CheckConstraint(condition=models.Q(kind__in=list(BLOCK_KINDS)), name="block_kind_known"),
            models.CheckConstraint(condition=models.Q(expires_at__gt=models.F("created_at")), name="block_expires"),
            models.CheckConstraint(
                condition=models.Q(lifted_at__isnull=True, lifted_by__isnull=True, lift_note__isnull=True)
                | models.Q(lifted_at__isnull=False, lifted_by__isnull=False, lift_note__isnull=False),
                name="block_lifted_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{BLOCK_KINDS[self.kind]} {self.value[-12:]}"


class CardUse(models.Model):
    """A donor tried a card, successfully or not; when last. The card is known by the keyed hash of its fingerprint."""

    id = models.BigAutoField(primary_key=True)
    cluster = models.CharField(max_length=100)
    donor_id = models.UUIDField(db_index=True)
    last_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["cluster", "donor_id"], name="card_use_once")]

    def __str__(self) -> str:
        return self.cluster[-12:]
