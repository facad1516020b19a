"""The ledger: append-only journals of double entries. The database refuses an unbalanced journal and any change."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from bh_sdk.money import Money


class Journal(models.Model):
    """One move of money. `reference` says what caused it, once: a second journal for it is refused."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reference = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=40)
    payment_id = models.UUIDField(null=True, db_index=True, help_text="Empty for what belongs to no payment: a payout")
    campaign_id = models.UUIDField(null=True, db_index=True, help_text="Empty for what belongs to no campaign")
    source = models.CharField(
        max_length=110, null=True, db_index=True, help_text="The object at Stripe whose balance transaction this books"
    )
    currency = models.CharField(max_length=3)
    entry_count = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()

    # Who, through which door, from where, why. Empty on journals older than the audit.
    actor = models.CharField(max_length=64, null=True, help_text="An id, never a name")
    door = models.CharField(max_length=10, null=True)
    address = models.CharField(max_length=50, null=True, help_text="The network, where somebody called")
    reason = models.CharField(max_length=500, null=True)
    request_id = models.CharField(max_length=64, null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return self.reference


class Entry(models.Model):
    """One line: `amount` in minor units of the journal's currency; positive debits the account, negative credits it."""

    id = models.BigAutoField(primary_key=True)
    journal = models.ForeignKey(Journal, on_delete=models.PROTECT, related_name="entries")
    account = models.CharField(max_length=40)
    line = models.CharField(max_length=40)
    amount = models.BigIntegerField()

    class Meta:
        ordering: ClassVar = ["id"]
        verbose_name_plural = "entries"
        constraints: ClassVar = [models.CheckConstraint(condition=~models.Q(amount=0), name="entry_moves_money")]
        indexes: ClassVar = [models.Index(fields=["account", "journal"], name="entry_by_account")]

    def __str__(self) -> str:
        return f"{self.account} {self.amount}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.journal.currency)
