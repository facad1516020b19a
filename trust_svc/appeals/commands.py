"""Filing an appeal, working on it, and deciding it: what it was against changes in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction

from bh_sdk.errors import AppealFinal, AppealOpen, NotFound
from bh_sdk.events import AppealDecided, AppealFiled
from bh_sdk.server.api import limits
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from trust_svc.appeals import decisions, queries, rules
from trust_svc.appeals.errors import AppealDecidedAlready, AppealTaken, DecidedByYou, OutcomeUnfit, OwnAppeal
from trust_svc.appeals.models import Appeal
from trust_svc.cases import commands as casework
from trust_svc.evidence import queries as known

FILING = limits.Limit("appeal-day", 5, 86_400)


def file_appeal(
    *,
    entity_kind: str | None,
    entity_id: UUID | None,
    against: str,
    decision_id: UUID | None,
    statement: str,
    evidence_urls: Sequence[str],
    by: UUID,
) -> Appeal:
    """Have a decision looked at again, by somebody else and within five working days.

    Raises NotFound for what is not the caller's or was not decided, AppealOpen, AppealFinal, RateLimited.
    """
    kind, entity = entity_kind or "user", entity_id or by
    against = rules.MEANT.get(against, against)
    decision = None
    if known.owner_of(kind, entity) == by:
        decision = decisions.find(against, kind, entity, decision_id)
    if decision is None or not decision.stands:
        # The same words for what is another's and for what is not there: they tell nothing.
        raise NotFound("There is no such decision about you or a campaign of yours")
    found = limits.take([limits.Count(FILING, str(by))], once=str(uuid4()))
    if found is not None:
        raise limits.refusal(found)
    now = clock.now()
    row = Appeal(
        entity_kind=kind,
        entity_id=entity,
        filed_by=by,
        against=against,
        target_id=decision.id,
        not_by=sorted(decision.made_by),
        statement=statement,
        evidence_urls=list(evidence_urls),
        filed_at=now,
        due_at=rules.due(now),
    )
    return _file(row)


@transaction.atomic
def _file(row: Appeal) -> Appeal:
    same = (row.entity_kind, row.entity_id, row.against, row.target_id)
    before = queries.last_decided(*same)
    if before and before.decided_at and rules.is_final(row.against, before.decided_at, at=row.filed_at):
        raise AppealFinal(appeal_id=str(before.id))
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if "trust_one_open_appeal" not in str(error):
            raise
        waits = queries.open_appeal(*same)
        raise AppealOpen(appeal_id=str(waits.id) if waits else None) from None
    decisions.keep(row)
    casework.add_signal(kind="appeal", key=str(row.id), entity_kind=row.entity_kind, entity_id=row.entity_id)
    record(AppealFiled.model_validate(_about(row) | {"due_at": row.due_at}), subject=row.id, actor=str(row.filed_by))
    return row


@transaction.atomic
def claim(*, appeal_id: UUID, by: UUID) -> Appeal:
    """Work on it, also when a colleague did before. Raises NotFound, AppealDecidedAlready, OwnAppeal, DecidedByYou."""
    row = _locked(appeal_id)
    _check_somebody_else(row, by)
    row.claimed_by, row.claimed_at = by, clock.now()
    row.save(update_fields=["claimed_by", "claimed_at"])
    return row


@transaction.atomic
def decide(
    *, appeal_id: UUID, outcome: str, answer: str, note: str, by: UUID, instead: decisions.Instead | None = None
) -> Appeal:
    """Uphold the decision, or change it: that happens here, by its own slice's command, or this is refused whole.

    `instead` is the score that an adjusted one is set to. Where that takes a second person, the appeal stays open and with
    whoever decides, until somebody agreed; then it is decided without.
    Raises NotFound, AppealDecidedAlready, AppealTaken, OwnAppeal, DecidedByYou, OutcomeUnfit, and what that command raises.
    """
    row = _locked(appeal_id)
    _check_somebody_else(row, by)
    if row.claimed_by not in (None, by):
        raise AppealTaken(claimed_by=str(row.claimed_by))
    if outcome not in rules.outcomes(row.against):
        raise OutcomeUnfit()
    if not decisions.change(row, outcome, answer=answer, by=by, instead=instead):
        row.claimed_by, row.claimed_at = by, clock.now()
        row.save(update_fields=["claimed_by", "claimed_at"])
        return row
    row.state, row.decided_by, row.decided_at = outcome, by, clock.now()
    row.answer, row.note = answer, note or None
    row.save()
    record(AppealDecided.model_validate(_about(row) | {"outcome": outcome}), subject=row.id, actor=str(by))
    return row


def _locked(appeal_id: UUID) -> Appeal:
    """An open appeal, locked until the transaction ends."""
    row = Appeal.objects.select_for_update().filter(id=appeal_id).first()
    if row is None:
        raise NotFound("There is no such appeal")
    if row.state != "open":
        raise AppealDecidedAlready(outcome=row.state)
    return row


def _check_somebody_else(row: Appeal, by: UUID) -> None:
    if by in (row.filed_by, known.owner_of(row.entity_kind, row.entity_id)):
        raise OwnAppeal()
    decision = decisions.of(row)
    # Who had a hand in it since it was filed counts as well.
    if by in row.not_by or (decision is not None and by in decision.made_by):
        raise DecidedByYou()


def _about(row: Appeal) -> dict[str, object]:
    return {
        "appeal_id": row.id,
        "entity_kind": row.entity_kind,
        "entity_id": row.entity_id,
        "filed_by": row.filed_by,
        "against": row.against,
    }
