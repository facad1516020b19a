"""What staff fill in: what is set by hand, why, and for how long; and deciding on what somebody else filled in."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.http import HttpRequest

from bh_sdk.errors import BHError
from bh_sdk.server.admin import Dialog, parts
from trust_svc.overrides import commands, queries
from trust_svc.overrides.models import Override
from trust_svc.overrides.rules import ALONE, DAYS, LONG, LONGEST, MOST_DAYS, REASONS, SHORT, Wish
from trust_svc.scoring import queries as scores
from trust_svc.scoring.engine import FACTORS, TIERS


def _area() -> forms.Textarea:
    return forms.Textarea(attrs={"rows": 3})


class SetByHand(Dialog):
    """The part that all three share. `object_id` is the score's."""

    facts_template = "bh/facts.html"

    reason = forms.ChoiceField(choices=[("", "Choose…"), *REASONS.items()])
    note = forms.CharField(
        min_length=SHORT,
        max_length=LONGEST,
        widget=_area(),
        label="Note",
        help_text=f"For staff only. At least {SHORT} characters, {LONG} for another reason",
    )
    days = forms.IntegerField(
        min_value=1,
        max_value=MOST_DAYS,
        initial=DAYS,
        label="Days",
        help_text=f"It ends by itself; {MOST_DAYS} at most",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.entity_id = scores.entity_of(UUID(str(self.object_id)))
        self.standing = queries.active(self.kind, self.entity_id)
        if self.standing is not None:
            said = forms.BooleanField(
                label="Replace the one in force", help_text=f"{told(self.standing)} ends with this"
            )
            self.fields["replace"] = said

    def facts(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        found, _ = commands.measure(self.kind, self.entity_id, Wish("tier", tier=TIERS[0]))
        rows = [
            parts.Fact("Calculated now", f"{found.score:.1f}", strong=True),
            parts.Fact("Cap", f"{found.cap:g}" if found.cap < 100 else "none"),
            parts.Fact("Second person", f"needed above {ALONE:g} points of change, or over a cap"),
        ]
        if self.standing is not None:
            rows.append(parts.Fact("In force", told(self.standing)))
        if queries.waiting(self.kind, self.entity_id) is not None:
            rows.append(parts.Fact("Not now", "another override of this waits for a second person"))
        return {"card": parts.Facts("What is at stake", rows)}

    def wish(self) -> Wish:
        raise NotImplementedError(f"{type(self).__name__}.wish says what is set")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("reason") == "other" and len(str(given.get("note", "")).strip()) < LONG:
            self.add_error("note", f"Another reason needs at least {LONG} characters.")
        return given

    def done(self) -> str:
        """What is said when it worked."""
        _, reach = commands.measure(self.kind, self.entity_id, self.wish())
        return "Waits for a second person: nothing has changed yet" if reach.takes_two else "Set by hand"

    def ask(self, by: UUID) -> Override:
        """Do what was filled in."""
        return commands.ask_override(
            entity_kind=self.kind,
            entity_id=self.entity_id,
            wish=self.wish(),
            reason=self.cleaned_data["reason"],
            note=self.cleaned_data["note"],
            days=self.cleaned_data["days"],
            by=by,
            replaces=self.standing.id if self.standing is not None else None,
        )


class SetScore(SetByHand):
    value = forms.FloatField(min_value=0, max_value=100, label="Score", help_text="0 to 100 points")
    field_order: ClassVar = ["value", "reason", "note", "days", "replace"]

    def wish(self) -> Wish:
        return Wish("score", value=self.cleaned_data["value"])


class SetTier(SetByHand):
    tier = forms.ChoiceField(choices=[(tier, tier.capitalize()) for tier in TIERS], label="Tier")
    field_order: ClassVar = ["tier", "reason", "note", "days", "replace"]

    def wish(self) -> Wish:
        return Wish("tier", tier=self.cleaned_data["tier"])


class SetFactor(SetByHand):
    factor = forms.ChoiceField(choices=[(factor, factor.capitalize()) for factor in FACTORS], label="Factor")
    share = forms.FloatField(min_value=0, max_value=100, label="Worth", help_text="0 to 100 % of its points")
    field_order: ClassVar = ["factor", "share", "reason", "note", "days", "replace"]

    def wish(self) -> Wish:
        return Wish("factor", value=self.cleaned_data["share"] / 100, factor=self.cleaned_data["factor"])

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if "factor" in given and "share" in given:
            try:
                commands.measure(self.kind, self.entity_id, self.wish())
            except BHError as refusal:
                self.add_error("factor", refusal.detail)
        return given


class Agree(Dialog):
    """A decision with a note that may be empty."""

    note = forms.CharField(max_length=LONGEST, required=False, widget=_area(), label="Note", help_text="For staff only")


class Say(Dialog):
    """A decision that has to say why."""

    note = forms.CharField(min_length=8, max_length=LONGEST, widget=_area(), label="Why", help_text="For staff only")


def told(row: Override) -> str:
    """What an override sets, in words."""
    if row.what == "tier":
        return f"Tier {(row.tier or '').capitalize()}"
    if row.what == "factor":
        return f"{(row.factor or '').capitalize()} at {row.value or 0:.0%}"
    return f"Score {row.value or 0:.1f}"
