"""Changing the frame of mails: the same life as words have, and always two people. A new frame takes every live mail along."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from bh_sdk.errors import SecondPersonNeeded
from bh_sdk.server.ops import clock
from notify_svc.wording import commands, lint, liquid, rules
from notify_svc.wording.errors import (
    DraftChanged,
    DraftOpen,
    TemplateInvalid,
    VersionNotOpen,
    VersionNotPublishable,
)
from notify_svc.wording.models import Layout, TemplateVersion
from notify_svc.wording.rendering import Rendered, Source, check

NAME = "mail"
# What every frame holds, or mails would arrive without their words.
_NEEDED = "content"


def sample_source(*, html: str, text: str, blocks: Mapping[str, str], locale: str = "en") -> Source:
    """A mail that shows a frame: short words, and each block that the words of a mail may use."""
    return Source(
        channel="email",
        category="subscription",
        locale=locale,
        subject="A mail in this frame",
        preheader="What inboxes show after the subject",
        html="<h1>A mail in this frame</h1><p>These are its words.</p>"
        + "".join(
            _example(name, source) for name, source in sorted(blocks.items()) if name not in ("header", "footer")
        ),
        layout_html=html,
        layout_text=text,
        blocks=blocks,
    )


def _example(name: str, source: str) -> str:
    given = "".join(
        f', {one}: "{"https://blessed-horizon.example/" if one in ("link", "url") else one.capitalize()}"'
        for one in sorted(liquid.parameters(source))
    )
    return f'{{% block "{name}"{given} %}}'


def prove(*, html: str, text: str, blocks: Mapping[str, str]) -> Rendered:
    """How the frame looks. Raises TemplateInvalid with a pointer per field."""
    wrong = _wrong(html, text, blocks)
    if wrong:
        raise TemplateInvalid(errors=wrong)
    return check(sample_source(html=html, text=text, blocks=blocks))


def _wrong(html: str, text: str, blocks: Mapping[str, str]) -> list[dict[str, str]]:
    known = rules.SUPPLIED | rules.FRAMED | {_NEEDED}
    wrong = []
    for field, source, markup in (("html", html, True), ("text", text, False)):
        names = liquid.variables_of(source, markup=markup)
        wrong += [
            {"pointer": f"#/{field}", "message": f"{name} is not known to a frame"} for name in sorted(names - known)
        ]
        if _NEEDED not in names:
            wrong.append({"pointer": f"#/{field}", "message": "needs {{ content }}: the words of the mail"})
        wrong += [{"pointer": f"#/{field}", "message": said} for said in lint.unsafe(source, filled=False)]
    for name, source in blocks.items():
        if not rules.NAME.fullmatch(name) or not isinstance(source, str):
            wrong.append({"pointer": "#/blocks", "message": f"{name!r} cannot be the name of a block"})
            continue
        try:
            liquid.parameters(source)
        except TemplateInvalid as error:
            wrong.append({"pointer": "#/blocks", "message": f"{name}: {error.detail}"})
    return wrong


@transaction.atomic
def draft(*, html: str, text: str, blocks: dict[str, str], by: str, note: str = "") -> Layout:
    """Write the next edition of the frame; nothing is sent in it yet. Raises TemplateInvalid, DraftOpen."""
    rows = list(Layout.objects.select_for_update().filter(name=NAME).order_by("-number"))
    open_one = next((row for row in rows if row.state in rules.OPEN), None)
    if open_one is not None:
        raise DraftOpen(version_id=str(open_one.id))
    prove(html=html, text=text, blocks=blocks)
    return Layout.objects.create(
        name=NAME,
        number=(rows[0].number if rows else 0) + 1,
        two_people=True,
        html=html,
        text=text,
        blocks=blocks,
        note=note,
        created_by=by,
        created_at=clock.now(),
    )


@transaction.atomic
def edit(
    *, layout_id: int, revision: int, html: str, text: str, blocks: dict[str, str], by: str, note: str = ""
) -> Layout:
    """Save over a draft that stood at `revision`. Raises VersionNotOpen, DraftChanged, TemplateInvalid."""
    layout = Layout.objects.select_for_update().get(id=layout_id)
    if layout.state != "draft":
        raise VersionNotOpen(state=layout.state)
    if layout.revision != revision:
        raise DraftChanged(by=layout.edited_by or layout.created_by, revision=layout.revision)
    prove(html=html, text=text, blocks=blocks)
    layout.html, layout.text, layout.blocks, layout.note = html, text, blocks, note
    layout.edited_by, layout.edited_at, layout.revision = by, clock.now(), layout.revision + 1
    layout.save(update_fields=["html", "text", "blocks", "note", "edited_by", "edited_at", "revision"])
    return layout


@transaction.atomic
def move(*, layout_id: int, to: str, by: str) -> Layout:
    """Hand a draft in ("review"), send it back ("draft") or drop it ("dropped"). Raises VersionNotOpen, TemplateInvalid."""
    layout = Layout.objects.select_for_update().get(id=layout_id)
    if (layout.state, to) not in rules.STATE_MOVES or to == "live":
        raise VersionNotOpen(state=layout.state)
    if to == "review":
        prove(html=layout.html, text=layout.text, blocks=layout.blocks)
    layout.state = to
    layout.save(update_fields=["state"])
    return layout


@transaction.atomic
def publish(*, layout_id: int, by: str) -> int:
    """Let a frame in review be the frame, and give every live mail a new version in it; returns how many.

    Mails under way keep theirs. Raises VersionNotPublishable, SecondPersonNeeded, and TemplateInvalid that names the
    mails which do not fit into it: then nothing has changed.
    """
    layout = _locked(layout_id)
    if layout.state != "review":
        raise VersionNotPublishable(state=layout.state)
    if by in layout.writers:
        raise SecondPersonNeeded("You wrote this frame; somebody else reads and publishes it")
    layout.published_by, layout.published_at = by, clock.now()
    return _frame_all(layout)


@transaction.atomic
def restore(*, layout_id: int, by: str) -> int:
    """Bring back a frame that was live before, and with it every live mail. Raises VersionNotPublishable, TemplateInvalid,
    SecondPersonNeeded for who wrote it: the mails it takes along are about money too."""
    layout = _locked(layout_id)
    if layout.state != "retired":
        raise VersionNotPublishable(state=layout.state)
    if by in layout.writers:
        raise SecondPersonNeeded("You wrote this frame; somebody else brings it back")
    layout.restored_by, layout.restored_at = by, clock.now()
    return _frame_all(layout)


def _locked(layout_id: int) -> Layout:
    """The frame, while nobody publishes words or another frame."""
    commands.lock_mails()
    return Layout.objects.select_for_update().get(id=layout_id)


def _frame_all(layout: Layout) -> int:
    Layout.objects.filter(name=layout.name, state="live").update(state="retired")
    layout.state = "live"
    layout.save(update_fields=["state", "published_by", "published_at", "restored_by", "restored_at"])
    live = TemplateVersion.objects.filter(state="live", template__channel="email").select_related("template")
    wrong = []
    for version in live.order_by("template_id"):
        try:
            commands.reframe(version, layout)
        except TemplateInvalid as error:
            told = (error.facts.get("errors") or [{"message": error.detail}])[0]["message"]
            wrong.append({"pointer": "#/html", "message": f"{version.template}: {told}"})
    if wrong:
        raise TemplateInvalid(f"{len(wrong)} mails do not fit: {wrong[0]['message']}", errors=wrong[:50])
    return len(live)
