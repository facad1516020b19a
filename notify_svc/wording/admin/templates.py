"""The list of templates, and the page of one: how it looks, its versions and how each fared."""

from __future__ import annotations

from typing import ClassVar, cast
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from bh_sdk.errors import BHError
from bh_sdk.server.admin import CasePage, action, display, parts
from notify_svc.delivery import outcomes
from notify_svc.delivery.outcomes import Fared
from notify_svc.wording import commands, queries, rules
from notify_svc.wording.admin import looks
from notify_svc.wording.admin.dialogs import Begin
from notify_svc.wording.models import Template, TemplateVersion

NEWEST = 20


@admin.register(Template)
class TemplateAdmin(CasePage):
    """What each type of message says, by channel and language."""

    thing, desk, desk_order, icon, order = "template", looks.DESK, looks.DESK_ORDER, "edit_note", 10
    list_display = ("title", "type", "channel", "locale", "category_shown", "live_shown", "open_shown")
    list_filter: ClassVar = ["channel", "category", "locale"]
    search_fields: ClassVar = ["title", "type"]
    search_help_text = "Title or type"
    actions_detail: ClassVar = ["draft"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Template]:
        current = TemplateVersion.objects.filter(state__in=("live", *rules.OPEN))
        rows: QuerySet[Template] = super().get_queryset(request)
        return rows.prefetch_related(Prefetch("versions", current, to_attr="current"))

    @display(
        description="Category",
        label={"transactional": "info", "subscription": "success", "social": "", "security": "warning"},
    )
    def category_shown(self, template: Template) -> str:
        return template.category

    @display(description="Live")
    def live_shown(self, template: Template) -> str:
        return _numbers(template, ("live",)) or "none"

    @display(description="In the works", label={"draft": "info", "review": "warning"})
    def open_shown(self, template: Template) -> str | tuple[str, str]:
        row = next((each for each in getattr(template, "current", []) if each.state in rules.OPEN), None)
        return (row.state, f"v{row.number} {row.state}") if row else ""

    def case(self, request: HttpRequest, obj: Template) -> parts.Case:
        versions = queries.history(obj)
        live = next((version for version in versions if version.state == "live"), None)
        open_one = next((version for version in versions if version.state in rules.OPEN), None)
        return parts.Case(
            headline=parts.Headline(
                title=obj.title,
                below=f"{obj.type}, {obj.channel}, {obj.locale}, {obj.category}",
                status=f"v{live.number} live" if live else "nothing live",
                tone="success" if live else "danger",
                notice=_notice(obj, open_one),
            ),
            wide=looks.look_of(live) if live else [],
            narrow=[
                parts.Facts("Versions", self._versions(versions)),
                looks.variables(live or versions[0]) if versions else parts.Facts("Variables", []),
            ],
        )

    def _versions(self, versions: list[TemplateVersion]) -> list[parts.Fact]:
        page = cast(CasePage, self.admin_site._registry[TemplateVersion])
        found = outcomes.fared([version.id for version in versions[:NEWEST]])
        return [
            parts.Fact(
                f"v{version.number} {version.state}",
                looks.fared(found.get(version.id, Fared())) if version.published_at else "",
                note=version.note or looks.begun(version),
                href=page.address(version),
            )
            for version in versions[:NEWEST]
        ]

    @action(
        title="Write a new version",
        verb="draft",
        question="It starts with the words that are live. Nobody gets it until it is published; what is live stays live.",
        form=Begin,
        submit="Begin",
        icon="edit",
        look="primary",
    )
    def draft(self, request: HttpRequest, form: Begin, object_id: str) -> HttpResponse:
        """Open the draft that there is, or begin one, and lead to the editor."""
        template = Template.objects.get(id=UUID(object_id))
        version = queries.open_version(template)
        if version is None:
            try:
                version = commands.begin(
                    template_id=template.id, by=self.actor(request), note=form.cleaned_data.get("note", "")
                )
            except BHError as refusal:
                self.message_user(request, refusal.detail, messages.ERROR)
                return HttpResponse(headers={"HX-Redirect": self.address(template)})
            self.log_change(request, version, "Began a draft")
        place = "write" if version.state == "draft" else "change"
        return HttpResponse(
            headers={"HX-Redirect": reverse(f"admin:notify_wording_templateversion_{place}", args=[version.pk])}
        )


def _numbers(template: Template, states: tuple[str, ...]) -> str:
    return ", ".join(f"v{version.number}" for version in getattr(template, "current", []) if version.state in states)


def _notice(template: Template, open_one: TemplateVersion | None) -> str:
    if open_one is None:
        return ""
    who = looks.person(open_one.edited_by or open_one.created_by)
    if open_one.state == "draft":
        return f"Version {open_one.number} is being written by {who}. “Write a new version” goes on with it."
    return f"Version {open_one.number} by {who} waits for somebody to read and publish it."
