"""Reading what people want: for one to show it, for thousands to obey it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from notify_svc.audience import queries as audience
from notify_svc.preferences import rules
from notify_svc.preferences.hours import Quiet
from notify_svc.preferences.models import Change, Choice, Follow, Person
from notify_svc.preferences.rules import Verdict, Wishes

_NOTHING = Wishes()


@dataclass(frozen=True, slots=True)
class Ask:
    """One message in one channel. `campaign_id` when it is news of a campaign; `digest` when it is a digest itself."""

    user_id: UUID
    category: str
    channel: str
    urgent: bool = False
    digest: bool = False
    campaign_id: UUID | None = None


def verdicts(asks: Sequence[Ask], now: datetime) -> list[Verdict]:
    """What becomes of each, in the same order. One query for the wishes of all; two more only for people who have some."""
    said = wishes({ask.user_id for ask in asks}, campaigns={ask.campaign_id for ask in asks if ask.campaign_id})
    return [
        rules.decide(
            said.get(ask.user_id, _NOTHING),
            category=ask.category,
            channel=ask.channel,
            now=now,
            urgent=ask.urgent,
            digest=ask.digest,
            campaign_id=ask.campaign_id,
        )
        for ask in asks
    ]


def is_no(verdict: Verdict) -> bool:
    """Whether a verdict is that a message must not go."""
    return isinstance(verdict, rules.Never)


def wishes(ids: Collection[UUID], *, campaigns: Collection[UUID] = ()) -> dict[UUID, Wishes]:
    """What these people have said; who said nothing is not among them. `campaigns`: whether they left one of these."""
    found: dict[UUID, dict[str, Any]] = {}
    rows = Person.objects.filter(user_id__in=ids).values_list(
        "user_id",
        "quiet_start",
        "quiet_end",
        "quiet_email",
        "timezone",
        "consent",
        "choices__category",
        "choices__channel",
        "choices__frequency",
    )
    for user_id, start, end, quiet_email, timezone, consent, category, channel, frequency in rows:
        one = found.setdefault(
            user_id,
            {
                "quiet": Quiet(start, end) if start is not None and end is not None else None,
                "quiet_email": quiet_email,
                "zone": timezone,
                "consent": consent,
                "choices": {},
            },
        )
        if category is not None:
            one["choices"][category, channel] = frequency
    zones = audience.zones([user_id for user_id, one in found.items() if not one["zone"]])
    said = {
        user_id: Wishes(**one | {"zone": one["zone"] or zones.get(user_id, "UTC")}) for user_id, one in found.items()
    }
    for user_id, left in _left(ids, campaigns).items():
        said[user_id] = replace(said.get(user_id, _NOTHING), left=left)
    return said


def _left(ids: Collection[UUID], campaigns: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
    if not campaigns:
        return {}
    found: dict[UUID, set[UUID]] = {}
    rows = Follow.objects.filter(user_id__in=ids, campaign_id__in=campaigns, following=False)
    for user_id, campaign_id in rows.values_list("user_id", "campaign_id"):
        found.setdefault(user_id, set()).add(campaign_id)
    return {user_id: frozenset(left) for user_id, left in found.items()}


def of(user_id: UUID) -> tuple[Wishes, Person | None]:
    """One person's wishes and the row they come from; without one, the defaults in the zone we were told."""
    person = Person.objects.filter(user_id=user_id).first()
    said = wishes([user_id]).get(user_id) or Wishes(zone=audience.zones([user_id]).get(user_id, "UTC"))
    return said, person


def followers(campaign_id: UUID) -> list[UUID]:
    """Who hears of a campaign: those who gave with an account and those who asked for it, without those who left."""
    said = dict(Follow.objects.filter(campaign_id=campaign_id).values_list("user_id", "following"))
    gave = {person for person in audience.supporters(campaign_id) if said.get(person, True)}
    return sorted(gave | {person for person, following in said.items() if following})


