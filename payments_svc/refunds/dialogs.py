"""What staff fill in: asking for a refund, and deciding on one."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest

from bh_sdk.errors import BHError
from bh_sdk.money import Money
from bh_sdk.server.admin import Dialog, parts
from payments_svc.donations import queries as donations
from payments_svc.refunds import commands, queries
from payments_svc.refunds.models import Refund
from payments_svc.refunds.rules import REASONS

REASON_WORDS = {
    "duplicate": "Given twice by mistake",
    "fraudulent": "Fraud: not the donor's own card",
    "requested_by_customer": "The donor asks for it",
    "campaign_cancelled": "The campaign was cancelled",
    "other": "Another reason (say it in the note)",
}


def _area(rows: int = 3) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class Ticket(Dialog):
    """A dialog that acts once: pressing its button twice is one call."""

    ticket = forms.UUIDField(widget=forms.HiddenInput())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["ticket"].initial = uuid.uuid4()

    def digest(self, by: str) -> str:
        return hashlib.sha256(f"admin|{by}|{self.cleaned_data['ticket']}".encode()).hexdigest()


class AskRefund(Ticket):
    """How much of a payment goes back, and why. What stands in the way is said before anything is filled in."""

    facts_template = "bh/facts.html"

    amount = forms.CharField(max_length=24, label="Amount")
    reason = forms.ChoiceField(choices=[("", "Choose…"), *((name, REASON_WORDS[name]) for name in REASONS)])
    notes = forms.CharField(max_length=1000, required=False, widget=_area(), label="Note", help_text="For staff only")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.payment = donations.payment(self.payment_id())
        self.left = queries.left(self.payment)
        self.fields["amount"].initial = self.left.decimal
        self.fields["amount"].help_text = f"In {self.left.code}; all that is left is filled in"

    def payment_id(self) -> UUID:
        return UUID(str(self.object_id))

    def facts(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        alone = queries.alone_up_to(self.left.code)
        rows = [
            parts.Fact("Charged", str(self.payment.charged_money)),
            parts.Fact("Left to refund", str(self.left), strong=True),
            parts.Fact("Second person", _who_else(request, alone)),
        ]
        if (lost := queries.lost(self.payment)).minor:
            rows.insert(1, parts.Fact("Lost in a dispute", str(lost)))
        try:
            commands.check_refundable(self.payment)
        except BHError as blocked:
            rows.append(parts.Fact("Not now", blocked.detail))
        return {"card": parts.Facts("What is at stake", rows)}

    def clean_amount(self) -> Money:
        try:
            amount = Money.parse(self.cleaned_data["amount"].strip(), self.left.code)
        except BHError as wrong:
            raise forms.ValidationError(wrong.detail) from None
        if amount.minor <= 0:
            raise forms.ValidationError("Say how much goes back.")
        if amount > self.left:
            raise forms.ValidationError(f"Only {self.left} is left to refund.")
        return amount

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("reason") == "other" and not str(given.get("notes", "")).strip():
            self.add_error("notes", "Say what the reason is.")
        try:
            commands.check_refundable(self.payment)
        except BHError as blocked:
            raise forms.ValidationError(blocked.detail) from None
        return given


def _who_else(request: HttpRequest, alone: Money) -> str:
    if request.user.may("refund", "approve"):  # type: ignore[union-attr]  # nobody gets here without signing in
        return "somebody else of finance approves it, whatever the amount"
    return f"finance approves it above {alone}, counted over the whole payment"


class AskAgain(AskRefund):
    """Asking once more for a refund that came back."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        before = queries.refund(UUID(str(self.object_id)))
        self.fields["amount"].initial = min(before.money, self.left).decimal
        self.fields["reason"].initial = before.reason if before.reason in REASONS else ""

    def payment_id(self) -> UUID:
        return queries.payment_of(UUID(str(self.object_id)))


class Agree(Dialog):
    """A decision with a note that may be empty."""

    notes = forms.CharField(max_length=1000, required=False, widget=_area(), label="Note", help_text="For staff only")


class Refuse(Dialog):
    """A decision that has to say why."""

    notes = forms.CharField(min_length=3, max_length=1000, widget=_area(), label="Why", help_text="For staff only")


def ask(request: HttpRequest, form: AskRefund, *, retry_of: UUID | None = None) -> Refund:
    """What the dialogs that ask for a refund have in common."""
    user: Any = request.user
    return commands.request_refund(
        payment_id=form.payment.id,
        amount=form.cleaned_data["amount"],
        reason=form.cleaned_data["reason"],
        notes=form.cleaned_data["notes"],
        by=user.sub,
        may_approve=user.may("refund", "approve"),
        request_digest=form.digest(str(user.sub)),
        retry_of=retry_of,
    )
