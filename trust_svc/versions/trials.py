"""Trying a set out: a share of the organisers is shown it, everybody is scored by both, until the date that was agreed on.

The test has a fixed horizon. Its question is settled at the start: on the cases decided until `ends_at`, each scored by both
sets as of just before its decision, does the challenger part bad from good better than the control? The same cases are
scored by both, so the two AUCs are compared in pairs (DeLong), which takes far fewer cases than two separate groups would.
The effect is computed once the date has come and not before: who looks every day and stops on a good one finds a winner
among equals far more often than one time in twenty. Guardrails may be watched all the time, because they only ever stop.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from bh_sdk.server.ops import clock
from trust_svc.scoring import commands as scoring
from trust_svc.scoring import parameters
from trust_svc.scoring.comparing import Paired, paired
from trust_svc.scoring.decided import decided_cases, just_before
from trust_svc.versions import commands, queries
from trust_svc.versions.errors import NoTrial, ParametersInvalid, ProposalOpen, TrialRunning
from trust_svc.versions.models import Trial, TrialCase
from trust_svc.versions.report import FINE_FROM
from trust_svc.versions.rules import SHADOW, SRM_ALARM, TRIAL, arm_of, split_chance

# Cases of one transaction, and how many of each sort a verdict takes.
CASES, ENOUGH = 40, 10
SHORTEST, LONGEST = timedelta(days=7), timedelta(days=180)

# Organisers of campaigns by what they are shown, of those that were calculated since the start.
_SHOWN = """
SELECT owner_id, array_agg(DISTINCT parameters_id), min(calculated_at) >= %s
  FROM trust_scoring_score WHERE kind = 'campaign' AND owner_id IS NOT NULL GROUP BY owner_id
"""
# Reports from the start to the end, by the organiser whom, or whose campaign, they are about; how many of them were judged
# since, and how many were upheld. Of several words on one report the last counts.
_COMPLAINTS = """
SELECT coalesce(campaign.owner_id, fact.subject_id), count(*), count(said.outcome),
       count(*) FILTER (WHERE said.outcome = 'upheld')
  FROM trust_evidence_fact AS fact
  LEFT JOIN trust_evidence_campaign AS campaign ON fact.subject_kind = 'campaign' AND campaign.id = fact.subject_id
  LEFT JOIN LATERAL (
       SELECT decided.data->>'outcome' AS outcome FROM trust_evidence_fact AS decided
        WHERE decided.subject_kind = fact.subject_kind AND decided.subject_id = fact.subject_id
          AND decided.type = 'report.decided' AND decided.data->>'report_id' = fact.data->>'report_id'
        ORDER BY decided.time DESC, decided.id DESC LIMIT 1) AS said ON true
 WHERE fact.type = 'report.filed' AND fact.time >= %s AND fact.time < %s GROUP BY 1
"""
# Appeals in the same time.
_APPEALS = """
SELECT coalesce(campaign.owner_id, appeal.entity_id), count(*)
  FROM trust_appeals_appeal AS appeal
  LEFT JOIN trust_evidence_campaign AS campaign ON appeal.entity_kind = 'campaign' AND campaign.id = appeal.entity_id
 WHERE appeal.filed_at >= %s AND appeal.filed_at < %s GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Guard:
    """How one arm fares: organisers, reports about them, how many of those were judged and how many upheld (honest
    complaints), appeals, and of the cases decided as fine how many are shown a tier below the middle one."""

    organisers: int
    reports: int
    judged: int
    upheld: int
    appeals: int
    fine: int
    fine_below: int


@dataclass(frozen=True, slots=True)
class ReadOut:
    """What may be said of a trial now. `effect` is None as long as `why_not` says why."""

    control: Guard
    challenger: Guard
    waiting: int
    split_chance: float
    cases: int
    bad: int
    effect: Paired | None
    why_not: str

    @property
    def blocked(self) -> bool:
        """Whether the split is not what was agreed on: then nothing that is read from it is worth anything."""
        return self.split_chance < SRM_ALARM


@transaction.atomic
def start(*, version: int, share: float, days: int, note: str, by: str) -> Trial:
    """Show a shadow to a share of the organisers for so many days. Raises SetNotThere, TrialRunning, ProposalOpen,
    ParametersInvalid for a share or a time that makes no experiment."""
    if not 0.01 <= share <= 0.5:
        raise ParametersInvalid("The share lies between 1 % and 50 %")
    if not SHORTEST <= timedelta(days=days) <= LONGEST:
        raise ParametersInvalid(f"An experiment runs {SHORTEST.days} to {LONGEST.days} days")
    parameters.lock(version)
    if queries.running_trial() is not None:
        raise TrialRunning()
    if queries.open_proposal() is not None:
        raise ProposalOpen()
    live, now = parameters.live_version(), clock.now()
    commands.move(version, TRIAL, f"tried out on {share:.0%} of organisers for {days} days", note, by, only_from=SHADOW)
    trial = Trial.objects.create(
        challenger_id=version,
        control_id=live,
        share=share,
        seed=f"trust-{version}-{live}-{now:%Y%m%d%H%M%S}",
        note=note,
        started_by=by,
        started_at=now,
        ends_at=now + timedelta(days=days),
    )
    scoring.mark_all()
    return trial


