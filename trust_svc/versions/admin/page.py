"""The page of a parameter set: where it stands, what differs, what it would do, what is tried out, and what happened."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from bh_sdk.server.admin import parts
from trust_svc.scoring.engine import FACTORS, ITEMS, TIERS
from trust_svc.versions import queries
from trust_svc.versions.admin import experiment
from trust_svc.versions.models import DryRun, DryRunReport, Proposal, Version
from trust_svc.versions.report import BIN, SHOWN

_ORDER = ("draft", "shadow", "trial", "live")
_NAMES = {"draft": "Draft", "shadow": "Shadow", "trial": "A/B", "live": "Live"}
_TONES: dict[str, parts.Tone] = {
    "draft": "info",
    "shadow": "warning",
    "trial": "primary",
    "live": "success",
    "retired": "",
}
_ORIGINS = {"first": "shipped", "pasted": "JSON", "copied": "a copy of version {}", "calibrated": "a calibration"}

# The beginnings of the numbers' names by what they belong to; the first that fits.
_BELONGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Weights of the factors", ("weights.",)),
    ("Completion", ("completion_", "milestone_", "elapsed_", "inherited", "imported_")),
    ("Updates", ("update_", "long_campaign")),
    ("Engagement", ("engagement_", "reach_", "response_", "independence_", "repeat_", "gifts_per_hand", "anonymous_")),
    ("Verification", ("items.", "item_")),
    ("History", ("history_", "clean_", "refund_", "warning_", "lost_", "tenure_")),
    ("Reports", ("report_", "reporter_", "severities.", "upheld_", "case_", "unknown_standing", "standing_")),
    ("Caps, tiers and confidence", ("identity_cap", "hold_cap", "tier", "confidence_", "lower_")),
    ("Points of the card", ("card", "risk")),
)


def origin(row: Version) -> str:
    """Where a set comes from, in a word or two."""
    return _ORIGINS[row.origin].format(row.made_from)


def case(row: Version, *, viewer: str) -> parts.Case:
    """The page as `viewer` sees it."""
    live = queries.in_play().live
    run, report = queries.newest_dry_run(row.pk), queries.newest_report(row.pk)
    wide: list[parts.Card] = [*_trial(row), _differs(row.pk, live)]
    if report is not None:
        wide += _report(report)
    if row.calibration:
        wide.append(_calibration(row.calibration))
    wide.append(_numbers(row.pk, live))
    narrow = [_about(row), *_run(run), *_fit(row.pk), _happened(row.pk)]
    return parts.Case(headline=_headline(row, viewer), wide=wide, narrow=narrow)


# -- where it stands ---------------------------------------------------------------------------------------------------


def _headline(row: Version, viewer: str) -> parts.Headline:
    state = row.parameters.state
    been = {line.to_state for line in queries.changes_of(row.pk)} | {state}
    steps = [
        parts.Step(_NAMES[each], "now" if each == state else "done" if each in been else "todo", _note(each))
        for each in _ORDER
    ]
    return parts.Headline(
        title="Parameter set",
        figure=f"Version {row.pk}",
        below=row.note,
        status=str(row.parameters.get_state_display()),
        tone=_TONES[state],
        steps=steps if state != "retired" else (),
        notice=_notice(row, viewer),
    )


def _note(state: str) -> str:
    return {"shadow": "scored, shown to nobody", "trial": "shown to a share", "live": "takes two people"}.get(state, "")


def _notice(row: Version, viewer: str) -> str:
    """Who may act next, and what comes then."""
    proposal = queries.open_proposal()
    if proposal is not None and proposal.parameters_id == row.pk:
        return _proposed(proposal, viewer)
    if row.parameters.state == "live":
        before = queries.before(row.pk)
        back = f" Any analyst can roll back to version {before}, at once." if before is not None else ""
        return f"This set counts for everybody.{back}"
    return {
        "draft": "It counts for nobody. Run it dry to see whom it would move, then let it be calculated in the shadow.",
        "shadow": "Everybody is scored by it and nobody is shown it. Propose to try it out on a share of the organisers, "
        "or its promotion: both take a finished dry run against the live set, and a second analyst.",
        "trial": "A share of the organisers is shown it. Any analyst can stop the experiment at once.",
        "retired": "It is calculated no more. It can be copied into a new draft.",
    }[row.parameters.state]


def _proposed(proposal: Proposal, viewer: str) -> str:
    trial = proposal.wants == "trial"
    if proposal.proposed_by == viewer:
        return (
            f"You proposed this {'experiment' if trial else 'promotion'} (“{proposal.note}”): another analyst decides."
        )
    name = queries.names([proposal.proposed_by]).get(proposal.proposed_by, "Another analyst")
    wants = f"try it out on {proposal.share:.0%} of organisers for {proposal.days} days" if trial else "let it go live"
    return f"{name} proposed to {wants}: “{proposal.note}”. You, or any other analyst, can approve or decline."


def _about(row: Version) -> parts.Facts:
    made_by = queries.names([row.made_by]).get(row.made_by, row.made_by)
    return parts.Facts(
        "About",
        [
            ("Comes from", origin(row)),
            ("Made by", made_by),
            ("Made", f"{row.made_at:%d %b %Y %H:%M}"),
            parts.Fact("SHA-256", row.parameters.digest, mono=True),
        ],
    )


def _happened(version: int) -> parts.Timeline:
    lines = queries.changes_of(version)
    names = queries.names({line.actor for line in lines})
    moments = [
        parts.Moment(
            line.did[:1].upper() + line.did[1:], line.at, who=names.get(line.actor, line.actor), note=line.note
        )
        for line in lines
    ]
    return parts.Timeline("What happened", moments)


def _run(run: DryRun | None) -> list[parts.Card]:
    if run is None or run.state == "done":
        return []
    facts = [
        ("State", run.get_state_display()),
        ("Done", f"{run.done} of {run.total}" if run.total else "counting"),
        ("Against", f"version {run.against_id}"),
    ]
    return [parts.Facts("Dry run", [*facts, ("Trouble", run.note)] if run.note else facts)]


def _fit(version: int) -> list[parts.Card]:
    found = queries.newest_calibration(version)
    if found is None:
        return []
    facts: list[parts.Fact | tuple[str, str]] = [
        ("State", str(found.get_state_display())),
        ("Asked", f"{found.asked_at:%d %b %Y %H:%M}"),
    ]
    if found.trouble:
        facts.append(parts.Fact("Trouble", "", note=found.trouble))
    if found.made_id:
        href = reverse("admin:trust_versions_version_change", args=(found.made_id,))
        facts.append(parts.Fact("Made", f"Version {found.made_id}", href=href))
    return [parts.Facts("Calibration", facts)]


def _trial(row: Version) -> list[parts.Card]:
    return [card for trial in queries.trials_of(row.pk)[:3] for card in experiment.cards(trial)]


# -- numbers -----------------------------------------------------------------------------------------------------------


def _differs(version: int, live: int) -> parts.Table:
    found = queries.diff(version, live)
    card = [name for name in found if name.startswith("card.")]
    rows = [
        [_group(name), named(name), _shown(theirs), _shown(ours)]
        for name, (theirs, ours) in found.items()
        if name not in card
    ]
    if card:
        rows.append([_group("card"), "points of its steps", "", f"{len(card)} differ"])
    return parts.Table(
        f"What differs from the live set, version {live}",
        ["Belongs to", "Number", "Live", "This set"],
        rows,
        numeric=frozenset({2, 3}),
        empty="Nothing: this is the live set." if version == live else "Nothing but the version.",
    )


def _numbers(version: int, live: int) -> parts.Custom:
    changed, every = queries.diff(version, live), queries.numbers(version)
    rank = {name: place for place, (name, _) in enumerate(_BELONGS)}
    ordered = sorted(every, key=lambda name: (rank.get(_group(name), len(rank)), list(every).index(name)))
    groups = []
    for group, names in groupby(ordered, key=_group):
        rows: list[dict[str, Any]] = [
            {"name": named(name), "value": _shown(every[name]), "changed": name in changed} for name in names
        ]
        groups.append({"name": group, "rows": rows, "changed": sum(row["changed"] for row in rows)})
    return parts.Custom("All its numbers", "trust/versions/numbers.html", {"groups": groups})


def named(name: str) -> str:
    """A number's name as people read it: `weights.2` is the weight of engagement."""
    head, _, place = name.partition(".")
    lists = {"weights": FACTORS, "items": ITEMS, "tiers": TIERS}
    inside = lists.get(head)
    if inside and place.isdigit():
        return f"{head.rstrip('s')} of {inside[int(place)]}"
    return name.replace("_", " ").replace(".", " ")


