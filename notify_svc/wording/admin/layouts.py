"""The frame around every mail, with the blocks that words may use: its editions and their flow."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from bh_sdk.server.admin import CasePage, Dialog, action, display, parts
from notify_svc.wording import diff, layouts, liquid
from notify_svc.wording.admin import looks
from notify_svc.wording.admin.dialogs import Reason
from notify_svc.wording.errors import TemplateInvalid
from notify_svc.wording.models import Layout
from notify_svc.wording.rendering import sampled

DOORS = {
    "draft": {"edit", "hand_in", "drop"},
    "review": {"publish", "send_back", "drop"},
    "live": {"draft"},
    "retired": {"restore"},
    "dropped": set[str](),
}
LANGUAGES = ("en", "ar")


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "spellcheck": "false"})


class Frame(Dialog):
    """The next edition of a frame: its HTML, its text, and each block. What would not work is refused at its field."""

    html = forms.CharField(max_length=100_000, widget=_area(14), strip=False, help_text="Holds {{ content }}")
    text = forms.CharField(max_length=20_000, widget=_area(5), strip=False, help_text="Holds {{ content }}")
    new_block = forms.CharField(max_length=40, required=False, label="Another block, called")
    new_source = forms.CharField(max_length=20_000, required=False, widget=_area(3), strip=False, label="Its HTML")
    note = forms.CharField(max_length=200, required=False, label="What changed")
    revision = forms.IntegerField(widget=forms.HiddenInput())

    def __init__(self, request: HttpRequest, object_id: int | str | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        layout = Layout.objects.get(id=int(str(object_id)))
        for name, source in sorted(layout.blocks.items()):
            field = forms.CharField(
                max_length=20_000,
                required=False,
                widget=_area(4),
                strip=False,
                initial=source,
                label=f"Block “{name}”",
                help_text=f"Takes {', '.join(sorted(liquid.parameters(source))) or 'nothing'}. Empty: it is gone.",
            )
            field.widget.attrs["class"] = self.fields["html"].widget.attrs["class"]
            self.fields[f"block_{name}"] = field
        for name in ("html", "text", "note", "revision"):
            self.fields[name].initial = getattr(layout, name)

    def written(self) -> dict[str, Any]:
        """What `layouts.draft` and `layouts.edit` take."""
        given = self.cleaned_data
        blocks = {
            name.removeprefix("block_"): given[name] for name in given if name.startswith("block_") and given[name]
        }
        if given.get("new_block"):
            blocks[given["new_block"]] = given["new_source"]
        return {"html": given["html"], "text": given["text"], "blocks": blocks}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                layouts.prove(**self.written())
            except TemplateInvalid as refusal:
                for entry in refusal.facts.get("errors") or [{"pointer": "", "message": refusal.detail}]:
                    field = entry["pointer"].removeprefix("#/")
                    self.add_error(field if field in self.fields else "html", entry["message"])
        return cleaned


@admin.register(Layout)
class LayoutAdmin(CasePage):
    """The frame of mails."""

    class Media:
        css = {"all": ("wording/wording.css",)}

    thing, desk, desk_order, icon, order = "layout", looks.DESK, looks.DESK_ORDER, "web_asset", 30
    list_display = ("title_shown", "state_shown", "writer_shown", "created_at", "published_at", "note")
    list_filter: ClassVar = ["state"]
    search_fields: ClassVar = ["name", "note"]
    actions_detail: ClassVar = ["draft", "edit", "hand_in", "publish", "restore", "send_back", "drop"]

    def found_as(self, obj: Any) -> str:
        return f"Frame {obj}"

    @display(description="Frame", ordering="number")
    def title_shown(self, layout: Layout) -> str:
        return str(layout)

    @display(description="State", label=dict(looks.STATES))
    def state_shown(self, layout: Layout) -> str:
        return layout.state

    @display(description="Written by")
    def writer_shown(self, layout: Layout) -> str:
        return looks.person(layout.edited_by or layout.created_by)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """No button for what nobody can do here; the commands refuse it anyway."""
        layout = self.get_object(request, str(object_id))
        fitting = set(DOORS[layout.state]) if isinstance(layout, Layout) else set()
        if layout is not None and self.actor(request) in layout.writers:
            fitting -= {"publish", "restore"}
        offered = super().get_actions_detail(request, object_id)
        return [each for each in offered if any(each.action_name.endswith(f"_{name}") for name in fitting)]

    def case(self, request: HttpRequest, obj: Layout) -> parts.Case:
        return parts.Case(
            headline=parts.Headline(
                title=f"Frame {obj}",
                below="Around every mail, in every language",
                status=obj.state,
                tone=looks.STATES[obj.state],
                notice=_notice(obj, self.actor(request)),
            ),
            wide=[*_looks(obj), *_changes(obj), parts.Words("HTML", obj.html, mono=True)],
            narrow=[
                parts.Facts(
                    "Made",
                    [
                        ("Begun by", looks.person(obj.created_by)),
                        ("Last edited by", looks.person(obj.edited_by)),
                        ("Published by", looks.person(obj.published_by)),
                        ("Brought back by", looks.person(obj.restored_by)),
                    ],
                ),
                *(parts.Words(f"Block “{name}”", source, mono=True) for name, source in sorted(obj.blocks.items())),
            ],
        )

    # -- what can be done --------------------------------------------------------------------------------------------

    @action(
        title="Write the next frame",
        verb="draft",
        question="It starts with this one. No mail is sent in it until somebody else publishes it.",
        form=Frame,
        submit="Save draft",
        icon="edit",
        look="primary",
    )
    def draft(self, request: HttpRequest, form: Frame, object_id: str) -> HttpResponse:
        command = partial(layouts.draft, **form.written(), by=self.actor(request), note=form.cleaned_data["note"])
        return self.decide(request, object_id, command, done="Began the next frame")

    @action(
        title="Edit",
        verb="draft",
        question="Nobody gets it yet.",
        form=Frame,
        submit="Save draft",
        icon="edit",
        look="primary",
    )
    def edit(self, request: HttpRequest, form: Frame, object_id: str) -> HttpResponse:
        command = partial(
            layouts.edit,
            layout_id=int(object_id),
            revision=form.cleaned_data["revision"],
            **form.written(),
            by=self.actor(request),
            note=form.cleaned_data["note"],
        )
        return self.decide(request, object_id, command, done="Saved the draft")

    def _move(self, request: HttpRequest, object_id: str, to: str, done: str) -> HttpResponse:
        command: Callable[[], object] = partial(layouts.move, layout_id=int(object_id), to=to, by=self.actor(request))
        return self.decide(request, object_id, command, done=done)

    @action(
        title="Hand in for review",
        verb="draft",
        question="It stands as it is until somebody else publishes it or sends it back.",
        icon="rate_review",
    )
    def hand_in(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        return self._move(request, object_id, "review", "Handed in for review")

    @action(
        title="Publish",
        verb="publish",
        question="Every live mail gets a new version in this frame at once. Mails under way keep the frame they have.",
        icon="publish",
        look="primary",
    )
    def publish(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(layouts.publish, layout_id=int(object_id), by=self.actor(request))
        return self.decide(request, object_id, command, done="Published, with every live mail")

    @action(
        title="Bring back",
        verb="publish",
        question="Every live mail gets a new version in this frame at once.",
        icon="settings_backup_restore",
        look="primary",
    )
    def restore(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(layouts.restore, layout_id=int(object_id), by=self.actor(request))
        return self.decide(request, object_id, command, done="Brought back, with every live mail")

    @action(
        title="Send back",
        verb="draft",
        question="It becomes a draft again, so that it can be changed.",
        form=Reason,
        icon="undo",
    )
    def send_back(self, request: HttpRequest, form: Reason, object_id: str) -> HttpResponse:
        return self._move(request, object_id, "draft", f"Sent back: {form.cleaned_data['why']}")

    @action(title="Drop", verb="draft", question="It will never be used.", icon="delete", look="danger")
    def drop(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        return self._move(request, object_id, "dropped", "Dropped")


def _notice(layout: Layout, me: str) -> str:
    if layout.state == "review" and me in layout.writers:
        return "You wrote this frame: another editor reads and publishes it."
    if layout.state == "review":
        return f"{looks.person(layout.edited_by or layout.created_by)} asks you to read this frame and publish it."
    return layout.note


def _looks(layout: Layout) -> list[parts.Card]:
    """In a language that runs from the left and in one that runs from the right."""
    cards: list[parts.Card] = []
    for lang in LANGUAGES:
        source = layouts.sample_source(html=layout.html, text=layout.text, blocks=layout.blocks, locale=lang)
        try:
            words = sampled(source)
        except TemplateInvalid as refusal:
            return [parts.Words("This frame cannot be shown", refusal.detail)]
        cards.append(parts.Preview(f"A mail in it ({lang})", words.html, subject=words.subject))
    return cards


def _changes(layout: Layout) -> list[parts.Card]:
    before = Layout.objects.filter(name=layout.name, number__lt=layout.number).exclude(
        state__in=("draft", "review", "dropped")
    )
    other = before.order_by("-number").first()
    if other is None:
        return []
    changes = diff.compare(_words(other), _words(layout))
    return [looks.changed(f"Frame {layout.number} against frame {other.number}", changes)]


def _words(layout: Layout) -> dict[str, str]:
    blocks = {f"block {name}": source for name, source in sorted(layout.blocks.items())}
    return {"html": layout.html, "text": layout.text} | blocks