@transaction.atomic
def stop(*, version: int, note: str, by: str) -> Trial:
    """End an experiment: everybody is shown the live set again, and the challenger goes on in the shadow. Raises NoTrial."""
    parameters.lock(version)
    trial = Trial.objects.select_for_update().filter(challenger_id=version, state=Trial.State.RUNNING).first()
    if trial is None:
        raise NoTrial()
    trial.state, trial.ended_by, trial.ended_at = Trial.State.STOPPED, by, clock.now()
    trial.save(update_fields=["state", "ended_by", "ended_at"])
    commands.move(version, SHADOW, "experiment stopped", note, by)
    scoring.mark_all()
    return trial


def take_in_cases(limit: int = CASES) -> int:
    """Keep what both sets would have said of cases decided during the running trial, once each; returns how many."""
    with transaction.atomic():
        trial = Trial.objects.select_for_update(skip_locked=True).filter(state=Trial.State.RUNNING).first()
        if trial is None:
            return 0
        there = set(trial.cases.values_list("fact_id", flat=True))
        within = [case for case in decided_cases(trial.started_at) if case.decided_at < trial.ends_at]
        new = [case for case in within if case.fact_id not in there][:limit]
        sets = [parameters.params_of(trial.control_id), parameters.params_of(trial.challenger_id)]
        rows = []
        for case in new:
            control, challenger = just_before(case, sets)
            rows.append(
                TrialCase(
                    trial=trial,
                    owner_id=control.owner_id,
                    control=control.score,
                    challenger=challenger.score,
                    **case._asdict(),
                )
            )
        TrialCase.objects.bulk_create(rows, ignore_conflicts=True)
        return len(rows)


def read_out(trial: Trial) -> ReadOut:
    """What may be said of a trial now: always how the arms fare, the effect only when the agreed date has come."""
    # The last word on a case stands, also where it was decided again.
    last = {(case.kind, case.entity_id): case for case in trial.cases.order_by("decided_at", "fact_id")}
    cases = list(last.values())
    bad = sum(case.bad for case in cases)
    control, challenger, waiting = _arms(trial, cases)
    chance = split_chance(control.organisers, challenger.organisers, trial.share)
    why_not = _why_not(trial, chance, bad, len(cases) - bad)
    effect = None
    if not why_not:
        effect = paired([case.control for case in cases], [case.challenger for case in cases], [c.bad for c in cases])
    return ReadOut(control, challenger, waiting, chance, len(cases), bad, effect, why_not)


def _why_not(trial: Trial, chance: float, bad: int, fine: int) -> str:
    if chance < SRM_ALARM:
        return f"The arms are not as large as agreed (p = {chance:.1g}): something goes wrong in who is shown what"
    end = _end(trial)
    if end < trial.ends_at:
        return "It was stopped before the agreed date: no effect is read from it"
    if clock.now() < trial.ends_at:
        return f"The effect is read once, on {trial.ends_at:%d %b %Y}"
    if min(bad, fine) < ENOUGH:
        return f"Too few cases were decided: {bad} as bad and {fine} as fine, {ENOUGH} of each are needed"
    return ""


def _end(trial: Trial) -> datetime:
    return trial.ended_at or trial.ends_at


def _arms(trial: Trial, cases: list[TrialCase]) -> tuple[Guard, Guard, int]:
    """Both arms by what is really shown, and how many organisers wait to be calculated."""
    shown, waiting = {}, 0
    for owner, versions, fresh in _rows(_SHOWN, trial.started_at):
        if trial.ended_at is None and (not fresh or len(versions) > 1):
            waiting += 1
        elif trial.ended_at is not None:
            shown[owner] = arm_of(owner, seed=trial.seed, share=trial.share)
        else:
            shown[owner] = "challenger" if versions == [trial.challenger_id] else "control"
    counts: dict[str, dict[str, int]] = {arm: dict.fromkeys(Guard.__slots__, 0) for arm in ("control", "challenger")}
    for arm in shown.values():
        counts[arm]["organisers"] += 1
    for owner, *found in _rows(_COMPLAINTS, trial.started_at, _end(trial)):
        for name, count in zip(("reports", "judged", "upheld"), found, strict=True):
            if owner in shown:
                counts[shown[owner]][name] += count
    for owner, count in _rows(_APPEALS, trial.started_at, _end(trial)):
        if owner in shown:
            counts[shown[owner]]["appeals"] += count
    for case in cases:
        if not case.bad and case.owner_id in shown:
            arm = shown[case.owner_id]
            counts[arm]["fine"] += 1
            counts[arm]["fine_below"] += getattr(case, arm) < FINE_FROM
    return Guard(**counts["control"]), Guard(**counts["challenger"]), waiting


def _rows(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
