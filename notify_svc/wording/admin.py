"""Editors' pages: templates with a live preview, their versions, and the two things an editor may do."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from bh_sdk.server.admin import CasePage, Dialog, action, display, parts
from notify_svc.delivery import outcomes
from notify_svc.wording import commands, queries
from notify_svc.wording.errors import TemplateInvalid
from notify_svc.wording.models import Template, TemplateVersion
from notify_svc.wording.rendering import Rendered

DESK = "Words"
STATES: dict[str, parts.Tone] = {
    "draft": "info",
    "review": "warning",
    "live": "success",
    "retired": "",
    "dropped": "danger",
}


def shown(words: Rendered) -> list[parts.Card]:
    """How rendered words look: a mail as its reader sees it and as text, a feed entry as its lines."""
    if words.html:
        return [
            parts.Preview("On a screen", words.html, subject=words.subject),
            parts.Words("As text", words.text),
        ]
    return [parts.Facts("In the feed", [("Title", words.title), ("Body", words.body), ("Leads to", words.action_url)])]


def _area(rows: int) -> Any:
    return UnfoldAdminTextareaWidget(attrs={"rows": rows, "spellcheck": "false"})


class Edit(Dialog):
    """The words of the next version, starting from the newest. What would not render is refused at its field."""

    subject = forms.CharField(
        max_length=400, widget=UnfoldAdminTextInputWidget(), help_text="Or the title of a feed entry"
    )
    preheader = forms.CharField(max_length=400, required=False, widget=UnfoldAdminTextInputWidget())
    html = forms.CharField(max_length=100_000, required=False, widget=_area(12), strip=False)
    text = forms.CharField(max_length=100_000, widget=_area(8), strip=False, help_text="Or the body of a feed entry")
    action = forms.CharField(max_length=400, required=False, widget=UnfoldAdminTextInputWidget(), label="Leads to")
    variables = forms.JSONField(widget=_area(6), help_text="Name, kind and sample of each")
    note = forms.CharField(max_length=200, required=False, widget=UnfoldAdminTextInputWidget(), label="What changed")

    def __init__(self, request: HttpRequest, object_id: int | str | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        newest = TemplateVersion.objects.filter(template_id=str(object_id)).order_by("-number").first()
        if newest is not None:
            for name in {*commands.WORDS, "variables"} & set(self.fields):
                self.fields[name].initial = getattr(newest, name)

    def words(self) -> dict[str, str]:
        return {name: self.cleaned_data.get(name) or "" for name in commands.WORDS}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                commands.prove(
                    template_id=UUID(str(self.object_id)), words=self.words(), variables=cleaned["variables"]
                )
            except TemplateInvalid as refusal:
                for entry in refusal.facts.get("errors") or [{"pointer": "", "message": refusal.detail}]:
                    field = entry["pointer"].removeprefix("#/")
                    self.add_error(field if field in self.fields else "text", entry["message"])
        return cleaned


class Reason(Dialog):
    why = forms.CharField(label="What should be different", min_length=3, max_length=150)


class Speak(Dialog):
    """The last look before words speak: what changes for whoever sends this type has to be confirmed by name."""

    facts_template = "wording/breaking.html"

    def __init__(self, request: HttpRequest, object_id: int | str | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        self.version = queries.version(UUID(str(object_id)))
        self.found = commands.what_breaks(self.version)
        if self.found.names:
            self.fields["told"] = forms.BooleanField(
                label=f"Everybody who sends {self.version.template.type} has changed what they send",
                error_messages={"required": "Without that their messages would be refused."},
            )

    def facts(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        kind = self.version.template.type
        return {"breaks": self.found, "type": kind, "senders": outcomes.senders(kind) if self.found.names else []}

    def accepted(self) -> frozenset[str]:
        return self.found.names

    def told(self, done: str) -> str:
        """The sentence for the log: what was confirmed stands in it."""
        return f"{done}; confirmed: {', '.join(sorted(self.found.names))}" if self.found.names else done


@admin.register(Template)
class TemplateAdmin(CasePage):
    """What each type of message says, by channel and language."""

    thing, desk, desk_order, icon, order = "template", DESK, 20, "edit_note", 10
    list_display = ("title", "type", "channel", "locale", "category_shown", "live_shown")
    list_filter: ClassVar = ["channel", "category", "locale"]
    search_fields: ClassVar = ["title", "type"]
    search_help_text = "Title or type"
    actions_detail: ClassVar = ["draft"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Template]:
        live = TemplateVersion.objects.filter(state="live")
        rows: QuerySet[Template] = super().get_queryset(request)
        return rows.prefetch_related(Prefetch("versions", live, to_attr="speaking"))

    @display(
        description="Category",
        label={"transactional": "info", "subscription": "success", "social": "", "security": "warning"},
    )
    def category_shown(self, template: Template) -> str:
        return template.category

    @display(description="Live")
    def live_shown(self, template: Template) -> str:
        return ", ".join(f"v{version.number}" for version in getattr(template, "speaking", [])) or "none"

    def case(self, request: HttpRequest, obj: Template) -> parts.Case:
        versions = queries.history(obj)
        live = next((version for version in versions if version.state == "live"), None)
        look = shown(queries.preview(live)) if live else []
        page = cast(CasePage, admin.site._registry[TemplateVersion])
        return parts.Case(
            headline=parts.Headline(
                title=obj.title,
                below=f"{obj.type}, {obj.channel}, {obj.locale}",
                status=f"v{live.number} live" if live else "nothing live",
                tone="success" if live else "danger",
            ),
            wide=look,
            narrow=[
                parts.Facts(
                    "Versions",
                    [
                        parts.Fact(
                            f"v{version.number}",
                            version.state,
                            note=version.note or f"by {version.created_by}, {version.created_at:%d %b %Y}",
                            href=page.address(version),
                        )
                        for version in versions[:20]
                    ],
                ),
                _variables(live or versions[0]) if versions else parts.Facts("Variables", []),
            ],
        )

    @action(
        title="Write a new version",
        verb="draft",
        question="It is a draft until somebody publishes it; what is live stays live.",
        form=Edit,
        submit="Save draft",
        icon="edit",
        look="primary",
    )
    def draft(self, request: HttpRequest, form: Edit, object_id: str) -> HttpResponse:
        command = partial(
            commands.draft,
            template_id=UUID(object_id),
            words=form.words(),
            variables=form.cleaned_data["variables"],
            note=form.cleaned_data["note"],
            by=str(request.user.sub),  # type: ignore[union-attr]
        )
        return self.decide(request, object_id, command, done="Draft saved")


@admin.register(TemplateVersion)
class TemplateVersionAdmin(CasePage):
    """One edition of a template, as it looks and as it is written."""

    thing, desk, desk_order, icon, order = "template", DESK, 20, "history", 20
    list_display = ("template", "number", "state_shown", "created_by", "created_at", "published_at")
    list_filter: ClassVar = ["state", "template__channel"]
    list_select_related: ClassVar = ["template"]
    search_fields: ClassVar = ["template__type", "template__title"]
    search_help_text = "Title or type of the template"
    actions_detail: ClassVar = ["publish", "hand_in", "send_back", "restore", "drop"]

    @display(description="State", label=dict(STATES))
    def state_shown(self, version: TemplateVersion) -> str:
        return version.state

    def case(self, request: HttpRequest, obj: TemplateVersion) -> parts.Case:
        version = queries.version(obj.id)
        written = [
            parts.Words(title, text, mono=True)
            for title, text in (("Subject", version.subject), ("HTML", version.html), ("Text", version.text))
            if text
        ]
        return parts.Case(
            headline=parts.Headline(
                title=f"{version.template.title}, version {version.number}",
                below=f"{version.template.type}, {version.template.channel}, {version.template.locale}",
                status=version.state,
                tone=STATES[version.state],
                notice=version.note,
            ),
            wide=[*shown(queries.preview(version)), *written],
            narrow=[
                parts.Facts(
                    "Made",
                    [
                        ("Written by", version.created_by),
                        ("Written", f"{version.created_at:%d %b %Y, %H:%M} UTC"),
                        ("Published by", version.published_by or "nobody"),
                        ("Layout", str(version.layout) if version.layout else "none"),
                    ],
                ),
                _variables(version),
            ],
        )

    # What can be done where an edition stands.
    DOORS: ClassVar = {
        "draft": {"hand_in", "drop"},
        "review": {"publish", "send_back", "drop"},
        "retired": {"restore"},
    }

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Only the buttons that mean something here; the commands refuse the others as well."""
        version = TemplateVersion.objects.filter(id=str(object_id)).first()
        doors = self.DOORS.get(version.state, set()) if version else set()
        return [each for each in super().get_actions_detail(request, object_id) if each.action_name in doors]

    @action(
        title="Publish",
        verb="publish",
        question="From now on everybody gets these words. Mails under way keep the words they were accepted with.",
        form=Speak,
        icon="publish",
        look="primary",
    )
    def publish(self, request: HttpRequest, form: Speak, object_id: str) -> HttpResponse:
        command = partial(
            commands.publish, version_id=UUID(object_id), by=self.actor(request), accepting=form.accepted()
        )
        return self.decide(request, object_id, command, done=form.told("Published"))

    @action(
        title="Bring back",
        verb="publish",
        question="These words speak again, and those that are live now are retired.",
        form=Speak,
        icon="settings_backup_restore",
        look="primary",
    )
    def restore(self, request: HttpRequest, form: Speak, object_id: str) -> HttpResponse:
        command = partial(
            commands.restore, version_id=UUID(object_id), by=self.actor(request), accepting=form.accepted()
        )
        return self.decide(request, object_id, command, done=form.told("Brought back"))

    @action(
        title="Hand in for review",
        verb="draft",
        question="The words stand as they are until somebody publishes them or sends them back.",
        icon="rate_review",
        look="primary",
    )
    def hand_in(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(commands.hand_in, version_id=UUID(object_id), by=self.actor(request))
        return self.decide(request, object_id, command, done="Handed in for review")

    @action(
        title="Send back",
        verb="draft",
        question="It becomes a draft again, so that it can be changed.",
        form=Reason,
        icon="undo",
    )
    def send_back(self, request: HttpRequest, form: Reason, object_id: str) -> HttpResponse:
        command = partial(commands.send_back, version_id=UUID(object_id), by=self.actor(request))
        return self.decide(request, object_id, command, done=f"Sent back: {form.cleaned_data['why']}")

    @action(
        title="Drop",
        verb="draft",
        question="These words will never speak. They stay in the list of versions.",
        icon="delete",
        look="danger",
    )
    def drop(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(commands.drop, version_id=UUID(object_id), by=self.actor(request))
        return self.decide(request, object_id, command, done="Dropped")


def _variables(version: TemplateVersion) -> parts.Table:
    return parts.Table(
        "Variables",
        ["Name", "Kind", "Sample"],
        [
            [
                one.name + ("" if one.required else " (optional)"),
                one.kind,
                json.dumps(one.sample, ensure_ascii=False)[:60],
            ]
            for one in version.declared
        ],
    )
