"""Receipts, the numbers they take, what donors said for them, and the yearly run."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from bh_sdk.money import Money
from bh_sdk.server.ops.sealed import SealedField
from payments_svc.receipts.rules import KINDS, LAST_OF_A_YEAR, Cover, cover_since


class NumberRow(models.Model):
    """The last receipt number of a year. Locked by whoever takes the next one, until that receipt is committed."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(last__lte=LAST_OF_A_YEAR), name="receipt_numbers_of_a_year_end")
        ]

    def __str__(self) -> str:
        return f"{self.year}: {self.last}"


class Receipt(models.Model):
    """A tax receipt as it was issued. Nothing of it changes afterwards, but that it may be voided."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(max_length=14, unique=True)
    kind = models.CharField(max_length=12)
    year = models.PositiveSmallIntegerField(help_text="The year of the gifts")
    donor_id = models.UUIDField(db_index=True)
    user_id = models.UUIDField(null=True, help_text="Empty for a guest")
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField(help_text="Minor units")
    donor_name = SealedField(help_text="The legal name, as given for this receipt")
    donor_address = SealedField(help_text="The address, as given for this receipt: JSON, empty when none was needed")
    content = models.JSONField(help_text="Everything else that stands on it: lines, statement, organisation")
    digest = models.CharField(max_length=100, help_text="Keyed hash over all that stands on it")
    request_digest = models.CharField(max_length=64, db_index=True, help_text="The call that asked for it")
    run_row = models.ForeignKey("RunRow", on_delete=models.PROTECT, null=True, related_name="receipts")

    issued_at = models.DateTimeField()
    issued_by = models.CharField(max_length=64)
    voided_at = models.DateTimeField(null=True)
    voided_by = models.CharField(max_length=64, null=True)
    void_reason = models.CharField(max_length=500, null=True)
    resent_at = models.DateTimeField(null=True, help_text="When a mail with it was asked for last")

    class Meta:
        ordering: ClassVar = ["-issued_at", "-id"]
        indexes: ClassVar = [models.Index(fields=["user_id", "-issued_at", "-id"], name="receipts_of_a_user")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="receipt_kind_known"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="receipt_amount_positive"),
            models.CheckConstraint(
                condition=~Q(kind="uk_gift_aid") | Q(currency="GBP"), name="receipt_gift_aid_is_in_pounds"
            ),
            models.CheckConstraint(
                condition=Q(voided_at__isnull=True, voided_by__isnull=True, void_reason__isnull=True)
                | (Q(voided_at__isnull=False, voided_by__isnull=False, void_reason__isnull=False) & ~Q(void_reason="")),
                name="receipt_voided_by_somebody_for_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def is_guest(self) -> bool:
        return self.user_id is None

    @property
    def voided(self) -> bool:
        return self.voided_at is not None


class ReceiptLine(models.Model):
    """A gift on a receipt. A gift stands on one receipt that holds, at most."""

    id = models.BigAutoField(primary_key=True)
    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="lines")
    payment = models.ForeignKey("payments_donations.Payment", on_delete=models.PROTECT, related_name="receipt_lines")
    amount = models.BigIntegerField(
        help_text="What was paid and not given back when the receipt was issued; minor units"
    )
    given_at = models.DateTimeField()
    voided = models.BooleanField(default=False, help_text="As its receipt")

    class Meta:
        ordering: ClassVar = ["given_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["payment"], condition=Q(voided=False), name="receipt_covers_a_gift_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="receipt_line_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.receipt_id} {self.payment_id}"


class DonorDetails(models.Model):
    """Name and address for receipts, as a donor gave them last: what the yearly run writes on its receipts."""

    donor_id = models.UUIDField(primary_key=True)
    name = SealedField()
    address = SealedField(help_text="JSON")
    country = models.CharField(max_length=2)
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "donor details"

    def __str__(self) -> str:
        return f"Details of {str(self.donor_id)[:8]}"


class GiftAidDeclaration(models.Model):
    """A UK taxpayer's statement that lets the charity claim Gift Aid. Kept after it is cancelled: receipts rest on it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    donor_id = models.UUIDField(db_index=True)
    name = SealedField(help_text="First name or initial, and last name")
    address = SealedField(help_text="The home address with its postcode: JSON")
    statement = models.CharField(max_length=40, help_text="The version of the words that were agreed to")
    valid_from = models.DateField()
    past_years = models.BooleanField(help_text="It also covers the gifts of the four years before")
    made_at = models.DateTimeField()
    canceled_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-made_at"]
        verbose_name = "Gift Aid declaration"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["donor_id"], condition=Q(canceled_at__isnull=True), name="gift_aid_one_declaration_holds"
            )
        ]

    def __str__(self) -> str:
        return f"Declaration of {str(self.donor_id)[:8]}"

    @property
    def cover(self) -> Cover:
        return Cover(cover_since(self.valid_from, past_years=self.past_years), self.canceled_at)


class AnnualRun(models.Model):
    """The receipts of a year for everybody who can have one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    year = models.PositiveSmallIntegerField()
    started_by = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    listed_at = models.DateTimeField(null=True, help_text="When all donors of the year were written down")
    finished_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, help_text="When a worker may go on; ahead while one is at it")

    class Meta:
        ordering: ClassVar = ["-started_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["year"], condition=Q(finished_at__isnull=True), name="annual_run_one_a_year"
            )
        ]

    def __str__(self) -> str:
        return f"Receipts of {self.year}"


class RunRow(models.Model):
    """One donor and currency of a run, and what came of it."""

    TODO, ISSUED, SKIPPED = "todo", "issued", "skipped"

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(AnnualRun, on_delete=models.PROTECT, related_name="rows")
    donor_id = models.UUIDField()
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=8, default="todo")
    reason = models.CharField(max_length=300, default="", blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "donor_id", "currency"], name="annual_run_a_donor_once"),
            models.CheckConstraint(condition=Q(state__in=["todo", "issued", "skipped"]), name="annual_run_row_state"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["run", "id"], name="annual_run_to_do", condition=Q(state="todo")),
        ]

    def __str__(self) -> str:
        return f"{self.donor_id} {self.currency}: {self.state}"
