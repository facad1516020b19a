"""Removing what is too old, and erasing a person. Both go by portions: whoever is stopped goes on where it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection, transaction

from bh_sdk.events import RecipientErased
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.logs import log
from notify_svc.audience import commands as audience
from notify_svc.audience import queries as people
from notify_svc.delivery import forgetting
from notify_svc.devices import commands as devices
from notify_svc.digests import commands as digests
from notify_svc.feed import commands as feed
from notify_svc.preferences import commands as preferences
from notify_svc.retention import rules
from notify_svc.retention.models import Request, Round
from notify_svc.tracking import commands as tracking

_COUNT = """
    INSERT INTO notify_retention_removal AS row (what, day, removed) VALUES (%s, %s, %s)
    ON CONFLICT (what, day) DO UPDATE SET removed = row.removed + EXCLUDED.removed
"""
ERASED = "erased"


def prune() -> int:
    """Go once through everything that has its time; returns how much was removed."""
    return sum(_round(period) for period in rules.PERIODS)


def _round(period: rules.Period) -> int:
    removed, more = 0, True
    for _ in range(rules.PORTIONS):
        with transaction.atomic():
            portion, more = _STEPS[period.what](period, clock.now())
            _count(period.what, portion)
        removed += portion
        if not more:
            break
    Round.objects.update_or_create(what=period.what, defaults={"looked_at": clock.now(), "behind": more})
    if removed:
        log().info("pruned", what=period.what, removed=removed, more=more)
    return removed


def _count(what: str, removed: int) -> None:
    """In the transaction that removed it, so that nothing is counted twice or not at all."""
    if not removed:
        return
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [what, clock.now().astimezone(UTC).date(), removed])


# One portion: how much was removed, and whether there may be more.
Step = Callable[[rules.Period, datetime], tuple[int, bool]]


def _words(period: rules.Period, now: datetime) -> tuple[int, bool]:
    category = period.what.removeprefix(rules.WORDS)
    removed = forgetting.prune_words(category=category, before=period.cutoff(now), limit=rules.PORTION)
    return removed, removed == rules.PORTION


def _digests(period: rules.Period, now: datetime) -> tuple[int, bool]:
    removed = digests.prune(before=period.cutoff(now), limit=rules.PORTION)
    return removed, removed == rules.PORTION


def _events(period: rules.Period, now: datetime) -> tuple[int, bool]:
    removed = tracking.forget_events(before=period.cutoff(now), limit=rules.PORTION)
    return removed, removed == rules.PORTION


def _contacts(period: rules.Period, now: datetime) -> tuple[int, bool]:
    """People are looked through by id, a page at a time, because most of the old ones are still written to."""
    before = period.cutoff(now)
    place = Round.objects.select_for_update().filter(what=period.what).first()
    page = people.page_of_contacts(after=place.after if place else None, limit=rules.PORTION)
    stale = [person for person, told_at in page if told_at < before]
    gone = set(stale) - forgetting.told_since(stale, before)
    removed = audience.drop_contacts(gone, before=before)
    more = len(page) == rules.PORTION
    Round.objects.update_or_create(
        what=period.what, defaults={"looked_at": now, "behind": more, "after": page[-1][0] if more else None}
    )
    return removed, more


_STEPS: dict[str, Step] = {
    **{period.what: _words for period in rules.PERIODS if period.what.startswith(rules.WORDS)},
    "digests": _digests,
    "events": _events,
    "contacts": _contacts,
}


@dataclass(frozen=True, slots=True)
class Erasure:
    """Since when a person is erased, and when the last of what they had been told was stripped."""

    erased_at: datetime
    finished_at: datetime | None


def erase(*, user_id: UUID, by: str, reason: str = "") -> Erasure:
    """Erase everything that is known of a person; again changes nothing.

    How they are reached, what they said and what was gathered for them goes at once, and from then on nothing is sent to
    them nor kept about them. What they had been told is stripped portion by portion: `finished_at` says when all of it
    was. Their suppressed addresses stay so, as hashes.
    """
    with transaction.atomic():
        if _forget(user_id).first:
            Request.objects.create(kind="erase", person_id=user_id, by=by, reason=reason, at=clock.now())
            record(RecipientErased(recipient_id=user_id), subject=user_id)
    _strip(user_id)
    erased = people.erasure(user_id)
    if erased is None:
        raise RuntimeError("the person whose row was written above is not there")
    return Erasure(erased.erased_at, erased.finished_at)


def note_export(*, user_id: UUID, by: str, reason: str = "") -> Request:
    """Write down that somebody takes along everything about a person."""
    return Request.objects.create(kind="export", person_id=user_id, by=by, reason=reason, at=clock.now())


def go_on_erasing() -> int:
    """Strip what is left of people who were erased; returns how many rows there were.

    Also of those who were erased of late: a worker may have been in the middle of writing something.
    """
    done = 0
    for user_id in people.to_look_again(since=clock.now() - rules.LOOK_AGAIN, limit=rules.PORTION):
        with transaction.atomic():
            done += _forget(user_id).rows
        done += _strip(user_id)
    return done


def _forget(user_id: UUID) -> audience.Forgotten:
    """All that is small, in the caller's transaction."""
    forgotten = audience.forget(user_id=user_id)
    tracking.forget(hashes=forgotten.hashes)
    rows = forgotten.rows + preferences.forget(user_id=user_id) + digests.forget(user_id=user_id)
    rows += forgetting.forget_in_mailings(user_id=user_id)
    rows += feed.forget(user_id=user_id) + devices.forget_person(user_id=user_id)
    _count(ERASED, rows)
    return replace(forgotten, rows=rows)


def _strip(user_id: UUID) -> int:
    """What they were told and where others were told of them; returns how many rows were stripped."""
    stripped = 0
    for _ in range(rules.PORTIONS):
        with transaction.atomic():
            portion = forgetting.forget_recipient(user_id=user_id, limit=rules.PORTION)
            portion += forgetting.forget_mentions(user_id=user_id, limit=rules.PORTION)
            _count(ERASED, portion)
        stripped += portion
        if not portion:
            audience.finish_forgetting(user_id=user_id)
            break
    return stripped
