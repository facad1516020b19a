"""What staff fill in on a broadcast's way. Each dialog knows the broadcast it is about."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from bh_sdk.server.admin import Dialog, parts
from notify_svc.audience import queries as campaigns
from notify_svc.broadcasts import queries, rules
from notify_svc.broadcasts.admin import cards
from notify_svc.broadcasts.models import Broadcast
from notify_svc.wording.rules import MAX_LINE, MAX_TEXT, Variable

LANGUAGES = list(cards.LANGUAGES.items())
WAYS = {"email": "Email", "in_app": "In the app", "push": "Devices", "sms": "SMS"}
AUDIENCES = [
    ("followers", "Followers of a campaign"),
    ("donors", "Donors of a campaign"),
    ("consented", "Everybody who said yes to being written to"),
    ("listed", "A list of people"),
]
# A variable's name never meets the name of another field.
_FIELD = "say_"


class Compose(Dialog):
    title = forms.CharField(
        max_length=120, label="What you call it", help_text="For your colleagues; nobody else reads it"
    )
    type = forms.ChoiceField(label="What it is")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["type"].choices = queries.offered()


class About(Dialog):
    """A dialog about one broadcast."""

    def __init__(self, request: HttpRequest, object_id: int | str | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        self.row: Broadcast = queries.broadcast(UUID(str(object_id)))
        self.prepare()
        self.dress()

    def prepare(self) -> None:
        """Fields that depend on the broadcast."""


class Write(About):
    """Its words: a field for each variable that its type declares."""

    def prepare(self) -> None:
        self.words = queries.wordings(self.row)
        known = self._known()
        for name, variable in self.words.declared.items():
            self.fields[f"{_FIELD}{name}"] = _field(variable, known.get(name))
        ways = [(one, WAYS[one]) for one in queries.channels(self.row, self.words) or []]
        there = [(one, WAYS[one]) for one in WAYS if one in self.words.channels]
        self.fields["channels"] = forms.MultipleChoiceField(
            label="By", choices=there, initial=[one for one, _ in ways], widget=UnfoldAdminCheckboxSelectMultipleWidget
        )

    def _known(self) -> dict[str, Any]:
        """What was written, and what the audience's campaign says by itself."""
        campaign = campaigns.campaign(self.row.campaign_id) if self.row.campaign_id else None
        known = {"campaign_id": str(campaign.campaign_id), "campaign_title": campaign.title} if campaign else {}
        return {**known, **self.row.data}

    def data_written(self) -> dict[str, Any]:
        return {
            name: _value(one, self.cleaned_data.get(f"{_FIELD}{name}")) for name, one in self.words.declared.items()
        }

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        for wrong in self.words.misfits(queries.known(self.data_written()), channels=cleaned.get("channels") or ()):
            field = f"{_FIELD}{wrong['pointer'].rpartition('/')[2]}"
            if field not in self.errors:
                self.add_error(field if field in self.fields else None, wrong["message"].capitalize())
        return cleaned


class Address(About):
    """To whom it goes."""

    audience = forms.ChoiceField(label="To", choices=AUDIENCES)
    campaign = forms.CharField(
        required=False, max_length=200, help_text="Its title, a part of it, or its id; for donors and followers"
    )
    ids = forms.CharField(
        required=False,
        label="People",
        widget=forms.Textarea(attrs={"rows": 4, "data-bh-file": "Take them from a file"}),
        help_text=f"Their ids, one a line, at most {rules.LARGEST_LIST:,}; for a list",
    )
    languages = forms.MultipleChoiceField(
        required=False,
        label="Who reads",
        choices=LANGUAGES,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="None chosen: everybody. Of whom we know no language, we suppose English",
    )

    def prepare(self) -> None:
        row = self.row
        campaign = campaigns.campaign(row.campaign_id) if row.campaign_id else None
        self.fields["audience"].initial = row.audience
        self.fields["campaign"].initial = campaign.title if campaign else ""
        self.fields["languages"].initial = row.languages
        if row.list_id:
            self.fields[
                "ids"
            ].help_text = f"Left empty, the list of {campaigns.count_listed(row.list_id):,} people stays as it is"

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("audience") in rules.ABOUT_CAMPAIGN:
            cleaned["campaign_id"] = self._campaign(str(cleaned.get("campaign", "")).strip())
        elif cleaned.get("audience") == "listed":
            cleaned["people"] = self._people(str(cleaned.get("ids", "")))
        return cleaned

    def _campaign(self, text: str) -> UUID | None:
        found = campaigns.find_campaigns(text, limit=6) if text else []
        if len(found) == 1:
            return found[0].campaign_id
        if not text:
            self.add_error("campaign", "Say which campaign.")
        elif not found:
            self.add_error("campaign", "We know no campaign by that name or id.")
        else:
            titles = "; ".join(f"{one.title} ({one.campaign_id})" for one in found[:5])
            self.add_error("campaign", f"Several fit: {titles}. Name one by its id.")
        return None

    def _people(self, text: str) -> list[UUID] | None:
        if not text.strip():
            if self.row.list_id is None:
                self.add_error("ids", "Name the people, or take their ids from a file.")
            return None
        people, wrong = rules.listed(text)
        if wrong:
            shown = ", ".join(f"“{one[:40]}”" for one in wrong[:3])
            self.add_error("ids", f"{len(wrong):,} of these are no ids: {shown}{'…' if len(wrong) > 3 else ''}")
        if len(people) > rules.LARGEST_LIST:
            self.add_error("ids", f"At most {rules.LARGEST_LIST:,} people; these are {len(people):,}.")
        return people


