"""What a score would be if something were so: facts that nobody told, on top of those that are known. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from trust_svc.overrides.rules import Wish, applied
from trust_svc.scoring.answers import answers
from trust_svc.scoring.assessment import CAMPAIGN, USER, Assessment, Known, assess, read
from trust_svc.scoring.engine import ITEMS, Column, Fact, Params, Record

# How far ahead "time passes and nothing happens" looks.
QUIET = timedelta(days=90)


class Told(NamedTuple):
    """A fact that is supposed, and about whom."""

    kind: str
    about: UUID
    type: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """Something that could happen. `later` moves the moment of the answer instead of telling facts."""

    key: str
    group: str
    name: str
    facts: tuple[Told, ...] = ()
    later: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Tried:
    """A step, what it alone would change (points), and whether it is chosen. `shown_gain` is what it would change of the
    shown score while something is set by hand."""

    step: Step
    gain: float
    chosen: bool
    shown_gain: float | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What everybody sees, with what staff set by hand above the calculation: now, and with all chosen steps."""

    before: float
    after: float


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The calculated score as it is, as it would be with all chosen steps, and every step that makes sense."""

    before: Assessment
    after: Assessment
    tried: list[Tried]
    shown: Shown | None = None


def what_if(kind: str, entity_id: UUID, *, chosen: Collection[str], as_of: datetime) -> WhatIf:
    """Ask the engine. It answers with the parameters that count for this entity, and beside that what would be shown, where
    staff set something by hand."""
    known = read([(kind, entity_id)])
    answer = answers(known, as_of=as_of)[0]
    params, wish = answer.params, answer.override.wish if answer.override else None
    before = assess(known, as_of=as_of, params=params)[0]
    steps = list(_steps(known, kind, entity_id, int(before.features[Column.ITEMS])))
    wanted = [step for step in steps if step.key in chosen]
    after = _with(known, wanted, as_of, params) if wanted else before
    tried = [_tried(step, before, _with(known, [step], as_of, params), wish, chosen=step in wanted) for step in steps]
    return WhatIf(before, after, tried, _shown(before, after, wish))


def _tried(step: Step, before: Assessment, after: Assessment, wish: Wish | None, *, chosen: bool) -> Tried:
    shown = _shown(before, after, wish)
    return Tried(step, after.score - before.score, chosen, shown.after - shown.before if shown else None)


def _shown(before: Assessment, after: Assessment, wish: Wish | None) -> Shown | None:
    return None if wish is None else Shown(applied(before, wish).score, applied(after, wish).score)


def _with(known: Known, steps: Iterable[Step], as_of: datetime, params: Params) -> Assessment:
    """The assessment if these steps happened now."""
    tables = {CAMPAIGN: dict(known.about_campaigns), USER: dict(known.about_users)}
    copied: set[tuple[str, UUID]] = set()
    told = [fact for step in steps for fact in step.facts]
    for number, each in enumerate(told):
        table = tables[each.kind]
        if (each.kind, each.about) not in copied:
            table[each.about] = table.get(each.about, Record()).copy()
            copied.add((each.kind, each.about))
        # "~" comes after every id there is, so that of two facts at one moment this one stands.
        table[each.about].add(Fact(f"~{number:04}", each.type, as_of.timestamp(), each.data))
    supposed = replace(known, about_campaigns=tables[CAMPAIGN], about_users=tables[USER])
    later = sum((step.later for step in steps), timedelta())
    return assess(supposed, as_of=as_of + later, params=params)[0]


def _steps(known: Known, kind: str, entity_id: UUID, held: int) -> Iterator[Step]:
    campaign = known.campaigns.get(entity_id) if kind == CAMPAIGN else None
    owner = entity_id if kind == USER else (campaign.owner_id if campaign else None)
    subjects = [(kind, entity_id)]
    if kind == CAMPAIGN and owner is not None:
        subjects.append((USER, owner))
    if kind == USER:
        subjects += [(CAMPAIGN, each.id) for each in known.families.get(entity_id, [])]
    yield from _verifications(kind, entity_id, subjects, held)
    if kind == CAMPAIGN:
        yield from _deeds(known.record(kind, entity_id), entity_id)
    yield from _judgements(known, kind, entity_id, subjects)
    yield Step("quiet", "Time", f"{QUIET.days} days pass without any news", later=QUIET)


def _verifications(kind: str, entity_id: UUID, subjects: list[tuple[str, UUID]], held: int) -> Iterator[Step]:
    for bit, item in enumerate(ITEMS):
        if (held >> bit) & 1:
            facts = tuple(Told(*subject, "verification.revoked", {"item": item}) for subject in subjects)
            yield Step(f"revoke-{item}", "Verification", f"{item.capitalize()} is lost", facts)
        else:
            fact = Told(kind, entity_id, "verification.granted", {"item": item})
            yield Step(f"verify-{item}", "Verification", f"{item.capitalize()} is verified", (fact,))


def _deeds(record: Record, campaign: UUID) -> Iterator[Step]:
    def told(type: str, **data: Any) -> tuple[Told, ...]:
        return (Told(CAMPAIGN, campaign, type, data),)

    if record.ended is None:
        yield Step("update", "Campaign", "An update is posted", told("campaign.update_posted"))
        yield Step("deliver", "Campaign", "It ends and delivers", told("campaign.ended", delivered=True))
        yield Step("fail", "Campaign", "It ends and does not deliver", told("campaign.ended", delivered=False))
    gift = max(record.gifts, key=lambda payment: record.gifts[payment].stamp, default=None)
    if gift is not None:
        lost = told("payment.disputed", payment_id=gift, stage="lost")
        yield Step("dispute", "Campaign", "A dispute about the newest gift is lost", lost)


def _judgements(known: Known, kind: str, entity_id: UUID, subjects: list[tuple[str, UUID]]) -> Iterator[Step]:
    open_reports = [
        (subject, report)
        for subject in subjects
        for report in known.record(*subject).reports
        if report not in known.record(*subject).decisions
    ]
    if open_reports:
        for outcome, name in (
            ("upheld", "All open reports are upheld"),
            ("dismissed", "All open reports are dismissed"),
        ):
            facts = tuple(
                Told(*subject, "report.decided", {"report_id": report, "outcome": outcome})
                for subject, report in open_reports
            )
            yield Step(outcome, "Review", name, facts)
    lifted = tuple(
        Told(*subject, "hold.lifted", {"hold_id": hold})
        for subject in subjects
        for hold, kept in known.record(*subject).holds.items()
        if kept.type == "hold.placed"
    )
    if lifted:
        yield Step("lift", "Review", "The hold is lifted", lifted)
    else:
        yield Step("hold", "Review", "It is put on hold", (Told(kind, entity_id, "hold.placed", {"hold_id": "~"}),))
    yield Step(
        "confirm", "Review", "A case is confirmed", (Told(kind, entity_id, "case.decided", {"outcome": "confirmed"}),)
    )
