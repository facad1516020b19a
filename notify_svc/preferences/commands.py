"""What people say about being told things. Every change leaves a row of history, and no change leaves none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from bh_sdk.errors import CategoryRequired, Invalid
from bh_sdk.events import RecipientUnsubscribed
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock, doorbell
from notify_svc.audience import queries as audience
from notify_svc.audience import rules as people
from notify_svc.preferences import rules
from notify_svc.preferences.errors import CampaignUnknown
from notify_svc.preferences.hours import Quiet
from notify_svc.preferences.models import Change, Choice, Follow, Person
from notify_svc.preferences.queries import shown_hours
from notify_svc.preferences.rules import Frequency

REVIEW = "notify.digests.review"


@dataclass(frozen=True, slots=True)
class Hours:
    """Quiet hours as they are asked for; `quiet` None takes them away."""

    quiet: Quiet | None
    email: bool = False


@dataclass(frozen=True, slots=True)
class Consent:
    """A yes or no to being written to, and the version of the words that were shown."""

    granted: bool
    version: str


@dataclass(frozen=True, slots=True)
class Said:
    """By which way a wish came. Staff name themselves and say why."""

    source: str
    by: str = ""
    reason: str = ""


@transaction.atomic
def change(
    *,
    user_id: UUID,
    said: Said,
    choices: Mapping[tuple[str, str], Frequency] | None = None,
    hours: Hours | None = None,
    timezone: str | None = None,
    consent: Consent | None = None,
) -> Person:
    """Change what is given and leave the rest. An empty `timezone` means the one the platform told us.

    Raises CategoryRequired for what nobody can switch off, Invalid for what cannot be chosen. Then nothing is written.
    Nor is anything for somebody who was erased: a link in an old mail does not bring them back.
    """
    _check(choices or {}, timezone)
    if audience.erased([user_id]):
        return Person(user_id=user_id, updated_at=clock.now())
    person = _locked(user_id)
    history = [
        *_choose(person, choices or {}),
        *_quiet(person, hours),
        *_timezone(person, timezone),
        *_consent(person, consent),
    ]
    _keep(person, history, said)
    return person


def unsubscribe(*, user_id: UUID, category: str) -> bool:
    """One click in a mail program: no more mails of this category. Answers whether anything changed: a repeat does not.

    Raises CategoryRequired.
    """
    before = Choice.objects.filter(person=user_id, category=category, channel="email", frequency="never").exists()
    change(user_id=user_id, said=Said("one_click"), choices={(category, "email"): "never"})
    return not before


@transaction.atomic
def follow(*, user_id: UUID, campaign_id: UUID, following: bool, said: Said) -> Follow:
    """Follow a campaign, or leave it: a gift does not make somebody follow again who left. Repeating changes nothing.

    Raises CampaignUnknown, also for somebody who was erased.
    """
    if not audience.known_campaigns({campaign_id}) or audience.erased([user_id]):
        raise CampaignUnknown
    row, new = Follow.objects.select_for_update().get_or_create(
        user_id=user_id, campaign_id=campaign_id, defaults={"following": following, "updated_at": clock.now()}
    )
    if not new and row.following == following:
        return row
    before = "" if new else _followed(row.following)
    row.following, row.updated_at = following, clock.now()
    row.save(update_fields=["following", "updated_at"])
    _write(user_id, [(f"campaign {campaign_id}", before, _followed(following))], said)
    return row


def _followed(following: bool) -> str:
    return "followed" if following else "left"


@transaction.atomic
def forget(*, user_id: UUID) -> int:
    """Erase everything a person said; returns how many rows went."""
    gone = sum(
        rows.delete()[0]
        for rows in (
            Choice.objects.filter(person=user_id),
            Person.objects.filter(user_id=user_id),
            Follow.objects.filter(user_id=user_id),
            Change.objects.filter(user_id=user_id),
        )
    )
    return int(gone)


_Moved = tuple[str, str, str]


def _check(choices: Mapping[tuple[str, str], Frequency], timezone: str | None) -> None:
    for number, ((category, channel), frequency) in enumerate(choices.items()):
        if category in rules.REQUIRED:
            raise CategoryRequired(category=category)
        if frequency not in rules.frequencies(category, channel):
            offered = ", ".join(rules.frequencies(category, channel))
            pointer = f"#/choices/{number}/frequency"
            raise Invalid(errors=[{"pointer": pointer, "message": f"by {channel} can be one of: {offered}"}])
    if timezone and not people.zone_known(timezone):
        raise Invalid(errors=[{"pointer": "#/timezone", "message": "is not an IANA time zone"}])


def _locked(user_id: UUID) -> Person:
    """The person's row, made if need be, locked until the transaction ends."""
    return Person.objects.select_for_update().get_or_create(user_id=user_id, defaults={"updated_at": clock.now()})[0]


def _choose(person: Person, choices: Mapping[tuple[str, str], Frequency]) -> list[_Moved]:
    there = {(row.category, row.channel): row for row in person.choices.all()}
    now = clock.now()
    moved: list[_Moved] = []
    for (category, channel), frequency in choices.items():
        row = there.get((category, channel))
        before = row.frequency if row else rules.DEFAULT
        if before == frequency:
            continue
        Choice.objects.update_or_create(
            person=person,
            category=category,
            channel=channel,
            defaults={"frequency": frequency, "updated_at": now},
        )
        moved.append((f"{category} by {channel}", before, frequency))
        if frequency == "never":
            left = RecipientUnsubscribed.model_validate(
                {"recipient_id": person.user_id, "category": category, "channel": channel}
            )
            record(left, subject=person.user_id)
    return moved


def _quiet(person: Person, hours: Hours | None) -> list[_Moved]:
    if hours is None:
        return []
    before, quiet = shown_hours(person), hours.quiet
    if quiet is not None and quiet.start == quiet.end:
        # The platform has always taken equal ends for no hours.
        quiet = None
    person.quiet_start, person.quiet_end = (quiet.start, quiet.end) if quiet else (None, None)
    person.quiet_email = hours.email and quiet is not None
    after = shown_hours(person)
    return [("quiet hours", before, after)] if before != after else []


def _timezone(person: Person, timezone: str | None) -> list[_Moved]:
    if timezone is None or person.timezone == timezone:
        return []
    before, person.timezone = person.timezone, timezone
    return [("time zone", before, timezone)]


def _consent(person: Person, consent: Consent | None) -> list[_Moved]:
    if consent is None or (person.consent, person.consent_version) == (consent.granted, consent.version):
        return []
    before = shown_consent(person)
    person.consent, person.consent_version, person.consent_at = consent.granted, consent.version, clock.now()
    return [("consent", before, shown_consent(person))]


def shown_consent(person: Person) -> str:
    """Consent in words."""
    if person.consent is None:
        return ""
    return f"{'given' if person.consent else 'withdrawn'}, version {person.consent_version}"


def _keep(person: Person, history: list[_Moved], said: Said) -> None:
    if not history:
        return
    person.updated_at = clock.now()
    person.save()
    _write(person.user_id, history, said)
    # What is being gathered for them may be due sooner now, or not at all.
    doorbell.ring(REVIEW, user_id=str(person.user_id))


def _write(user_id: UUID, history: list[_Moved], said: Said) -> None:
    now = clock.now()
    rows: list[Any] = [
        Change(
            user_id=user_id,
            at=now,
            source=said.source,
            by=said.by,
            reason=said.reason,
            what=what,
            before=before,
            after=after,
        )
        for what, before, after in history
    ]
    Change.objects.bulk_create(rows)