def count_followers(campaign_id: UUID) -> int:
    """How many `followers` would name, give or take those who both gave and asked."""
    said = Follow.objects.filter(campaign_id=campaign_id)
    asked, left = said.filter(following=True).count(), said.filter(following=False).count()
    return max(audience.count_supporters(campaign_id) - left, 0) + asked


def page_of_followers(campaign_id: UUID, *, after: UUID | None, limit: int) -> tuple[list[UUID], UUID | None]:
    """The next followers by id, of at most `limit` candidates behind `after`; and where the next page begins, if any."""
    rows = Follow.objects.filter(campaign_id=campaign_id)
    if after is not None:
        rows = rows.filter(user_id__gt=after)
    asked = list(rows.filter(following=True).order_by("user_id").values_list("user_id", flat=True)[:limit])
    gave = audience.page_of_supporters(campaign_id, after=after, limit=limit)
    candidates = sorted({*asked, *gave})[:limit]
    left = set(rows.filter(following=False, user_id__in=candidates).values_list("user_id", flat=True))
    return [one for one in candidates if one not in left], candidates[-1] if len(candidates) == limit else None


def count_consenting() -> int:
    """How many people said yes to being written to."""
    return Person.objects.filter(consent=True).count()


def page_of_consenting(*, after: UUID | None, limit: int) -> list[UUID]:
    """The next of them by id, those behind `after`."""
    rows = Person.objects.filter(consent=True)
    if after is not None:
        rows = rows.filter(user_id__gt=after)
    return list(rows.order_by("user_id").values_list("user_id", flat=True)[:limit])


@dataclass(frozen=True, slots=True)
class Following:
    """Where a person stands with a campaign, and why: `choice` or `gift`."""

    campaign_id: UUID
    title: str
    following: bool
    because: str


def follows(user_id: UUID, *, campaign_id: UUID | None = None) -> list[Following]:
    """The campaigns that a person follows or has left, by title; with `campaign_id` that one alone."""
    said = dict(Follow.objects.filter(user_id=user_id).values_list("campaign_id", "following"))
    gave = set(audience.supported(user_id))
    wanted = {campaign_id} if campaign_id else said.keys() | gave
    titles = audience.titles(wanted)
    found = [
        Following(one, titles[one], said.get(one, one in gave), "choice" if one in said else "gift")
        for one in wanted & (said.keys() | gave)
        if one in titles
    ]
    return sorted(found, key=lambda one: (one.title, one.campaign_id))


def shown_hours(person: Person) -> str:
    """Quiet hours in words."""
    if person.quiet_start is None or person.quiet_end is None:
        return "none"
    with_mail = " and mails wait too" if person.quiet_email else ""
    return f"{person.quiet_start:%H:%M} to {person.quiet_end:%H:%M}{with_mail}"


def history(user_id: UUID, *, limit: int = 200) -> list[Change]:
    """What a person changed, newest first."""
    return list(Change.objects.filter(user_id=user_id).order_by("-id")[:limit])


def changed_since(moment: datetime) -> set[UUID]:
    """Whose wishes have changed since then."""
    return set(Change.objects.filter(at__gte=moment).values_list("user_id", flat=True))


def about(user_id: UUID) -> dict[str, Any]:
    """All that one person said, with its history: for that person."""
    person = Person.objects.filter(user_id=user_id).first()
    consent = None
    if person is not None and person.consent is not None:
        consent = {"granted": person.consent, "version": person.consent_version, "at": person.consent_at}
    choices = Choice.objects.filter(person=user_id).order_by("category", "channel")
    follows = Follow.objects.filter(user_id=user_id).order_by("campaign_id")
    history = Change.objects.filter(user_id=user_id).order_by("id")
    return {
        "choices": list(choices.values("category", "channel", "frequency", "updated_at")),
        "quiet_hours": shown_hours(person) if person else "none",
        "timezone": person.timezone if person else "",
        "consent": consent,
        "follows": list(follows.values("campaign_id", "following", "updated_at")),
        "history": list(history.values("at", "source", "by", "reason", "what", "before", "after")),
        "updated_at": person.updated_at if person else None,
    }
