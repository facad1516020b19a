"""The card of an experiment: the arms, whether they are what was agreed on, guardrails, and the effect when it may be read."""

from __future__ import annotations

from bh_sdk.server.admin import parts
from trust_svc.scoring.comparing import Paired
from trust_svc.versions import trials
from trust_svc.versions.models import Trial

HOW = (
    "Fixed horizon: on cases decided until the agreed date, each scored by both sets as of just before its decision, is the AUC "
    "of the challenger higher? The same cases are compared in pairs (DeLong). The effect is computed once, when the date has "
    "come: who looks every day and stops on a good one finds a winner among equals far more often than one time in twenty."
)


def cards(trial: Trial) -> list[parts.Card]:
    """What may be said of an experiment now."""
    found = trials.read_out(trial)
    title = f"Experiment: version {trial.challenger_id} against version {trial.control_id}"
    until = f"until {trial.ends_at:%d %b %Y}" if trial.ended_at is None else f"ended {trial.ended_at:%d %b %Y}"
    return [
        parts.Table(
            f"{title}, {trial.share:.0%} of organisers, {until}",
            [
                "Arm",
                "Organisers",
                "Reports per 100",
                "Upheld of judged",
                "Appeals per 100",
                "Decided as fine",
                "of them below 50",
            ],
            [
                _arm(f"Control, version {trial.control_id}", found.control),
                _arm(f"Challenger, version {trial.challenger_id}", found.challenger),
            ],
            numeric=frozenset(range(1, 7)),
        ),
        parts.Checks("May it be read?", _checks(found)),
        *([_effect(found.effect)] if found.effect else []),
        parts.Words("How it is read", HOW),
    ]


def _arm(name: str, guard: trials.Guard) -> list[str]:
    return [
        name,
        f"{guard.organisers:,}",
        _per_hundred(guard.reports, guard.organisers),
        _part(guard.upheld, guard.judged),
        _per_hundred(guard.appeals, guard.organisers),
        f"{guard.fine:,}",
        _part(guard.fine_below, guard.fine),
    ]


def _per_hundred(count: int, organisers: int) -> str:
    return f"{100 * count / organisers:.1f}" if organisers else "–"


def _part(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} ({part / whole:.0%})" if whole else "none yet"


def _checks(found: trials.ReadOut) -> list[parts.Check]:
    chance = f"p = {found.split_chance:.3g}"
    checks = [
        parts.Check(f"The arms are not as large as agreed ({chance}): nothing is read from them", "danger")
        if found.blocked
        else parts.Check(f"The arms are as large as agreed ({chance})")
    ]
    if found.waiting:
        checks.append(
            parts.Check(f"{found.waiting} organisers wait to be calculated and are not counted yet", "warning")
        )
    if found.why_not and not found.blocked:
        checks.append(parts.Check(found.why_not, "warning"))
    checks.append(parts.Check(f"{found.cases} cases decided so far, {found.bad} as bad"))
    return checks


def _effect(effect: Paired) -> parts.Facts:
    verdict = (
        "The challenger is better"
        if effect.low > 0
        else "The control is better"
        if effect.high < 0
        else "No difference shown"
    )
    return parts.Facts(
        "The effect",
        [
            parts.Fact(verdict, f"{effect.difference:+.3f} AUC", strong=True),
            ("95 % interval", f"{effect.low:+.3f} to {effect.high:+.3f}"),
            ("p, two-sided", f"{effect.p:.3g}"),
        ],
    )
