"""The page of one version: how it looks, what it changes, and the ways it can go from here."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from bh_sdk.server.admin import CasePage, Dialog, action, display, parts
from notify_svc.delivery import outcomes, trials
from notify_svc.delivery.outcomes import Fared
from notify_svc.wording import commands, diff, queries
from notify_svc.wording.admin import looks
from notify_svc.wording.admin.dialogs import Reason, Speak, ToMyself
from notify_svc.wording.admin.editor import Editor
from notify_svc.wording.models import TemplateVersion

# What can be done where an edition stands.
DOORS = {
    "draft": {"write", "hand_in", "drop", "try_out"},
    "review": {"publish", "send_back", "drop", "try_out"},
    "live": {"try_out"},
    "retired": {"restore", "try_out"},
    "dropped": set[str](),
}


@admin.register(TemplateVersion)
class TemplateVersionAdmin(Editor, CasePage):
    """One edition of a template, as it looks and as it is written."""

    thing, desk, desk_order, icon, order = "template", looks.DESK, looks.DESK_ORDER, "history", 20
    list_display = ("template", "number", "state_shown", "writer_shown", "created_at", "published_at")
    list_filter: ClassVar = ["state", "template__channel", "template__locale"]
    list_select_related: ClassVar = ["template"]
    search_fields: ClassVar = ["template__type", "template__title"]
    search_help_text = "Title or type of the template"
    actions_detail: ClassVar = ["hand_in", "publish", "restore", "try_out", "send_back", "drop"]

    def found_as(self, obj: Any) -> str:
        return f"{obj.template.title}, version {obj.number}"

    @display(description="State", label=dict(looks.STATES))
    def state_shown(self, version: TemplateVersion) -> str:
        return version.state

    @display(description="Written by", ordering="created_by")
    def writer_shown(self, version: TemplateVersion) -> str:
        return looks.person(version.edited_by or version.created_by)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """No button for what nobody can do here; the commands refuse it anyway."""
        version = self.get_object(request, str(object_id))
        fitting = set(DOORS[version.state]) if isinstance(version, TemplateVersion) else set()
        if version is not None and version.template.channel != "email":
            fitting.discard("try_out")
        if version is not None and version.two_people and self.actor(request) in version.writers:
            fitting.discard("publish")
        offered = super().get_actions_detail(request, object_id)
        return [each for each in offered if any(each.action_name.endswith(f"_{name}") for name in fitting)]

    def case(self, request: HttpRequest, obj: TemplateVersion) -> parts.Case:
        version = queries.version(obj.id)
        versions = queries.history(version.template)
        return parts.Case(
            headline=_headline(version, self.actor(request)),
            wide=[*self._changes(request, version, versions), *looks.look_of(version), *_written(version)],
            narrow=[
                *self._way_to_write(request, version),
                looks.advised(version.source),
                _made(version),
                _fared(version),
                self._others(version, versions),
                looks.variables(version),
            ],
        )

    def _way_to_write(self, request: HttpRequest, version: TemplateVersion) -> list[parts.Card]:
        if version.state != "draft" or not self.may(request, "draft"):
            return []
        way = parts.Fact("Open the editor", "Go on writing", href=self.writing_address(version))
        return [parts.Facts("This draft", [way])]

    def _changes(
        self, request: HttpRequest, version: TemplateVersion, versions: list[TemplateVersion]
    ) -> list[parts.Card]:
        """Against the version that the address names, else the one that is live, else the one before."""
        wanted = request.GET.get("against", "")
        others = [each for each in versions if each.id != version.id]
        other = next((each for each in others if str(each.number) == wanted), None) or next(
            (each for each in others if each.state == "live"), None
        )
        if other is None:
            other = next((each for each in others if each.number < version.number), None)
        if other is None:
            return []
        changes = diff.compare(_words(other), _words(version))
        return [looks.changed(f"Version {version.number} against version {other.number} ({other.state})", changes)]

    def _others(self, version: TemplateVersion, versions: list[TemplateVersion]) -> parts.Card:
        return parts.Facts(
            "Compare with",
            [
                parts.Fact(
                    f"v{each.number} {each.state}",
                    "Compare",
                    note=each.note,
                    href=f"{self.address(version)}?against={each.number}",
                )
                for each in versions[:20]
                if each.id != version.id
            ],
        )

    # -- what can be done --------------------------------------------------------------------------------------------

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
        question="These words speak again as they were, and those that are live now are retired.",
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
        title="Send me a test",
        verb="try",
        question="One mail with the samples, to your own address and nobody else.",
        form=ToMyself,
        submit="Send",
        icon="forward_to_inbox",
    )
    def try_out(self, request: HttpRequest, form: ToMyself, object_id: str) -> HttpResponse:
        me: Any = request.user
        command = partial(trials.send_trial, version_id=UUID(object_id), email=me.email, name=str(me))
        return self.decide(request, object_id, command, done="A test was sent to your own address")

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


def _words(version: TemplateVersion) -> dict[str, str]:
    """What is compared: what was written, so of a mail in MJML not what came of it."""
    fields = [field for field in commands.WORDS if not (field == "html" and version.mjml)]
    found = diff.worded(version, fields)
    return found | {"layout": str(version.layout or ""), "variables": diff.declaration(version.declared)}


def _written(version: TemplateVersion) -> list[parts.Card]:
    fields = (
        ("Subject", version.subject),
        ("MJML", version.mjml),
        ("HTML", "" if version.mjml else version.html),
        ("Text", version.text),
    )
    return [parts.Words(title, text, mono=True) for title, text in fields if text]


def _made(version: TemplateVersion) -> parts.Facts:
    facts = [("Begun by", f"{looks.person(version.created_by)}, {version.created_at:%d %b %Y, %H:%M} UTC")]
    if version.edited_at:
        facts.append(("Last edited by", f"{looks.person(version.edited_by)}, {version.edited_at:%d %b %Y, %H:%M} UTC"))
    if version.published_at:
        facts.append(
            ("Published by", f"{looks.person(version.published_by)}, {version.published_at:%d %b %Y, %H:%M} UTC")
        )
    if version.restored_at:
        facts.append(
            ("Brought back by", f"{looks.person(version.restored_by)}, {version.restored_at:%d %b %Y, %H:%M} UTC")
        )
    return parts.Facts("Made", [*facts, ("Frame", str(version.layout) if version.layout else "none")])


def _fared(version: TemplateVersion) -> parts.Facts:
    found = outcomes.fared([version.id]).get(version.id, Fared())
    counts = [
        ("Accepted", found.all),
        ("Sent", found.sent),
        ("Delivered", found.delivered),
        ("Bounced", found.bounced),
        ("Complained", found.complained),
        ("Failed", found.failed),
    ]
    return parts.Facts("What became of it", [(name, f"{count:,}") for name, count in counts])


def _headline(version: TemplateVersion, me: str) -> parts.Headline:
    return parts.Headline(
        title=f"{version.template.title}, version {version.number}",
        below=f"{version.template.type}, {version.template.channel}, {version.template.locale}",
        status=version.state,
        tone=looks.STATES[version.state],
        steps=_steps(version),
        notice=_who_may(version, me) or version.note,
    )


def _steps(version: TemplateVersion) -> list[parts.Step]:
    if version.state == "dropped":
        return [parts.Step("Draft", "done"), parts.Step("Dropped", "failed")]
    at = {"draft": 0, "review": 1, "live": 2, "retired": 3}[version.state]
    second = "somebody else publishes" if version.two_people else ""
    names = [("Draft", ""), ("Review", second), ("Live", ""), ("Retired", "can be brought back")]
    return [
        parts.Step(name, "done" if place < at else "now" if place == at else "todo", note)
        for place, (name, note) in enumerate(names)
    ]


def _who_may(version: TemplateVersion, me: str) -> str:
    """What the next step is, in a sentence for whoever looks."""
    if version.state == "draft":
        return "Not handed in yet: nobody gets these words."
    if version.state == "review" and version.two_people:
        if me in version.writers:
            return "You wrote these words about money or accounts: another editor reads and publishes them."
        return f"{looks.person(version.edited_by or version.created_by)} asks you to read these words and publish them."
    if version.state == "review":
        return "Ready to be published."
    return ""
