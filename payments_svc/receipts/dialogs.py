"""What staff fill in about receipts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest

from bh_sdk.server.admin import Dialog, parts
from bh_sdk.server.ops import clock
from payments_svc.receipts.models import Receipt


class VoidReceipt(Dialog):
    """Why a receipt is taken back; what stands on it is said above."""

    facts_template = "bh/facts.html"

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Reason",
        help_text="Kept with the receipt. The donor may ask for it, so write it as you would tell them.",
    )

    def facts(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        receipt = Receipt.objects.filter(id=UUID(str(object_id))).first()
        if receipt is None:
            return {}
        told = [
            ("Receipt", receipt.number),
            ("Amount", str(receipt.money)),
            ("Gifts", str(receipt.lines.count())),
            ("Made out to", receipt.donor_name.open()),
        ]
        return {"card": parts.Facts("What is voided", told)}


class StartYear(Dialog):
    """Of which year receipts are made for everybody."""

    year = forms.TypedChoiceField(coerce=int, label="Year of the gifts")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        this = clock.now().year
        self.fields["year"].choices = [(year, str(year)) for year in range(this - 1, this - 8, -1)]
