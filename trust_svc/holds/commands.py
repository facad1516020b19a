"""Stopping a campaign or a person, and letting go. Payments hears of both and makes no payouts meanwhile; both are evidence,
so that a score is capped as long as the hold stands."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction

from bh_sdk.errors import NotFound
from bh_sdk.events import HoldLifted, HoldPlaced
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from trust_svc.evidence import commands as evidence
from trust_svc.evidence import queries as known
from trust_svc.evidence.rules import NewFact
from trust_svc.holds import queries
from trust_svc.holds.errors import HoldAlreadyPlaced, HoldOver, OwnHold
from trust_svc.holds.models import Hold

UPHELD = "A report of fraud was upheld"


@transaction.atomic
def place_hold(*, entity_kind: str, entity_id: UUID, reason: str, by: str) -> Hold:
    """Stop a campaign or a person. Raises NotFound for one that we know nothing of, OwnHold, HoldAlreadyPlaced."""
    if not known.is_known(entity_kind, entity_id):
        raise NotFound(f"No {entity_kind} of that id is known here")
    _not_ones_own(entity_kind, entity_id, by)
    return _place(Hold(entity_kind=entity_kind, entity_id=entity_id, reason=reason, placed_by=by))


def place_for_report(*, entity_kind: str, entity_id: UUID, report_id: UUID) -> Hold | None:
    """Stop whom an upheld report of fraud is about, in the caller's transaction. Once per report, so that a hold that was
    lifted stays lifted; None when there is one already."""
    if Hold.objects.filter(report_id=report_id).exists() or queries.active(entity_kind, entity_id):
        return None
    hold = Hold(entity_kind=entity_kind, entity_id=entity_id, reason=UPHELD, report_id=report_id, placed_by="system")
    try:
        return _place(hold)
    except HoldAlreadyPlaced:
        # Somebody was faster; what matters is that it stands.
        return None


def _place(hold: Hold) -> Hold:
    hold.placed_at = clock.now()
    try:
        with transaction.atomic():
            hold.save(force_insert=True)
    except IntegrityError as error:
        if "trust_one_active_hold" not in str(error):
            raise
        raise HoldAlreadyPlaced() from None
    _is_evidence(hold, "hold.placed", hold.placed_at)
    told = {"hold_id": hold.id, "entity_kind": hold.entity_kind, "entity_id": hold.entity_id}
    record(HoldPlaced.model_validate(told), subject=hold.id, actor=hold.placed_by)
    return hold


@transaction.atomic
def lift_hold(*, hold_id: UUID, reason: str, by: str) -> Hold:
    """Let go. Raises NotFound, OwnHold, HoldOver."""
    hold = Hold.objects.select_for_update().filter(id=hold_id).first()
    if hold is None:
        raise NotFound("There is no such hold")
    _not_ones_own(hold.entity_kind, hold.entity_id, by)
    if hold.lifted_at is not None:
        raise HoldOver()
    # After it was placed, whatever the clock did: of the two facts the later one counts.
    lifted_at = max(clock.now(), hold.placed_at + timedelta(microseconds=1))
    hold.lifted_at, hold.lifted_by, hold.lifted_because = lifted_at, by, reason
    hold.save()
    _is_evidence(hold, "hold.lifted", lifted_at)
    told = {"hold_id": hold.id, "entity_kind": hold.entity_kind, "entity_id": hold.entity_id}
    record(HoldLifted.model_validate(told), subject=hold.id, actor=by)
    return hold


def _not_ones_own(entity_kind: str, entity_id: UUID, by: str) -> None:
    if queries.is_ones_own(entity_kind, entity_id, by):
        raise OwnHold()


def _is_evidence(hold: Hold, type: str, time: datetime) -> None:
    """Each is told once, so the hold and the type name the fact."""
    said = {"hold_id": str(hold.id)}
    fact = NewFact(uuid5(hold.id, type), type, time, hold.entity_kind, hold.entity_id, said)
    evidence.take_in(facts=[fact], source="trust")
