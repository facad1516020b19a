"""Campaigns as payments know them, guests, payments, and what has to be handed on to the other services."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from bh_sdk.money import Money
from bh_sdk.server.ops.sealed import SealedField
from payments_svc.donations.rules import MOVES, Terms
from payments_svc.gateway import limits


class Campaign(models.Model):
    """What payments must know of a campaign; the platform tells and changes it."""

    id = models.UUIDField(primary_key=True)
    title = models.CharField(max_length=200)
    owner_id = models.UUIDField(db_index=True)
    currency = models.CharField(max_length=3)
    goal = models.BigIntegerField(help_text="Minor units")
    status = models.CharField(max_length=20)
    min_amount = models.BigIntegerField(null=True, help_text="Minor units; empty means Stripe's limit")
    max_amount = models.BigIntegerField(null=True, help_text="Minor units; empty means Stripe's limit")
    ends_at = models.DateTimeField(null=True)
    category = models.CharField(max_length=64, null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return self.title

    @property
    def terms(self) -> Terms:
        """Stripe's own limits hold whatever the campaign says."""
        least, most = limits.least(self.currency), limits.most(self.currency)
        if self.min_amount is not None:
            least = max(least, Money(self.min_amount, self.currency))
        if self.max_amount is not None:
            most = min(most, Money(self.max_amount, self.currency))
        return Terms(self.status, self.currency, least, most, self.ends_at)


class Guest(models.Model):
    """Somebody who gives without an account. One mail address is one person; only this row knows the address."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email_hash = models.CharField(max_length=100, unique=True)
    email = SealedField()
    name = SealedField(help_text="How they are greeted: the name of the last gift that arrived")
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"Guest {str(self.id)[:8]}"


class Payment(models.Model):
    """One gift and its way through Stripe. All amounts are minor units of `currency`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="payments")
    donor_id = models.UUIDField(db_index=True, help_text="The user, or the guest")
    user_id = models.UUIDField(null=True, help_text="Empty for a guest")
    guest_name = SealedField(null=True, help_text="The name a guest gave with this gift")
    request_digest = models.CharField(
        max_length=64, unique=True, help_text="The call that opened it: a repeat resumes it"
    )

    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField(help_text="The gift")
    charged = models.BigIntegerField(help_text="What the card pays: the gift and the fees the donor covers")
    processing_fee = models.BigIntegerField(help_text="Stripe's fee: an estimate until the payment succeeded")
    platform_fee = models.BigIntegerField()
    processing_rate_id = models.UUIDField(null=True, help_text="The rate its processing fee was estimated with")
    platform_rate_id = models.UUIDField(null=True, help_text="The rate its platform fee was agreed with")
    refunded = models.BigIntegerField(default=0, help_text="Sum of the refunds that succeeded")

    status = models.CharField(max_length=30, default="created")
    dispute_status = models.CharField(max_length=10, default="none")
    failure_code = models.CharField(max_length=100, null=True)
    failure_message = models.CharField(max_length=500, null=True)
    anonymous = models.BooleanField(default=False)
    cover_fees = models.BooleanField(default=False)
    message = models.CharField(max_length=500, null=True)

    intent_id = models.CharField(max_length=110, unique=True, null=True)
    method = models.CharField(
        max_length=40, null=True, help_text="How it was paid, in Stripe's words: card, us_bank_account"
    )
    recurring_id = models.UUIDField(null=True, db_index=True, help_text="The recurring gift that it is a period of")
    customer_id = models.CharField(
        max_length=110, null=True, help_text="Stripe's name of a donor whose card is kept for later gifts"
    )
    off_session = models.BooleanField(
        default=False, db_default=False, help_text="Charged without the donor, to a saved card"
    )
    client_secret_hash = models.CharField(max_length=100, null=True)
    charge_id = models.CharField(max_length=110, null=True)
    receipt_url = models.CharField(max_length=2000, null=True)
    cluster = models.CharField(max_length=100, null=True, help_text="Keyed hash of the card's fingerprint")

    created_at = models.DateTimeField()
    succeeded_at = models.DateTimeField(null=True)
    look_again_at = models.DateTimeField(null=True, help_text="When to ask Stripe although it told us nothing")

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["user_id", "-created_at", "-id"], name="payment_history"),
            models.Index(fields=["campaign", "-succeeded_at"], name="payment_by_campaign"),
            models.Index(
                fields=["look_again_at"], name="payment_to_look_at", condition=models.Q(look_again_at__isnull=False)
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(status__in=list(MOVES)), name="payment_status_known"),
            models.CheckConstraint(
                condition=models.Q(amount__gt=0, charged__gte=models.F("amount"), platform_fee__gte=0),
                name="payment_amounts_sane",
            ),
            models.CheckConstraint(
                condition=models.Q(refunded__gte=0, refunded__lte=models.F("charged")), name="payment_refunds_bounded"
            ),
            models.CheckConstraint(
                condition=models.Q(user_id__isnull=True) | models.Q(user_id=models.F("donor_id")),
                name="payment_user_is_donor",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.charged_money} {str(self.id)[:8]}"

    def money(self, minor: int) -> Money:
        return Money(minor, self.currency)

    @property
    def charged_money(self) -> Money:
        return Money(self.charged, self.currency)

    @property
    def is_guest(self) -> bool:
        return self.user_id is None

    @property
    def keeps_method(self) -> bool:
        """Whether the card that pays it is kept for later gifts: the first gift of a series."""
        return self.customer_id is not None and not self.off_session

    @property
    def net(self) -> int:
        """What the campaign receives."""
        return self.charged - self.processing_fee - self.platform_fee

    @property
    def refund_status(self) -> str:
        if self.refunded == 0:
            return "none"
        return "full" if self.refunded == self.charged else "partial"


class FailedTry(models.Model):
    """A try to charge that did not succeed, once per try however often Stripe tells it."""

    id = models.BigAutoField(primary_key=True)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="failed_tries")
    reference = models.CharField(max_length=250)
    code = models.CharField(max_length=100)
    message = models.CharField(max_length=500)
    cluster = models.CharField(max_length=100, null=True, help_text="Keyed hash of the card's fingerprint")
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["created_at"]
        verbose_name_plural = "failed tries"
        constraints: ClassVar = [models.UniqueConstraint(fields=["payment", "reference"], name="failed_try_once")]

    def __str__(self) -> str:
        return self.code


class Handoff(models.Model):
    """Something another service has to be told by a call: kept until it is, and told again when it changes."""

    CAMPAIGN_TO_TRUST, CAMPAIGN_TO_NOTIFY, CONTACT_TO_NOTIFY = "campaign:trust", "campaign:notify", "contact:notify"

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=20)
    entity_id = models.UUIDField()
    version = models.PositiveIntegerField(default=1)
    due_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=200, null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "entity_id"], name="handoff_once")]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="handoff_due", condition=models.Q(due_at__isnull=False))
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.entity_id}"
