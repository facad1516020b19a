"""The decisions that can be appealed against: finding one, who made it, and changing it by its own slice's commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from trust_svc.appeals import queries, rules
from trust_svc.appeals.errors import OutcomeUnfit
from trust_svc.appeals.models import Appeal
from trust_svc.cases import commands as cases
from trust_svc.cases import queries as casework
from trust_svc.evidence import queries as evidence
from trust_svc.holds import commands as holds
from trust_svc.holds import queries as held
from trust_svc.overrides import commands as overrides
from trust_svc.overrides import queries as overridden
from trust_svc.overrides.rules import ACTIVE, LONGEST, Wish
from trust_svc.scoring import queries as scores
from trust_svc.verification import commands as verification
from trust_svc.verification import queries as verified
from trust_svc.verification.rules import REASONS

if TYPE_CHECKING:
    from trust_svc.holds.models import Hold


@dataclass(frozen=True, slots=True)
class Instead:
    """The score that puts it right, and for how many days."""

    points: float
    days: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about somebody: by whom, when, in words for staff, and whether it still stands."""

    id: UUID
    made_by: frozenset[UUID]
    made_at: datetime
    words: str
    stands: bool


def find(against: str, kind: str, entity_id: UUID, decision_id: UUID | None) -> Decision | None:
    """The decision of that id about this campaign or person, or the one that stands; None when its owner knows of none."""
    finder = _FIND.get(against)
    return finder(kind, entity_id, decision_id) if finder else None


def of(appeal: Appeal) -> Decision | None:
    """What an appeal is against, as it is now."""
    found = find(appeal.against, appeal.entity_kind, appeal.entity_id, appeal.target_id)
    if found is not None and appeal.against == "score":
        # Whoever set it by hand since did so to put it right; who decided against it since did not.
        lowered = _lowered_by(appeal.entity_kind, appeal.entity_id)
        return replace(found, made_by=frozenset(appeal.not_by) | lowered)
    return found


def change(appeal: Appeal, outcome: str, *, answer: str, by: UUID, instead: Instead | None = None) -> bool:
    """Do what the outcome says, in the caller's transaction. False when that waits for a second person.

    Raises OutcomeUnfit, and what the slice's command refuses.
    """
    if outcome == "upheld":
        return True
    if outcome not in rules.outcomes(appeal.against):
        raise OutcomeUnfit()
    if outcome == "adjusted" and appeal.against in rules.BY_HAND:
        return _put_right(appeal, answer, by, instead)
    _CHANGE[appeal.against, outcome](appeal, answer, by)
    return True


def granted_with(appeal: Appeal, *, by: UUID) -> list[Appeal]:
    """The open appeals against holds that went with what this appeal changed: nothing is left to decide in them. One that
    `by` may not decide stays for somebody else."""
    if appeal.against != "case" or appeal.state == "upheld":
        return []
    others = queries.open_against("hold", appeal.entity_kind, appeal.entity_id)
    over = [(each, find("hold", each.entity_kind, each.entity_id, each.target_id)) for each in others]
    return [
        each for each, hold in over if hold is not None and not hold.stands and by not in (*each.not_by, each.filed_by)
    ]


def put_right(appeal: Appeal) -> bool:
    """Whether somebody set the score by hand since the appeal was filed."""
    placed = overridden.active(appeal.entity_kind, appeal.entity_id)
    return placed is not None and placed.id != appeal.target_id and _since(placed.placed_at, appeal.filed_at)


def keep(appeal: Appeal) -> None:
    """What has to stay until the appeal is decided."""
    if appeal.against == "verification":
        until: datetime = appeal.due_at + rules.DOCUMENTS
        verification.keep_documents(request_id=appeal.target_id, until=until)


# -- finding -----------------------------------------------------------------------------------------------------------


def _score(kind: str, entity_id: UUID, decision_id: UUID | None) -> Decision | None:
    score = scores.score_of(kind, entity_id)
    if score is None or decision_id not in (None, entity_id):
        return None
    words = f"{score.score:.1f}, {score.tier}" if score.rated else "not rated"
    made_by = _lowered_by(kind, entity_id)
    if score.override_id:
        # While it is set by hand, it is the decision of whoever set it too.
        made_by |= overridden.deciders(score.override_id)
    return Decision(entity_id, made_by, score.calculated_at, words, stands=True)


def _lowered_by(kind: str, entity_id: UUID) -> frozenset[UUID]:
    """Who decided what caps or lowers this score: cases and holds of it, and of what it takes them over from."""
    owner = evidence.owner_of(kind, entity_id)
    names = casework.decided_against({entity_id, *(evidence.own(owner) if owner is not None else ())})
    around = {(kind, entity_id)} | ({("user", owner)} if owner is not None else set())
    stopped = [hold for each in around if (hold := held.active(*each)) is not None]
    return frozenset(_people([*names, *(name for hold in stopped for name in _stopped_by(hold))]))


def _hold(kind: str, entity_id: UUID, decision_id: UUID | None) -> Decision | None:
    known = [hold for hold in held.holds_of(kind, entity_id) if decision_id in (None, hold.id)]
    hold = next((each for each in known if each.lifted_at is None or decision_id is not None), None)
    if hold is None:
        return None
    made_by = frozenset(_people(_stopped_by(hold)))
    return Decision(hold.id, made_by, hold.placed_at, hold.reason, stands=hold.lifted_at is None)


