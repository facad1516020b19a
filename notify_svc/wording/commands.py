"""Changing words: draft, edit, hand in for review, send back, publish (which retires the one before), bring back, drop.

Every command locks the template first. What two people are needed for is refused here and by the database.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction

from bh_sdk.errors import SecondPersonNeeded
from bh_sdk.server.ops import clock
from notify_svc.wording import mjml, rules
from notify_svc.wording.errors import (
    BreakingChange,
    DraftChanged,
    DraftOpen,
    FrameChanged,
    TemplateInvalid,
    VersionNotOpen,
    VersionNotPublishable,
)
from notify_svc.wording.models import Edition, Layout, Template, TemplateVersion
from notify_svc.wording.rendering import Rendered, check

Moved = TypeVar("Moved", bound=Edition)
WORDS = ("subject", "preheader", "mjml", "html", "text", "action")
_LIFE = ("state", "published_by", "published_at", "restored_by", "restored_at")


def prove(*, template_id: UUID, words: Mapping[str, str], variables: Sequence[dict[str, Any]]) -> Rendered:
    """How a version with these words would look with its samples; writes nothing. Raises TemplateInvalid."""
    return check(unwritten(Template.objects.get(id=template_id), words, variables).source)


def unwritten(template: Template, words: Mapping[str, str], variables: Sequence[dict[str, Any]]) -> TemplateVersion:
    """A version that is not written yet, on the layout that is live. Raises TemplateInvalid for what cannot be read."""
    version = TemplateVersion(template=template, two_people=template.category in rules.TWO_PEOPLE)
    return _worded(version, words, variables)


def _worded(version: TemplateVersion, words: Mapping[str, str], variables: Sequence[dict[str, Any]]) -> TemplateVersion:
    try:
        declared = rules.declared(variables)
    except (TypeError, ValueError) as error:
        raise TemplateInvalid(errors=[{"pointer": "#/variables", "message": str(error)}]) from error
    for field in WORDS:
        setattr(version, field, words.get(field, ""))
    version.variables = [one.as_json() for one in declared]
    version.layout = None
    if version.template.channel == "email":
        if version.mjml:
            version.html = mjml.compiled(version.mjml)
        version.layout = _frame()
    return version


def _frame() -> Layout | None:
    return Layout.objects.filter(state="live").order_by("-number").first()


@transaction.atomic
def draft(
    *, template_id: UUID, words: Mapping[str, str], variables: Sequence[dict[str, Any]], by: str, note: str = ""
) -> TemplateVersion:
    """Write the next version of a template, proven to parse and to render its samples; nobody gets it yet.

    Raises TemplateInvalid with a pointer per field, DraftOpen.
    """
    template = Template.objects.select_for_update().get(id=template_id)
    open_one = template.versions.filter(state__in=rules.OPEN).first()
    if open_one is not None:
        raise DraftOpen(version_id=str(open_one.id))
    last = template.versions.order_by("-number").first()
    version = unwritten(template, words, variables)
    version.number = (last.number if last else 0) + 1
    version.note, version.created_by, version.created_at = note, by, clock.now()
    check(version.source)
    version.save(force_insert=True)
    return version


def begin(*, template_id: UUID, by: str, note: str = "") -> TemplateVersion:
    """A draft that says what is live, or what was written last where nothing is. Raises DraftOpen, TemplateInvalid."""
    written = TemplateVersion.objects.filter(template_id=template_id)
    start = written.filter(state="live").first() or written.order_by("-number").first()
    if start is None:
        raise TemplateInvalid(f"{template_id} has no words to start from")
    words = {field: getattr(start, field) for field in WORDS}
    return draft(template_id=template_id, words=words, variables=start.variables, by=by, note=note)


@transaction.atomic
def edit(
    *,
    version_id: UUID,
    revision: int,
    words: Mapping[str, str],
    variables: Sequence[dict[str, Any]],
    by: str,
    note: str = "",
) -> TemplateVersion:
    """Save over the draft that stood at `revision`. Raises VersionNotOpen, DraftChanged, TemplateInvalid."""
    version = _locked(version_id)
    if version.state != "draft":
        raise VersionNotOpen(state=version.state)
    if version.revision != revision:
        raise DraftChanged(by=version.edited_by or version.created_by, revision=version.revision)
    _worded(version, words, variables)
    check(version.source)
    version.note, version.edited_by, version.edited_at = note, by, clock.now()
    version.revision += 1
    version.save(update_fields=[*WORDS, "variables", "layout", "note", "edited_by", "edited_at", "revision"])
    return version


@transaction.atomic
def hand_in(*, version_id: UUID, by: str) -> TemplateVersion:
    """The draft is done: its words stand until it is published or sent back. Raises VersionNotOpen, TemplateInvalid."""
    version = _locked(version_id)
    if version.state != "draft":
        raise VersionNotOpen(state=version.state)
    if version.layout:
        # It may have been sent back from a time before another frame.
        version.layout = _frame()
        version.save(update_fields=["layout"])
    check(version.source)
    return _move(version, "review")


@transaction.atomic
def send_back(*, version_id: UUID, by: str) -> TemplateVersion:
    """What is in review becomes a draft again. Raises VersionNotOpen."""
    return _move(_locked(version_id), "draft")


@transaction.atomic
def drop(*, version_id: UUID, by: str) -> TemplateVersion:
    """These words will never speak. Raises VersionNotOpen."""
    return _move(_locked(version_id), "dropped")


@transaction.atomic
def publish(*, version_id: UUID, by: str, accepting: Collection[str] = ()) -> TemplateVersion:
    """Let what is in review speak. The one that spoke until now is retired; mails under way keep the words they have.

    `accepting` names the variables whose callers have been seen to. Raises VersionNotPublishable, SecondPersonNeeded,
    BreakingChange, TemplateInvalid, FrameChanged.
    """
    version = _locked(version_id)
    if version.state != "review":
        raise VersionNotPublishable(state=version.state)
    if version.two_people and by in version.writers:
        raise SecondPersonNeeded("You wrote these words; somebody else reads and publishes them")
    if version.layout and version.layout.state != "live":
        raise FrameChanged
    version.published_by, version.published_at = by, clock.now()
    return _speak(version, accepting)


@transaction.atomic
def restore(*, version_id: UUID, by: str, accepting: Collection[str] = ()) -> TemplateVersion:
    """Bring back a version that spoke before: two people, if it took two, agreed to it then.

    Raises VersionNotPublishable, BreakingChange, TemplateInvalid.
    """
    version = _locked(version_id)
    if version.state != "retired" or version.published_at is None:
        raise VersionNotPublishable(state=version.state)
    version.restored_by, version.restored_at = by, clock.now()
    return _speak(version, accepting)


def _speak(version: TemplateVersion, accepting: Collection[str]) -> TemplateVersion:
    check(version.source)
    found = what_breaks(version)
    if not found.names <= frozenset(accepting):
        raise BreakingChange(required=list(found.required), removed=list(found.removed), changed=list(found.changed))
    version.template.versions.filter(state="live").update(state="retired")
    version.state = "live"
    version.save(update_fields=_LIFE)
    return version


def lock_mails() -> None:
    """Keep everybody else from changing which words of mails are live, until this transaction ends."""
    list(Template.objects.select_for_update().filter(channel="email").order_by("id").values_list("id"))


def reframe(version: TemplateVersion, layout: Layout) -> TemplateVersion:
    """The live words of a mail again, in another frame: a version of its own, by who wrote the frame and who let it be.

    The mails are locked by then. Raises TemplateInvalid when the words do not fit into the frame.
    """
    template = version.template
    newest = template.versions.order_by("-number").values_list("number", flat=True)[0]
    again = TemplateVersion(
        template=template,
        layout=layout,
        number=newest + 1,
        state="live",
        two_people=template.category in rules.TWO_PEOPLE,
        note=f"In frame {layout}",
        variables=version.variables,
        created_by=layout.created_by,
        created_at=clock.now(),
        edited_by=layout.edited_by,
        edited_at=layout.edited_at,
        published_by=layout.restored_by or layout.published_by,
        published_at=clock.now(),
        **{field: getattr(version, field) for field in WORDS},
    )
    check(again.source)
    template.versions.filter(state="live").update(state="retired")
    again.save(force_insert=True)
    template.versions.filter(state="draft").update(layout=layout)
    return again


def what_breaks(version: TemplateVersion) -> rules.Breaking:
    """What callers of its type would have to change, were this version the live one. All its templates count."""
    live = list(
        TemplateVersion.objects.filter(template__type=version.template.type, state="live").only("variables", "template")
    )
    after = [one.declared for one in live if one.template_id != version.template_id] + [version.declared]
    return rules.breaking(rules.merged(one.declared for one in live), rules.merged(after))


def _locked(version_id: UUID) -> TemplateVersion:
    """A version whose type is locked: what its callers may send hangs on all templates of the type."""
    kind = Template.objects.values("type").get(versions=version_id)["type"]
    list(Template.objects.select_for_update().filter(type=kind).order_by("id").values_list("id"))
    return TemplateVersion.objects.select_related("template", "layout").get(id=version_id)


def _move(row: Moved, state: str) -> Moved:
    if (row.state, state) not in rules.STATE_MOVES:
        raise VersionNotOpen(state=row.state)
    row.state = state
    row.save(update_fields=["state"])
    return row
