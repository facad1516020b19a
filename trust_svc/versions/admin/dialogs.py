"""What is asked before something happens to a set."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from bh_sdk.server.admin import Dialog


def _text(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class Why(Dialog):
    """The note stays in the log of the set."""

    note = forms.CharField(min_length=4, max_length=500, widget=_text(3), help_text="For the log: why, in a sentence")


class Paste(Why):
    """A whole set or only what differs: names that are left out keep the live set's numbers."""

    blamed = "text"

    text = forms.CharField(
        label="JSON",
        max_length=20_000,
        widget=_text(10),
        help_text='Such as {"identity_cap": 65, "weights": [0.3, 0.15, 0.1, 0.2, 0.25]}; a file as `calibrate` writes it',
    )
    field_order = ("text", "note")


class Copy(Why):
    """Numbers by name, one a line."""

    blamed = "changes"

    changes = forms.CharField(
        label="What differs",
        max_length=5_000,
        widget=_text(6),
        help_text="One a line: identity_cap = 65, or weights.2 = 0.2 for the third weight",
    )
    field_order = ("changes", "note")

    def clean_changes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for line in str(self.cleaned_data["changes"]).splitlines():
            name, equals, value = (part.strip() for part in line.partition("="))
            if not line.strip():
                continue
            try:
                found[name] = json.loads(value) if equals else None
            except ValueError:
                found[name] = None
            if not isinstance(found[name], int | float):
                raise forms.ValidationError(f"“{line.strip()}” is not of the form name = number")
        return found


class TryOut(Why):
    """Both are settled now and cannot be changed while it runs."""

    share = forms.IntegerField(label="Share of organisers, %", min_value=1, max_value=50, initial=20)
    days = forms.IntegerField(
        label="Days", min_value=7, max_value=180, initial=28, help_text="The effect is read once, when they are over"
    )
    field_order = ("share", "days", "note")
