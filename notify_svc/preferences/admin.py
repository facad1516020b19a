"""What people have said about being told things. Support sees it, with every change, and corrects it for whoever calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.widgets import UnfoldAdminTextareaWidget

from bh_sdk.server.admin import CasePage, Dialog, action, parts
from notify_svc.audience import queries as audience
from notify_svc.preferences import commands, queries, rules
from notify_svc.preferences.commands import Said, shown_consent
from notify_svc.preferences.models import Change, Person
from notify_svc.who import called

_WAYS = {"email": "Email", "push": "Devices", "in_app": "In the app", "sms": "SMS"}
_SOURCES = {
    "api": "in the app",
    "page": "on the page behind a mail's link",
    "one_click": "by one click in a mail program",
    "staff": "by staff",
}


class Correction(Dialog):
    """One choice, on the person's word. The page shows who did it and why for good."""

    category = forms.ChoiceField(choices=[("subscription", "News of campaigns"), ("social", "What people do")])
    channel = forms.ChoiceField(label="By", choices=list(_WAYS.items()))
    frequency = forms.ChoiceField(label="How often", choices=[(name, name) for name in rules.FREQUENCIES])
    reason = forms.CharField(
        min_length=8,
        max_length=300,
        widget=UnfoldAdminTextareaWidget(),
        help_text="How they asked. No names, no addresses",
    )

    def clean_reason(self) -> str:
        reason = str(self.cleaned_data["reason"]).strip()
        if "@" in reason:
            raise ValidationError("Leave mail addresses out: the reason is kept for good.")
        return reason

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        if {"category", "channel", "frequency"} <= cleaned.keys():
            offered = rules.frequencies(cleaned["category"], cleaned["channel"])
            if cleaned["frequency"] not in offered:
                self.add_error("frequency", f"By {_WAYS[cleaned['channel']]} it is one of: {', '.join(offered)}.")
        return cleaned


class CorrectionOf(Correction):
    """The same for somebody who is not in the list, because they never said anything."""

    user_id = forms.UUIDField(label="Id of the person", help_text="Their contact shows it")
    field_order: ClassVar = ["user_id"]

    def clean_user_id(self) -> UUID:
        person: UUID = self.cleaned_data["user_id"]
        if not audience.reach({person}):
            raise ValidationError("We know nobody with this id.")
        return person


@admin.register(Person)
class PersonAdmin(CasePage):
    """`preference` in the policies: `view`, `correct`. Who is not in the list never said anything."""

    thing, desk, desk_order, icon, order = "preference", "People", 30, "tune", 30
    list_display = ("user_id", "hours_shown", "timezone", "consent", "updated_at")
    list_filter: ClassVar = ["consent"]
    ordering: ClassVar = ["-updated_at", "user_id"]
    search_fields: ClassVar = ["user_id"]
    search_help_text = "A person's id. Who is not found gets everything at once"
    actions_list: ClassVar = ["correct_somebody"]
    actions_detail: ClassVar = ["correct"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Person], search_term: str
    ) -> tuple[QuerySet[Person], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(user_id=UUID(term)), False
        except ValueError:
            return queryset.none(), False

    @admin.display(description="Quiet hours")
    def hours_shown(self, row: Person) -> str:
        return queries.shown_hours(row)

    @action(
        title="Change a choice",
        verb="correct",
        question="It counts at once, also for what is being gathered for them.",
        form=Correction,
        icon="edit",
    )
    def correct(self, request: HttpRequest, form: Correction, object_id: str) -> HttpResponse:
        return self.decide(request, object_id, self._change(request, form, UUID(object_id)), done="Changed")

    @action(
        title="Change somebody's choice",
        verb="correct",
        question="For somebody who never said anything before. It counts at once.",
        form=CorrectionOf,
        submit="Change",
        icon="edit",
    )
    def correct_somebody(self, request: HttpRequest, form: CorrectionOf) -> HttpResponse:
        person = self._change(request, form, form.cleaned_data["user_id"])()
        self.log_change(request, person, "Changed")
        self.message_user(request, "Changed", messages.SUCCESS)
        return HttpResponse(headers={"HX-Redirect": self.address(person)})

    def _change(self, request: HttpRequest, form: Correction, person: UUID) -> Callable[[], Person]:
        told = form.cleaned_data
        return partial(
            commands.change,
            user_id=person,
            said=Said("staff", by=self.actor(request), reason=told["reason"]),
            choices={(told["category"], told["channel"]): told["frequency"]},
        )

    def case(self, request: HttpRequest, obj: Person) -> parts.Case:
        wishes, _ = queries.of(obj.user_id)
        return parts.Case(
            headline=parts.Headline(
                title="What they want to hear",
                below=str(obj.user_id),
                notice="Receipts and messages about the safety of an account always come.",
            ),
            wide=[
                *(
                    parts.Facts(title, [(_WAYS[one], wishes.frequency(category, one)) for one in rules.CHANNELS])
                    for category, title in (("subscription", "News of campaigns"), ("social", "What people do"))
                ),
                parts.Timeline("What was changed", [_moment(change) for change in queries.history(obj.user_id)]),
            ],
            narrow=[
                parts.Facts(
                    "When",
                    [
                        ("Quiet hours", queries.shown_hours(obj)),
                        ("Time zone", wishes.zone),
                        ("Consent to news", shown_consent(obj) or "never asked"),
                        ("Since", f"{obj.consent_at:%d %b %Y, %H:%M} UTC" if obj.consent_at else ""),
                    ],
                ),
                parts.Facts(
                    "Campaigns",
                    [
                        (one.title, f"{'follows' if one.following else 'left'}, by {one.because}")
                        for one in queries.follows(obj.user_id)
                    ],
                ),
            ],
        )


def _moment(change: Change) -> parts.Moment:
    moved = f"{change.before or 'nothing'} → {change.after or 'nothing'}, {_SOURCES[change.source]}"
    return parts.Moment(change.what, change.at, who=called(change.by), note=f"{moved}. {change.reason}".strip())