def _group(name: str) -> str:
    return next((group for group, starts in _BELONGS if name.startswith(starts)), "Others")


def _shown(value: Any) -> str:
    return "–" if value is None else f"{value:g}" if isinstance(value, int | float) else str(value)


# -- what a dry run found ----------------------------------------------------------------------------------------------


def _report(report: DryRunReport) -> list[parts.Card]:
    body, against = report.body, report.against_id
    return [
        _summary(report),
        *(_distribution(kind, body["distribution"][kind], against) for kind in ("campaign", "user")),
        _moves(body["moves"], against),
        parts.Custom(
            "Who moves most", "trust/versions/movers.html", {"movers": [_mover(each) for each in body["movers"]]}
        ),
        *(_fairness(way) for way in body["fairness"]),
    ]


def _summary(report: DryRunReport) -> parts.Facts:
    body, decided = report.body, report.body["decided"]
    changed = sum(count for was, becomes, count in body["moves"] if was != becomes)
    facts: list[parts.Fact | tuple[str, str]] = [
        ("Laid beside", f"version {report.against_id}, on {report.made_at:%d %b %Y %H:%M}"),
        ("Entities", f"{body['entities']}"),
        parts.Fact("Change their tier", f"{changed} ({_share(changed, body['entities'])})", strong=True),
        ("Decided cases", f"{decided['cases']}, {decided['bad']} of them bad"),
    ]
    for name, title in (("auc", "AUC"), ("brier", "Brier"), ("ece", "ECE")):
        found = [_figure(decided[when], name) for when in ("before", "after")]
        facts.append((title, " → ".join(found) if decided["before"] else "too few cases"))
    if decided["difference"]:
        told = decided["difference"]
        facts.append(
            ("AUC gained", f"{told['difference']:+.3f} (95 % interval {told['low']:+.3f} to {told['high']:+.3f})")
        )
    facts.append(parts.Fact("How they are read", "", note="Each case as of just before its decision. " + _PLATT))
    return parts.Facts("What a dry run found", facts)