def _stopped_by(hold: Hold) -> list[str]:
    names = [hold.placed_by]
    if hold.report_id is not None and (case := casework.last_closed(hold.entity_kind, hold.entity_id)) is not None:
        # The system placed it, because somebody upheld a report.
        names.append(case.decided_by or "")
    return names


def _case(kind: str, entity_id: UUID, decision_id: UUID | None) -> Decision | None:
    """Only one that was confirmed costs its owner anything. Reports are judged in it, and never named outside."""
    known = [case for case in casework.cases_about(kind, entity_id) if decision_id in (None, case.id)]
    case = next((each for each in known if each.outcome == "confirmed" or decision_id is not None), None)
    if case is None or case.closed_at is None:
        return None
    made_by = frozenset(_people([case.decided_by or ""]))
    words = f"{case.outcome}: {case.summary}"
    return Decision(case.id, made_by, case.closed_at, words, stands=case.outcome == "confirmed")


def _override(kind: str, entity_id: UUID, decision_id: UUID | None) -> Decision | None:
    row = overridden.overrides_of(kind, entity_id).filter(id=decision_id).first() if decision_id else None
    row = row or (None if decision_id else overridden.active(kind, entity_id))
    # What waits for a second person, or was never agreed to, was told to nobody.
    if row is None or row.placed_at is None:
        return None
    words = f"{row.what} set to {row.tier or row.value}" + (f" ({row.factor})" if row.factor else "")
    made_by = frozenset(overridden.deciders(row.id))
    return Decision(row.id, made_by, row.placed_at, f"{words}: {row.note}", stands=row.state == "active")


def _verification(kind: str, entity_id: UUID, decision_id: UUID | None) -> Decision | None:
    row = verified.request(decision_id) if decision_id else None
    if row is None or (row.entity_kind, row.entity_id) != (kind, entity_id):
        return None
    if row.decided_at is None or row.decided_by is None:
        return None
    if row.revoked_at is not None and row.revoked_by is not None:
        made_by = frozenset({row.revoked_by})
        return Decision(row.id, made_by, row.revoked_at, f"{row.item} taken back", stands=row.state == "revoked")
    if row.refused_by is None:
        return None
    words = f"{row.item} refused: {REASONS.get(row.reason or '', '')}"
    return Decision(row.id, frozenset({row.refused_by}), row.decided_at, words, stands=row.state == "refused")


def _people(names: Iterable[str]) -> Iterable[UUID]:
    """Those of these who are people; the system places holds too."""
    for name in names:
        try:
            yield UUID(name)
        except ValueError:
            continue


_FIND: dict[str, Callable[[str, UUID, UUID | None], Decision | None]] = {
    "score": _score,
    "case": _case,
    "hold": _hold,
    "override": _override,
    "verification": _verification,
}


# -- changing ----------------------------------------------------------------------------------------------------------


def _lift(appeal: Appeal, answer: str, by: UUID) -> None:
    if _now(appeal).stands:
        holds.lift_hold(hold_id=appeal.target_id, reason=f"An appeal was granted: {answer}"[:500], by=str(by))


def _acquit(appeal: Appeal, answer: str, by: UUID) -> None:
    if _now(appeal).stands:
        cases.reverse_decision(case_id=appeal.target_id, by=by, note=answer)


def _soften(appeal: Appeal, answer: str, by: UUID) -> None:
    if _now(appeal).stands:
        cases.reverse_decision(case_id=appeal.target_id, by=by, note=answer, outcome="valuable")


def _end_override(appeal: Appeal, answer: str, by: UUID) -> None:
    if _now(appeal).stands:
        overrides.revoke_override(override_id=appeal.target_id, by=by, note=f"An appeal was granted: {answer}"[:500])


def _put_right(appeal: Appeal, answer: str, by: UUID, instead: Instead | None) -> bool:
    if put_right(appeal):
        return True
    if instead is None:
        raise OutcomeUnfit("Say which score puts it right")
    placed = overridden.active(appeal.entity_kind, appeal.entity_id)
    row = overrides.ask_override(
        entity_kind=appeal.entity_kind,
        entity_id=appeal.entity_id,
        wish=Wish("score", value=instead.points),
        reason="appeal",
        note=f"An appeal was granted: {answer}"[:LONGEST],
        days=instead.days,
        by=by,
        replaces=placed.id if placed is not None else None,
    )
    return row.state == ACTIVE


def _grant(appeal: Appeal, answer: str, by: UUID) -> None:
    if _now(appeal).stands:
        verification.grant_on_appeal(request_id=appeal.target_id, message=answer, by=by)


def _look_again(appeal: Appeal, answer: str, by: UUID) -> None:
    verification.look_again(request_id=appeal.target_id, by=by)


def _since(placed_at: datetime | None, filed_at: datetime) -> bool:
    return placed_at is not None and placed_at > filed_at - timedelta(seconds=1)


def _now(appeal: Appeal) -> Decision:
    found = of(appeal)
    if found is None:
        raise OutcomeUnfit("What this was against is not there any more")
    return found


_CHANGE: dict[tuple[str, str], Callable[[Appeal, str, UUID], None]] = {
    ("case", "reversed"): _acquit,
    ("case", "adjusted"): _soften,
    ("hold", "reversed"): _lift,
    ("override", "reversed"): _end_override,
    ("verification", "reversed"): _grant,
    ("verification", "adjusted"): _look_again,
}
