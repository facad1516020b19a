"""Setting a score, a tier or a factor by hand, agreeing to it, and letting what was calculated count again."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from bh_sdk.errors import Invalid, NotFound, SecondPersonNeeded
from bh_sdk.events import OverrideEnded, OverridePlaced
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from trust_svc.evidence import queries as known
from trust_svc.overrides import queries, rules
from trust_svc.overrides.errors import (
    OverrideChangesNothing,
    OverrideDecided,
    OverrideOver,
    OverrideStands,
    OverrideWaits,
    OwnScore,
)
from trust_svc.overrides.models import Override
from trust_svc.overrides.rules import Reach, Wish
from trust_svc.scoring import commands as scoring
from trust_svc.scoring.answers import answers
from trust_svc.scoring.assessment import Assessment, read, without_hold

# So many overrides end in one pass.
BATCH = 200


@transaction.atomic
def ask_override(
    *,
    entity_kind: str,
    entity_id: UUID,
    wish: Wish,
    reason: str,
    note: str,
    days: int,
    by: UUID,
    replaces: UUID | None = None,
) -> Override:
    """Set a score, a tier or a factor by hand: at once, or when somebody else agrees, where that takes two people.

    `replaces` names the override in force that this one takes the place of. Raises Invalid, NotFound for what we know
    nothing of, OwnScore, OverrideWaits while another waits, OverrideStands when one is in force that is not named,
    OverrideOver when the named one is not, OverrideChangesNothing for a factor that does not count here.
    """
    if wrong := rules.problems(wish, reason=reason, note=note, days=days):
        raise Invalid(wrong[0]["message"], errors=wrong)
    if not known.is_known(entity_kind, entity_id):
        raise NotFound(f"No {entity_kind} of that id is known here")
    owner = known.owner_of(entity_kind, entity_id)
    _not_ones_own(owner, by)
    standing = _standing(entity_kind, entity_id)
    if rules.WAITING in standing:
        raise OverrideWaits(override_id=str(standing[rules.WAITING].id))
    _replaces(standing.get(rules.ACTIVE), replaces)
    found, reach = measure(entity_kind, entity_id, wish)
    row = Override(
        entity_kind=entity_kind,
        entity_id=entity_id,
        owner_id=owner,
        what=wish.what,
        value=wish.value if wish.what != "tier" else None,
        tier=wish.tier if wish.what == "tier" else None,
        factor=wish.factor if wish.what == "factor" else None,
        reason=reason,
        note=note.strip(),
        days=days,
        computed=found.score,
        cap=found.cap,
        change=reach.change,
        over_cap=found.cap if reach.over_cap else None,
        second_person=reach.takes_two,
        requested_by=by,
        requested_at=clock.now(),
        replaces_id=replaces,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if "trust_one_waiting_override" not in str(error):
            raise
        raise OverrideWaits() from None
    return row if row.second_person else _place(row, by=by)


@transaction.atomic
def approve_override(*, override_id: UUID, by: UUID, note: str = "") -> Override:
    """Agree to what somebody else asked for; it counts from now on. Raises NotFound, OverrideDecided, SecondPersonNeeded,
    OwnScore, OverrideStands when another override came into force meanwhile."""
    row = _undecided(override_id)
    _somebody_else(row, by)
    standing = _standing(row.entity_kind, row.entity_id).get(rules.ACTIVE)
    if standing is not None and standing.id != row.replaces_id:
        raise OverrideStands(override_id=str(standing.id))
    row.approved_by, row.decided_at, row.decision_note = by, clock.now(), note.strip()
    return _place(row, by=by)


@transaction.atomic
def reject_override(*, override_id: UUID, by: UUID, note: str) -> Override:
    """Refuse what somebody else asked for. Raises NotFound, OverrideDecided, SecondPersonNeeded, OwnScore."""
    row = _undecided(override_id)
    _somebody_else(row, by)
    row.state, row.rejected_by, row.decided_at, row.decision_note = rules.REJECTED, by, clock.now(), note.strip()
    row.save()
    return row


@transaction.atomic
def withdraw_override(*, override_id: UUID, by: UUID, note: str = "") -> Override:
    """Take back what one asked for oneself. Raises NotFound (also for what others asked for), OverrideDecided."""
    row = _undecided(override_id)
    if row.requested_by != by:
        raise NotFound("There is no such override of yours")
    row.state, row.decided_at, row.decision_note = rules.WITHDRAWN, clock.now(), note.strip()
    row.save()
    return row


@transaction.atomic
def revoke_override(*, override_id: UUID, by: UUID, note: str) -> Override:
    """Let what was calculated count again, before the time is over. Raises NotFound, OverrideOver, OwnScore."""
    row = _locked(override_id)
    if row.state != rules.ACTIVE:
        raise OverrideOver()
    _not_ones_own(row.owner_id, by)
    _end(row, because="revoked", by=by, note=note.strip())
    _recalculate(row)
    return row


@transaction.atomic
def expire_due(limit: int = BATCH) -> int:
    """End up to `limit` overrides whose time is over; returns how many. Their scores are calculated at once."""
    due = Override.objects.filter(state=rules.ACTIVE, expires_at__lte=clock.now()).order_by("expires_at", "id")
    rows = list(due.select_for_update(skip_locked=True)[:limit])
    for row in sorted(rows, key=lambda one: one.id):
        _end(row, because="expired")
    scoring.mark({(row.entity_kind, row.entity_id) for row in rows}, now=True)
    return len(rows)


def measure(entity_kind: str, entity_id: UUID, wish: Wish) -> tuple[Assessment, Reach]:
    """What is calculated now, and how far a wish goes from it. Raises OverrideChangesNothing.

    One person places and lifts a hold, so what it hides counts as well: the way from the score without it, where that is
    farther.
    """
    known_now = read([(entity_kind, entity_id)])
    answer = answers(known_now, as_of=clock.now())[0]
    found = answer.calculated
    weights = {one["name"]: one["weight"] for one in found.factors}
    if wish.what == "factor" and not weights.get(wish.factor):
        raise OverrideChangesNothing()
    free, edges = without_hold(known_now, found, params=answer.params), answer.params.tiers
    return found, rules.farther(rules.reach(found, wish, edges), rules.reach(free, wish, edges))


def _standing(entity_kind: str, entity_id: UUID) -> dict[str, Override]:
    """The overrides that wait and that count, locked, by state: at most one of each."""
    rows = queries.overrides_of(entity_kind, entity_id).filter(state__in=(rules.WAITING, rules.ACTIVE))
    return {row.state: row for row in rows.order_by("id").select_for_update()}


def _replaces(standing: Override | None, named: UUID | None) -> None:
    if standing is not None and standing.id != named:
        raise OverrideStands(override_id=str(standing.id))
    if standing is None and named is not None:
        raise OverrideOver()


def _locked(override_id: UUID) -> Override:
    row = Override.objects.select_for_update().filter(id=override_id).first()
    if row is None:
        raise NotFound("There is no such override")
    return row


def _undecided(override_id: UUID) -> Override:
    row = _locked(override_id)
    if row.state != rules.WAITING:
        raise OverrideDecided()
    return row


def _somebody_else(row: Override, by: UUID) -> None:
    if row.requested_by == by:
        raise SecondPersonNeeded()
    _not_ones_own(row.owner_id, by)


def _not_ones_own(owner: UUID | None, by: UUID) -> None:
    if owner == by:
        raise OwnScore()


def _place(row: Override, *, by: UUID) -> Override:
    replaced = _standing(row.entity_kind, row.entity_id).get(rules.ACTIVE)
    if replaced is not None:
        _end(replaced, because="replaced", by=by)
    now = clock.now()
    row.state, row.placed_at, row.expires_at = rules.ACTIVE, now, rules.ends_at(now, row.days)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        if "trust_one_active_override" not in str(error):
            raise
        # Somebody was faster.
        raise OverrideStands() from None
    told = _about(row) | {"what": row.what, "expires_at": row.expires_at}
    record(OverridePlaced.model_validate(told), subject=row.id, actor=str(by))
    _recalculate(row)
    return row


def _end(row: Override, *, because: str, by: UUID | None = None, note: str = "") -> None:
    row.state, row.ended_at = rules.ENDED, _not_before(row.placed_at)
    row.ended_because, row.ended_by, row.end_note = because, by, note
    row.save()
    actor = "system" if by is None else str(by)
    record(OverrideEnded.model_validate(_about(row) | {"because": because}), subject=row.id, actor=actor)


def _not_before(start: datetime | None) -> datetime:
    return max(clock.now(), start) if start is not None else clock.now()


def _about(row: Override) -> dict[str, object]:
    return {
        "override_id": row.id,
        "entity_kind": row.entity_kind,
        "entity_id": row.entity_id,
        "owner_id": row.owner_id,
    }


def _recalculate(row: Override) -> None:
    """Now, so that whoever decided sees it; and once more after the commit, because a worker that read before it may have
    drawn a later turn."""
    scoring.mark([(row.entity_kind, row.entity_id)], now=True)
    scoring.rescore(kind=row.entity_kind, entity_id=row.entity_id)
