"""From what stands against somebody to one case that holds it all, and says how pressing it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from bh_sdk.server.ops import clock
from trust_svc.cases import closing, journal, money, noticing, queries, rules
from trust_svc.cases.models import Case, Look, Signal
from trust_svc.cases.noticing import Found
from trust_svc.evidence import queries as evidence
from trust_svc.reports import commands as reporting

# So many requests for a look are answered in one transaction.
BATCH = 500

# One gathers at a time, so that two never open a case about the same.
_ALONE = "SELECT pg_try_advisory_xact_lock(hashtext('trust.cases.gather'))"


@transaction.atomic
def gather(limit: int = BATCH) -> int:
    """Answer requests for a look; returns how many. Running it twice, or with nothing new, changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_ALONE)
        (alone,) = cursor.fetchone()
    if not alone:
        return 0
    asked = list(Look.objects.order_by("id")[:limit])
    now = clock.now()
    for kind, entity_id in sorted({(each.kind, each.entity_id) for each in asked}):
        look(kind, entity_id, now)
    Look.objects.filter(id__in=[each.id for each in asked]).delete()
    return len(asked)


def look(kind: str, entity_id: UUID, now: datetime) -> Case | None:
    """Bring the open case about it up to date, or open one if it must be; the open case, if there is one after that."""
    case = queries.open_case_for_update(kind, entity_id)
    reporting.take_over(kind, entity_id)
    reporting.settle_about(kind, entity_id)
    found = noticing.against(kind, entity_id, now)
    known = queries.taken_up(kind, entity_id)
    new = [each for each in found if (each.kind, each.key) not in known]
    if case is None and new:
        case = _open(kind, entity_id, new, now)
    if case is None:
        return None
    return bring_up_to_date(case, new, now)


def bring_up_to_date(case: Case, new: Sequence[Found], now: datetime) -> Case | None:
    """Put what is new into an open case and weigh it again; None when that closed it."""
    _take_up(case, new)
    if closing.close_if_settled(case, now):
        return None
    if new and case.snoozed_until is not None:
        case.snoozed_until = None
        journal.write(case, "back", by="system", note=f"Something new: {_in_words(new)}")
    weigh(case)
    case.save()
    return case


def weigh(case: Case) -> None:
    """Work out anew how pressing an open case is."""
    weights = noticing.weights_of_reports(case.entity_kind, case.entity_id)
    signals = list(case.signals.exclude(kind="report").values_list("kind", "weight"))
    case.probability = rules.probability(*queries.standing_of(case.entity_kind, case.entity_id))
    case.open_money = money.open_money(case.entity_kind, case.entity_id)
    case.mass = rules.mass(weights.values(), [weight for _, weight in signals])
    case.harm = rules.harm(case.probability, float(case.open_money), case.mass)
    case.summary = _summary(len(weights), [kind for kind, _ in signals])


def _open(kind: str, entity_id: UUID, new: Sequence[Found], now: datetime) -> Case | None:
    last = queries.last_closed(kind, entity_id)
    closed_at = last.closed_at if last is not None else None
    if not any(rules.opens(each.kind, each.at, closed_at=closed_at, now=now) for each in new):
        if last is not None:
            # What a decision brought about belongs to it, and is not asked about again.
            _take_up(last, new)
        return None
    return open_for(kind, entity_id, new, now)


def open_for(kind: str, entity_id: UUID, new: Sequence[Found], now: datetime) -> Case:
    """Open a case because of these."""
    due = min(rules.due_at(now, urgent=rules.is_urgent(each.kind, each.report_kind)) for each in new)
    case = Case.objects.create(
        entity_kind=kind,
        entity_id=entity_id,
        owner_id=evidence.owner_of(kind, entity_id),
        opened_at=now,
        due_at=due,
    )
    journal.write(case, "opened", by="system", note=_in_words(new))
    return case


def _take_up(case: Case, new: Sequence[Found]) -> None:
    Signal.objects.bulk_create(
        Signal(case=case, kind=each.kind, key=each.key, at=each.at, weight=each.weight, note=each.note) for each in new
    )
    if case.state == Case.State.OPEN:
        for each in new:
            urgent = rules.is_urgent(each.kind, each.report_kind)
            case.due_at = min(case.due_at, rules.due_at(clock.now(), urgent=urgent))


def _in_words(new: Sequence[Found]) -> str:
    return ", ".join(_counted([each.kind for each in new]))


def _counted(kinds: Sequence[str]) -> list[str]:
    counted = Counter(rules.SIGNALS[kind][0] for kind in kinds)
    return [f"{words} ×{count}" if count > 1 else words for words, count in counted.items()]


def _summary(reports: int, signals: Sequence[str]) -> str:
    said = [f"{reports} report{'s' if reports > 1 else ''}"] if reports else []
    said += _counted(signals)
    return ", ".join(said[:1] + [each[0].lower() + each[1:] for each in said[1:]])
