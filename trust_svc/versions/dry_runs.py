"""Dry runs: what would become of everybody. The worker does one chunk per transaction, so a run that was cut off goes on
where it was, and one that was cancelled stops after its chunk."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from bh_sdk.server.ops import clock
from bh_sdk.server.ops.logs import log as logs
from trust_svc.evidence import queries as evidence
from trust_svc.scoring import parameters
from trust_svc.scoring import queries as scoring
from trust_svc.scoring.assessment import Assessment, assess, read
from trust_svc.scoring.decided import DecidedCase, decided_cases, just_before
from trust_svc.scoring.engine import Column, Params, shown_tier
from trust_svc.versions import commands
from trust_svc.versions.errors import DryRunActive, DryRunOver, SetNotThere
from trust_svc.versions.models import DryRun, DryRunCase, DryRunReport, DryRunRow
from trust_svc.versions.report import report_of
from trust_svc.versions.rules import LIVE, UNRATED

# Entities and cases of one transaction.
CHUNK, CASES = 2_000, 40
# A run that fails so often is given up.
TRIES = 5

_ACTIVE = (DryRun.State.WAITING, DryRun.State.RUNNING)


class _Group(NamedTuple):
    """What an entity is counted by."""

    category: str
    currency: str
    donors: float
    age_days: float


@transaction.atomic
def ask(*, version: int, by: str) -> DryRun:
    """Have a set laid beside the live one, for everybody, as of now. Raises SetNotThere for the live set, DryRunActive."""
    if parameters.lock(version) == LIVE:
        raise SetNotThere("The live set is what everybody has already", state=LIVE)
    if DryRun.objects.filter(parameters_id=version, state__in=_ACTIVE).exists():
        raise DryRunActive()
    run = DryRun.objects.create(
        parameters_id=version,
        against_id=parameters.live_version(),
        as_of=clock.now(),
        asked_by=by,
        asked_at=clock.now(),
    )
    commands.log(version, f"dry run against version {run.against_id} asked for", by)
    return run


@transaction.atomic
def cancel(*, version: int, by: str) -> DryRun:
    """Stop the dry run of a set that is under way. Raises DryRunOver."""
    run = DryRun.objects.select_for_update().filter(parameters_id=version, state__in=_ACTIVE).first()
    if run is None:
        raise DryRunOver()
    run.state, run.finished_at = DryRun.State.CANCELLED, clock.now()
    run.save(update_fields=["state", "finished_at"])
    commands.log(version, "dry run cancelled", by)
    return run


def carry_on() -> bool:
    """Do the next chunk of a run that waits; whether there was one. Several workers never do the same one."""
    run_id: UUID | None = None
    try:
        with transaction.atomic():
            waiting = DryRun.objects.filter(state__in=_ACTIVE).order_by("asked_at", "id")
            run = waiting.select_for_update(skip_locked=True).first()
            if run is None:
                return False
            run_id = run.id
            _next(run)
    except Exception as error:
        if run_id is None:
            raise
        logs("versions").exception("dry_run.broke", run=str(run_id))
        _failed(run_id, type(error).__name__)
    return True


def _next(run: DryRun) -> None:
    if run.state == DryRun.State.WAITING:
        _list(run)
    elif not (_entities(run) or _cases(run)):
        _finish(run)
    run.save()


def _list(run: DryRun) -> None:
    """Write down whose turn it is; what the set's runs before listed goes."""
    DryRunRow.objects.filter(run__parameters_id=run.parameters_id).delete()
    DryRunCase.objects.filter(run__parameters_id=run.parameters_id).delete()
    rows = [DryRunRow(run=run, kind=kind, entity_id=entity_id) for kind, entity_id in scoring.everybody()]
    cases = [DryRunCase(run=run, **case._asdict()) for case in decided_cases()]
    DryRunRow.objects.bulk_create(rows, batch_size=CHUNK)
    DryRunCase.objects.bulk_create(cases, batch_size=CHUNK)
    run.state, run.total = DryRun.State.RUNNING, len(rows) + len(cases)


def _entities(run: DryRun) -> int:
    rows = list(run.rows.filter(after_score=None).order_by("id")[:CHUNK])
    if not rows:
        return 0
    known = read([(row.kind, row.entity_id) for row in rows])
    before, after = parameters.params_of(run.against_id), parameters.params_of(run.parameters_id)
    found = {
        (was.kind, was.entity_id): (was, becomes)
        for was, becomes in zip(
            assess(known, as_of=run.as_of, params=before), assess(known, as_of=run.as_of, params=after), strict=True
        )
    }
    tiers = scoring.remembered_tiers(known.entities)
    groups = _groups([was for was, _ in found.values()])
    for row in rows:
        entity = (row.kind, row.entity_id)
        was, becomes = found[entity]
        row.before_score, row.before_tier = was.score, _tier(was, tiers.get(entity), before)
        row.after_score, row.after_tier = becomes.score, _tier(becomes, tiers.get(entity), after)
        row.category, row.currency, row.donors, row.age_days = groups[entity]
    fields = ["before_score", "before_tier", "after_score", "after_tier", *_Group._fields]
    DryRunRow.objects.bulk_update(rows, fields, batch_size=500)
    run.done += len(rows)
    return len(rows)


def _cases(run: DryRun) -> int:
    rows = list(run.cases.filter(after_score=None).order_by("id")[:CASES])
    sets = [parameters.params_of(run.against_id), parameters.params_of(run.parameters_id)]
    for row in rows:
        case = DecidedCase(row.fact_id, row.kind, row.entity_id, row.decided_at, row.bad)
        was, becomes = just_before(case, sets)
        row.before_score, row.after_score = was.score, becomes.score
        row.category, row.currency, row.donors, row.age_days = _groups([was])[row.kind, row.entity_id]
    if rows:
        DryRunCase.objects.bulk_update(rows, ["before_score", "after_score", *_Group._fields])
    run.done += len(rows)
    return len(rows)


def _finish(run: DryRun) -> None:
    run.state, run.finished_at = DryRun.State.DONE, clock.now()
    DryRunReport.objects.create(
        run=run,
        parameters_id=run.parameters_id,
        against_id=run.against_id,
        body=report_of(run),
        made_at=run.finished_at,
    )
    commands.log(run.parameters_id, f"dry run against version {run.against_id} done", run.asked_by)


@transaction.atomic
def _failed(run_id: UUID, why: str) -> None:
    run = DryRun.objects.select_for_update().get(id=run_id)
    if run.state not in _ACTIVE:
        return
    run.failures, run.note = run.failures + 1, why
    if run.failures >= TRIES:
        run.state, run.finished_at = DryRun.State.FAILED, clock.now()
    run.save(update_fields=["failures", "note", "state", "finished_at"])


def _tier(found: Assessment, remembered: str | None, params: Params) -> str:
    """What would be shown, with the memory that the shown tier has."""
    return shown_tier(found.score, remembered, params) if found.rated else UNRATED


def _groups(found: Collection[Assessment]) -> dict[tuple[str, UUID], _Group]:
    campaigns = {each.entity_id for each in found if each.kind == "campaign"}
    told, currencies = evidence.campaigns(campaigns), evidence.currencies(campaigns)
    return {
        (each.kind, each.entity_id): _Group(
            told[each.entity_id].category if each.entity_id in told else "",
            currencies.get(each.entity_id, ""),
            each.features[Column.DONORS],
            each.features[Column.TENURE],
        )
        for each in found
    }