class Plan(About):
    """When it goes, until when, and how fast."""

    start_at = forms.DateTimeField(
        required=False,
        label="Begins (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    expires_at = forms.DateTimeField(
        required=False,
        label="Expires (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    per_minute = forms.IntegerField(
        required=False,
        min_value=rules.SLOWEST,
        max_value=rules.FASTEST,
        label="People a minute",
        help_text="Spares a page that everybody will open at once",
    )

    def prepare(self) -> None:
        self.fields["start_at"].help_text = "Left empty: as soon as it is approved"
        self.fields["expires_at"].help_text = "Left empty: never. What has not left by then is left out"
        for name in ("start_at", "expires_at", "per_minute"):
            self.fields[name].initial = getattr(self.row, name)


class Ask(About):
    facts_template = "broadcasts/numbers.html"

    note = forms.CharField(
        required=False, max_length=300, widget=forms.Textarea(attrs={"rows": 2}), help_text="For whoever decides"
    )

    def facts(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        return cards.numbers(
            self.row, "Ask to send to", counted=queries.counted(self.row) if self.row.audience else None
        )


class Approve(About):
    """The last look: the numbers as they are now, and the revision that was looked at."""

    facts_template = "broadcasts/numbers.html"

    revision = forms.IntegerField(widget=forms.HiddenInput())
    note = forms.CharField(
        required=False, max_length=300, widget=forms.Textarea(attrs={"rows": 2}), help_text="For your colleagues"
    )

    def prepare(self) -> None:
        self.fields["revision"].initial = self.row.revision

    def facts(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        return cards.numbers(self.row, "Send to", counted=queries.counted(self.row))


class Why(About):
    note = forms.CharField(min_length=3, max_length=300, widget=forms.Textarea(attrs={"rows": 2}), label="Why")


class Stop(Why):
    facts_template = "bh/facts.html"

    def facts(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        return {"card": parts.Facts("How far it is", cards.how_far(self.row))}


class Running(About):
    facts_template = "bh/facts.html"

    def facts(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        return {"card": parts.Facts("How far it is", cards.how_far(self.row))}


class ToMyself(About):
    facts_template = "wording/to_myself.html"

    locale = forms.ChoiceField(label="In", choices=LANGUAGES)

    def prepare(self) -> None:
        there = queries.languages(self.row)
        self.fields["locale"].choices = [one for one in LANGUAGES if one[0] in there] or LANGUAGES[:1]

    def facts(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        return {"email": request.user.email}  # type: ignore[union-attr]  # nobody gets here without signing in


_HINTS = {"lines": "One a line", "url": "Begins with https://", "amount": "Such as 25.00", "currency": "Such as GBP"}


def _field(variable: Variable, value: Any) -> forms.Field:
    """The field in which a person writes one variable."""
    label = variable.name.replace("_url", " link").replace("_", " ").capitalize()
    common: dict[str, Any] = {"label": label, "required": variable.required, "help_text": _HINTS.get(variable.kind, "")}
    if variable.kind == "flag":
        return forms.BooleanField(label=label, required=False, initial=bool(value))
    if variable.kind == "count":
        return forms.IntegerField(min_value=0, initial=value, **common)
    if variable.kind in ("text", "lines"):
        area = forms.Textarea(attrs={"rows": 6, "placeholder": _sample(variable)})
        shown = "\n".join(value) if isinstance(value, list) else value
        return forms.CharField(max_length=MAX_TEXT, widget=area, initial=shown, **common)
    line = forms.TextInput(attrs={"placeholder": _sample(variable)})
    return forms.CharField(
        max_length=2_000 if variable.kind == "url" else MAX_LINE, widget=line, initial=value, **common
    )


def _sample(variable: Variable) -> str:
    sample = "\n".join(variable.sample) if isinstance(variable.sample, list) else str(variable.sample)
    return sample.strip()


def _value(variable: Variable, given: Any) -> Any:
    """What was filled in, as the template's data."""
    if variable.kind == "lines":
        return [line.strip() for line in str(given or "").splitlines() if line.strip()]
    if isinstance(given, str):
        return given.replace("\r\n", "\n").strip()
    return given
