"""Reading broadcasts: where one stands, how far it has come, and how it looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Case, CharField, F, Q, QuerySet, Value, When

from bh_sdk.server.ops import clock
from notify_svc.broadcasts import estimating, rules
from notify_svc.broadcasts.errors import BroadcastNotFound, TypeNotBroadcast
from notify_svc.broadcasts.estimating import Estimate
from notify_svc.broadcasts.models import Broadcast
from notify_svc.delivery.audiences import Audience, language
from notify_svc.delivery.channels import offered as carried
from notify_svc.wording import queries as wording
from notify_svc.wording.errors import TypeUnknown
from notify_svc.wording.queries import Wordings
from notify_svc.wording.rendering import SAMPLE_LINKS, SAMPLE_NAME, Rendered, render
from notify_svc.wording.rules import DEFAULT_LOCALE

if TYPE_CHECKING:
    from notify_svc.wording.models import TemplateVersion

# Where a broadcast stands, for people: its own state, and from its approval on its mailing's.
STAGES = (
    "draft",
    "asked",
    "scheduled",
    "sending",
    "paused",
    "sent",
    "expired",
    "stopping",
    "stopped",
    "dropped",
)
OVER = ("sent", "expired", "stopped", "dropped")


def broadcast(broadcast_id: UUID) -> Broadcast:
    """Raises BroadcastNotFound."""
    found = Broadcast.objects.select_related("mailing").filter(id=broadcast_id).first()
    if found is None:
        raise BroadcastNotFound
    return found


def staged(rows: QuerySet[Broadcast]) -> QuerySet[Any]:
    """The rows with their `stage`."""
    now = clock.now()
    stage = Case(
        When(~Q(status="approved"), then=F("status")),
        When(mailing__status="canceling", then=Value("stopping")),
        When(mailing__status="canceled", then=Value("stopped")),
        When(mailing__status="expired", then=Value("expired")),
        When(mailing__paused_at__isnull=False, then=Value("paused")),
        When(mailing__status="done", then=Value("sent")),
        When(mailing__reached=0, start_at__gt=now, then=Value("scheduled")),
        default=Value("sending"),
        output_field=CharField(),
    )
    return rows.annotate(stage=stage)


def stage(row: Broadcast) -> str:
    """The same for one row."""
    return str(staged(Broadcast.objects.filter(id=row.id)).values_list("stage", flat=True).get())


def audience(row: Broadcast) -> Audience:
    return Audience(row.audience, row.campaign_id, row.list_id, tuple(row.languages))


def wordings(row: Broadcast) -> Wordings:
    """Its words: those that were agreed upon, and before that those that are live. Raises TypeUnknown."""
    return Wordings(row.type, [UUID(one) for one in row.versions])


def channels(row: Broadcast, words: Wordings) -> list[str]:
    """By which ways it goes."""
    there = [one for one in carried() if one in words.channels]
    return [one for one in there if one in row.channels] if row.channels else there


def offered() -> list[tuple[str, str]]:
    """The types that may be broadcast, with the name that staff know."""
    found = []
    for type, title in wording.types():
        words = Wordings(type)
        if rules.offered(type, words.category, words.declared.values()):
            found.append((type, title))
    return sorted(found, key=lambda one: (not one[0].startswith("broadcast."), one[1]))


def wordings_of(type: str) -> Wordings:
    """The live words of a type that may be broadcast. Raises TypeUnknown, TypeNotBroadcast."""
    words = Wordings(type)
    if not rules.offered(type, words.category, words.declared.values()):
        raise TypeNotBroadcast(errors=[{"pointer": "#/type", "message": "is not offered for broadcasts"}])
    return words


def counted(row: Broadcast) -> Estimate:
    """Its audience as it is now."""
    words = wordings(row)
    return estimating.estimate(audience(row), category=words.category, channels=channels(row, words), data=row.data)


def writers(row: Broadcast) -> set[str]:
    """Who had a hand in it, so that somebody else approves."""
    return set(row.steps.filter(kind__in=rules.WRITING).values_list("by", flat=True))


def looks(row: Broadcast, locale: str) -> Sequence[tuple[TemplateVersion, Rendered]]:
    """How it looks in each channel to who reads this language, by the renderer that sends. Raises TypeUnknown,
    TemplateInvalid."""
    words = wordings(row)
    spoken = (words.pick(channel, locale) for channel in channels(row, words))
    return [
        (version, render(version.source, row.data, recipient_name=SAMPLE_NAME, links=SAMPLE_LINKS))
        for version in spoken
        if version is not None
    ]


def mail_version(row: Broadcast, locale: str) -> UUID | None:
    """The words of its mail in one language; None when it has no mail."""
    words = wordings(row)
    version = words.pick("email", locale) if "email" in channels(row, words) else None
    return version.id if version else None


def languages(row: Broadcast) -> list[str]:
    """In which languages its words are there, of those that its audience reads; the house's own comes first."""
    there = {one.template.locale for one in wordings(row).versions}
    wanted = {one for one in there if not row.languages or language(one) in row.languages}
    return sorted(wanted or {DEFAULT_LOCALE}, key=lambda one: (one != DEFAULT_LOCALE, one))


def fits(row: Broadcast) -> bool:
    """Whether its words are all there."""
    try:
        words = wordings(row)
    except TypeUnknown:
        return False
    return not words.misfits(row.data, channels=channels(row, words))


def known(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data without what was left empty."""
    return {name: value for name, value in data.items() if value not in (None, "", [])}
