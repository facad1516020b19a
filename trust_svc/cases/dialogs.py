"""What staff fill in at a case. Each dialog remembers the case as it was seen, so nobody acts on what has changed since."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.text import Truncator
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldBooleanWidget

from bh_sdk.server.admin import Dialog, parts
from bh_sdk.server.ops import clock
from trust_svc.cases import noticing, queries
from trust_svc.cases.models import Case
from trust_svc.cases.rules import Verdict, band
from trust_svc.reports import queries as reports

PERIODS = {"1": "Until tomorrow", "3": "For three days", "7": "For a week", "14": "For two weeks"}
OUTCOMES = {
    "confirmed": "Confirmed: what is held against it is true",
    "valuable": "Worth the look: not proven, but rightly raised",
    "false": "False: nothing is held against it",
}


READ = "Read what reporters wrote"
FIRST_WORDS = 70


def may_open(request: HttpRequest, case: Case) -> bool:
    """Whether they read what reporters wrote. Nobody reads about themselves, nor who else said so."""
    user: Any = request.user
    return bool(user.may("report", "open")) and not queries.is_party(case, user.sub)


class Seen(Dialog):
    """A dialog of one case, as it stands when the dialog opens."""

    version = forms.IntegerField(widget=forms.HiddenInput())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.case = Case.objects.get(id=self.object_id)
        self.fields["version"].initial = self.case.version


class Say(Seen):
    note = forms.CharField(
        max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="For staff only"
    )


class Write(Dialog):
    note = forms.CharField(
        min_length=3, max_length=2000, widget=forms.Textarea(attrs={"rows": 4}), help_text="For staff only; it stays"
    )


class HandOver(Say):
    """Whom a case goes to. Who is a party to it is not among them."""

    to = forms.ChoiceField(label="To")
    field_order = ("to", "note", "version")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        me: UUID = self.request.user.sub
        able = [each for each in queries.colleagues(but=me) if not queries.is_party(self.case, each[0])]
        self.fields["to"].choices = [("", "Choose…"), *((str(sub), name) for sub, name in able)]

    def clean_to(self) -> UUID:
        return UUID(self.cleaned_data["to"])


class PutAway(Say):
    days = forms.ChoiceField(label="How long", choices=tuple(PERIODS.items()))
    field_order = ("days", "note", "version")

    def until(self) -> datetime:
        return clock.now() + timedelta(days=int(self.cleaned_data["days"]))


class Judge(Seen):
    """The decision: the outcome, the reports all together with exceptions, and why. It names every report that was seen."""

    facts_template = "trust/cases/what_follows.html"

    outcome = forms.ChoiceField(choices=[("", "Choose…"), *OUTCOMES.items()])
    verdict = forms.ChoiceField(
        label="The open reports",
        choices=[("", "Choose…"), ("upheld", "Uphold all"), ("dismissed", "Dismiss all")],
        help_text="Tick those below that go the other way",
    )
    exceptions = forms.MultipleChoiceField(label="", required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget())
    stop = forms.BooleanField(
        label="Stop payouts if it is confirmed", required=False, initial=True, widget=UnfoldBooleanWidget(),
        help_text="An upheld report of fraud stops them anyway",
    )  # fmt: skip
    note = forms.CharField(
        label="Why", min_length=8, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For staff only; an appeal is decided with it",
    )  # fmt: skip
    seen = forms.CharField(required=False, widget=forms.HiddenInput())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.open = reports.open_about(self.case.entity_kind, self.case.entity_id)
        self.fields["seen"].initial = ",".join(str(report.id) for report in self.open)
        self.fields["exceptions"].choices = self._named()
        if not self.open:
            for name in ("verdict", "exceptions"):
                del self.fields[name]

    def _named(self) -> list[tuple[str, str]]:
        """The open reports under the numbers that they have on the page; with their first words for who may read them."""
        words = noticing.credibilities({report.reporter_id for report in self.open})
        numbers = {report.id: number for number, report in enumerate(queries.reports_in(self.case), start=1)}
        opened = bool(self.open) and may_open(self.request, self.case)
        if opened:
            desk: Any = admin.site.get_model_admin(Case)
            desk.log_reading(self.request, self.case, READ)
        named = []
        for report in self.open:
            number = numbers.setdefault(report.id, len(numbers) + 1)
            word = band(words[report.reporter_id])
            said = f"{number}. {report.kind.capitalize()}, {report.created_at:%d %b %H:%M}, {word} word"
            first = Truncator(" ".join(report.description.open().split())).chars(FIRST_WORDS) if opened else ""
            named.append((str(report.id), f"{said}: “{first}”" if first else said))
        return named

    def facts(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        several = f"{len(self.open)} open report{'s' if len(self.open) != 1 else ''}"
        rows = [
            parts.Fact("Confirmed", "the score is capped at once", note="payouts stop; the organiser is told"),
            parts.Fact("Worth the look", "nothing is held against it", note="unless you uphold a report"),
            parts.Fact("False", "nothing is held against it", note="dismissed reports cost their reporters weight"),
            parts.Fact("Told", f"whoever filed the {several}" if self.open else "nobody reported it", strong=True),
        ]
        return {"card": parts.Facts("What follows", rows)}

    def verdicts(self) -> dict[UUID, Verdict]:
        """One for each report that was on the page when the dialog opened."""
        seen = [each for each in self.cleaned_data["seen"].split(",") if each]
        together: Verdict = self.cleaned_data.get("verdict") or "dismissed"
        other: Verdict = "dismissed" if together == "upheld" else "upheld"
        except_for = set(self.cleaned_data.get("exceptions") or ())
        return {UUID(each): other if each in except_for else together for each in seen}

    def clean_seen(self) -> str:
        try:
            for each in filter(None, self.cleaned_data["seen"].split(",")):
                UUID(each)
        except ValueError:
            raise forms.ValidationError("Open the dialog again") from None
        return str(self.cleaned_data["seen"])

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("outcome") == "false" and "seen" in given and "upheld" in self.verdicts().values():
            self.add_error("outcome", "A case in which a report is upheld was not false.")
        return given
