"""Calculating scores again, and keeping what came out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence, Set
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection, transaction

from bh_sdk.events import ScoreChanged
from bh_sdk.server.events import record_all
from bh_sdk.server.ops import clock
from trust_svc.cases import attention
from trust_svc.scoring import dues, keeping, queries
from trust_svc.scoring.answers import counted
from trust_svc.scoring.assessment import Entity
from trust_svc.scoring.engine import category_rates
from trust_svc.scoring.keeping import Kept
from trust_svc.scoring.models import CategoryRate, Epoch, Job, JobItem, Score
from trust_svc.scoring.rules import DEBOUNCE, is_noted, is_told
from trust_svc.versions import beside

_JOB_ITEMS_DONE = """
UPDATE trust_scoring_jobitem AS item SET done = true
  FROM jsonb_to_recordset(%s::jsonb) AS entity (kind text, entity_id uuid)
 WHERE NOT item.done AND item.kind = entity.kind AND item.entity_id = entity.entity_id
"""

_EPOCH = """
UPDATE trust_scoring_score SET standing = CASE WHEN rated THEN score / 100 END
 WHERE kind = 'user' AND standing IS DISTINCT FROM CASE WHEN rated THEN score / 100 END
"""


def mark(entities: Iterable[Entity], *, now: bool = False, quietly: bool = False) -> None:
    """Have these scores calculated again: a second from now, with whatever else comes until then; or `now`, before all
    that waits. `quietly`: because of something that only staff may notice, such as a report.

    Belongs into the transaction that changes the evidence. An entity that waits already is not put off.
    """
    at = clock.now()
    dues.put(entities, due_at=at if now else at + DEBOUNCE, urgent=now, quiet=quietly)


def rescore_due(limit: int = dues.BATCH) -> int:
    """Calculate up to `limit` scores whose time has come; returns how many.

    Several workers may do so at once. A worker that dies leaves its picked rows to the next one, at once.
    """
    picked = dues.pick(now=clock.now(), limit=limit)
    return _rescore_picked(*picked) if picked is not None else 0


@transaction.atomic
def _rescore_picked(bulk: bool, limit: int) -> int:
    as_of = clock.now()
    taken = dues.take(bulk=bulk, limit=limit)
    loud = {each.entity for each in taken if not each.quiet}
    asked = {each.entity for each in taken}
    _rescore(asked, as_of, quietly=asked - loud)
    dues.done(taken)
    return len(taken)


@transaction.atomic
def rescore(*, kind: str, entity_id: UUID) -> Score:
    """Calculate one score now."""
    _rescore({(kind, entity_id)}, clock.now())
    return Score.objects.get(kind=kind, entity_id=entity_id)


@transaction.atomic
def rescore_all(entities: Collection[Entity]) -> None:
    """Calculate these scores now, together."""
    _rescore(entities, clock.now())


@transaction.atomic
def open_job(*, entities: Sequence[Entity] | None, by: str) -> Job:
    """Have many scores calculated, or all there are; the job says how far it is."""
    wanted = sorted(set(entities)) if entities is not None else queries.everybody()
    job = Job.objects.create(requested_by=by, total=len(wanted), created_at=clock.now())
    JobItem.objects.bulk_create([JobItem(job=job, kind=kind, entity_id=entity_id) for kind, entity_id in wanted])
    # A large one is as good as a sweep: nobody's news waits for it.
    dues.put(wanted, due_at=job.created_at, bulk=len(wanted) > dues.URGENT)
    return job


@transaction.atomic
def mark_expired() -> None:
    """Ask anew for every score that counts on a verification whose time is over."""
    dues.put_expired(now=clock.now())


@transaction.atomic
def mark_all() -> None:
    """Have every score calculated again: other numbers count, or are calculated beside them."""
    dues.put_all(due_at=clock.now())


@transaction.atomic
def begin_epoch() -> None:
    """The nightly sweep: what people's words weigh is set anew, categories learn, and every score is calculated again."""
    params = queries.live_parameters()[1]
    at = clock.now()
    rates = category_rates(queries.outcomes_by_category(), params)
    CategoryRate.objects.exclude(category__in=rates).delete()
    CategoryRate.objects.bulk_create(
        [CategoryRate(category=name, rate=rate, calculated_at=at) for name, rate in rates.items()],
        update_conflicts=True,
        unique_fields=["category"],
        update_fields=["rate", "calculated_at"],
    )
    Epoch.objects.create(began_at=at)
    with connection.cursor() as cursor:
        cursor.execute(_EPOCH)
    dues.put_all(due_at=at)


def _rescore(entities: Collection[Entity], as_of: datetime, *, quietly: Set[Entity] = frozenset()) -> None:
    """`quietly`: those of them of which others see what they saw before."""
    if not entities:
        return
    # Before anything is read: what this turn knows is at least what was known when it was drawn.
    turn = queries.next_turn()
    found = counted(entities, as_of=as_of)
    kept = keeping.keep(found, as_of, turn, quietly)
    beside.keep((said for each in found for said in each.beside), turn=turn)
    noted = [each for each in kept if each.told or is_noted(each.before, each.after)]
    keeping.note(noted)
    _tell_cases(noted)
    told = [each for each in kept if is_told(each.before_outside, each.after_outside)]
    record_all([(_changed(each), each.id) for each in told])
    with connection.cursor() as cursor:
        cursor.execute(_JOB_ITEMS_DONE, [dues.as_json(sorted(entities))])


def _tell_cases(noted: Sequence[Kept]) -> None:
    """A score that fell may open a case; any that moved changes how pressing an open one is."""
    fell = {each.answer.entity for each in noted if each.before and each.after.score < each.before.score}
    attention.look_at(fell)
    attention.look_at({each.answer.entity for each in noted} - fell, with_open_case=True)


def _changed(each: Kept) -> ScoreChanged:
    """What others hear: what they see."""
    found, before, after = each.answer.found, each.before_outside, each.after_outside
    return ScoreChanged.model_validate(
        {
            "entity_kind": found.kind,
            "entity_id": found.entity_id,
            "owner_id": found.owner_id,
            "score": _decimal(after.score),
            "previous_score": _decimal(before.score) if before else None,
            "tier": after.tier,
            "previous_tier": before.tier if before else None,
            "rated": after.rated,
            "by_hand": each.turned,
        }
    )


def _decimal(score: float) -> str:
    return str(Decimal(score).quantize(Decimal("0.01")))