_PLATT = (
    "Brier and ECE are of the probability a Platt curve reads off the score, fitted on the other half of the cases."
)


def _distribution(kind: str, found: dict[str, Any], against: int) -> parts.Chart:
    labels = [f"{at * BIN}" for at in range(len(found["before"]))]
    return parts.Chart(
        f"{'Campaigns' if kind == 'campaign' else 'People'} by score · PSI {found['psi']:.3f}",
        labels if any(found["before"]) else [],
        [
            parts.Series(f"Version {against}", found["before"], [str(each) for each in found["before"]], "soft"),
            parts.Series("This set", found["after"], [str(each) for each in found["after"]]),
        ],
        empty="None of them yet.",
    )


def _moves(moves: Sequence[Sequence[Any]], against: int) -> parts.Table:
    counts = {(was, becomes): count for was, becomes, count in moves}
    return parts.Table(
        f"Tiers: by version {against} (rows), and by this set (columns)",
        ["", *SHOWN],
        [
            [was, *(str(counts.get((was, becomes), 0)) if (was, becomes) in counts else "·" for becomes in SHOWN)]
            for was in SHOWN
        ],
        numeric=frozenset(range(1, len(SHOWN) + 1)),
    )


def _mover(each: dict[str, Any]) -> dict[str, Any]:
    href = reverse("admin:trust_scoring_score_changelist") + "?" + urlencode({"q": each["entity_id"]})
    return each | {"href": href, "moved": each["after"] - each["before"], "short": each["entity_id"][:8]}


def _fairness(way: dict[str, Any]) -> parts.Custom:
    return parts.Custom(
        f"By {way['by'].lower()}",
        "trust/versions/fairness.html",
        {"groups": [_shares(group) for group in way["groups"]], "tiers": SHOWN, "currency": way["by"] == "Currency"},
    )


def _shares(group: dict[str, Any]) -> dict[str, Any]:
    alarms = group["false_alarms"]
    shown = {
        "percents": [f"{share:.0%}" for share in group["tiers"]],
        "alarms": "–" if alarms is None else f"{alarms:.0%}",
    }
    return group | shown


def _calibration(report: dict[str, Any]) -> parts.Facts:
    return parts.Facts("What the calibration found", [(_words(name), _told(value)) for name, value in report.items()])


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _told(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{_words(name).lower()} {_told(each)}" for name, each in value.items())
    return ", ".join(_told(each) for each in value) if isinstance(value, list) else str(value)


def _figure(found: dict[str, Any] | None, name: str) -> str:
    value = found[name] if found else None
    return "–" if value is None else f"{value:.3f}"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"
