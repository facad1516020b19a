"""The page of one score, as cards: the parts, the reasons with what stands behind them, the past, and what would move it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.http import QueryDict
from django.urls import reverse

from bh_sdk.server.admin import parts
from bh_sdk.server.ops import clock
from trust_svc.evidence import queries as evidence
from trust_svc.holds import queries as holds
from trust_svc.overrides import queries as overrides
from trust_svc.overrides.rules import REASONS
from trust_svc.scoring import queries
from trust_svc.scoring.admin.words import INPUTS
from trust_svc.scoring.engine import FACTORS, ITEMS, Column, Params, Row, as_matrix
from trust_svc.scoring.engine import score as calculated
from trust_svc.scoring.models import Score
from trust_svc.scoring.sparkline import SPAN, Past, Span, sparkline
from trust_svc.scoring.whatif import Tried, WhatIf, what_if

TIERS: dict[str, parts.Tone] = {
    "NEW": "info",
    "RISING": "warning",
    "STEADY": "primary",
    "TRUSTED": "success",
    "STAR": "success",
}
NOT_RATED = "Not rated"
# Codes of reasons, and the type of evidence that speaks of it.
_BEHIND = {
    "C": "campaign.progress",
    "C3": "campaign.ended",
    "U": "campaign.update_posted",
    "E": "payment.succeeded",
    "E3": "campaign.question_asked",
    "V": "verification.granted",
    "H1": "payment.disputed",
    "H5": "payment.succeeded",
    "K1": "verification.granted",
    "K2": "report.decided",
}
_FACT = "admin:trust_evidence_fact_changelist"
_SCORE = "admin:trust_scoring_score_changelist"
_REPORT = "admin:trust_reports_report_changelist"
_HOLD = "admin:trust_holds_hold_changelist"
_OVERRIDE = "admin:trust_overrides_override_change"


def of(row: Any, *, chosen: Collection[str]) -> parts.Case:
    """`chosen` are the keys of the what-if steps that are switched on."""
    supposed = what_if(row.kind, row.entity_id, chosen=chosen, as_of=clock.now())
    params = queries.parameters(row.parameters_id)
    wide: list[parts.Card] = [
        *_override(row),
        _bars(row, params),
        parts.Custom("Why it is not higher", "trust/scoring/reasons.html", {"reasons": _reasons(row)}),
        _past(row),
        parts.Timeline(
            "Evidence",
            [
                parts.Moment(line["type"], line["time"], who=line["source"], note=_told(line["data"]))
                for line in evidence.lines(row.kind, row.entity_id, limit=60)
            ],
            empty="None about it directly.",
        ),
    ]
    narrow: list[parts.Card] = [
        *_held(row),
        parts.Custom("What if", "trust/scoring/what_if.html", _what_if(supposed)),
        _numbers(row),
        _links(row),
        parts.Custom("What the engine read", "trust/scoring/inputs.html", {"inputs": _inputs(row, params)}),
    ]
    return parts.Case(headline=_headline(row), wide=wide, narrow=narrow)


def name(row: Any) -> str:
    return str(getattr(row, "title", "") or f"{row.kind.capitalize()} {str(row.entity_id)[:8]}")


def number(row: Score) -> str:
    return f"{row.score:.1f}" if row.rated else f"{row.score:.1f} (provisional)"


def _headline(row: Any) -> parts.Headline:
    notice = ""
    if not row.rated:
        notice = "There is not enough evidence for a rating: the public sees no number, owner and staff see this one."
    elif row.override_id is not None:
        calculated_as = f"{row.computed['score']:.1f}, {row.computed['tier'] if row.computed['rated'] else NOT_RATED}"
        notice = f"Set by hand until {row.override_until:%d %b %Y}. Calculated underneath: {calculated_as}."
    elif row.cap_adjustment < 0 and row.reasons:
        notice = f"{row.reasons[0]['text']}: {-row.cap_adjustment:.1f} points are cut off at {row.cap:g}."
    high = min(100.0, 2 * row.score - row.lower)
    return parts.Headline(
        title=f"{row.kind.capitalize()} · {name(row)}",
        figure=f"{row.score:.1f}",
        unit="points",
        below=f"80 % interval {row.lower:.1f} to {high:.1f} · confidence {row.confidence:.0%}"
        + (f" · capped at {row.cap:g}" if row.cap < 100 else ""),
        status=row.tier if row.rated else NOT_RATED,
        tone=TIERS[row.tier] if row.rated else "info",
        notice=notice,
    )


def _override(row: Score) -> list[parts.Card]:
    """Set by hand: what, by whom, why and until when; the calculation goes on underneath."""
    found: list[parts.Check] = []
    active = overrides.active(row.kind, row.entity_id)
    if active is not None:
        until = f" until {active.expires_at:%d %b %Y}" if active.expires_at else ""
        what = {"score": "The score is", "tier": "The tier is", "factor": f"{(active.factor or '').capitalize()} is"}
        text = f"{what[active.what]} set by hand{until}: {REASONS[active.reason]}. The calculation goes on underneath."
        found.append(parts.Check(text, "warning", reverse(_OVERRIDE, args=(active.id,))))
    waiting = overrides.waiting(row.kind, row.entity_id)
    if waiting is not None:
        text = f"An override waits for a second person: {REASONS[waiting.reason]}"
        found.append(parts.Check(text, "warning", reverse(_OVERRIDE, args=(waiting.id,))))
    return [parts.Checks("Override", found)] if found else []


def _held(row: Score) -> list[parts.Card]:
    hold = holds.active(row.kind, row.entity_id)
    if hold is None:
        return []
    href = reverse("admin:trust_holds_hold_change", args=(hold.id,))
    text = f"On hold since {hold.placed_at:%d %b %Y}: {hold.reason}"
    return [parts.Checks("Stopped", [parts.Check(text, "danger", href)])]


def _bars(row: Score, params: Params) -> parts.Bars:
    """Points of the maximum, the 80 % interval of each, and where the middle one of its category stands."""
    found = calculated(as_matrix([_features(row)]), params)
    reach = {name: params.lower_z * float(found.deviations[index, 0]) for index, name in enumerate(FACTORS)}
    medians, among = queries.medians_beside(row.kind, row.entity_id)
    bars = []
    for factor in row.factors:
        if factor["weight"]:
            given, most = factor["contribution"], round(100 * factor["weight"], 2)
            bars.append(
                parts.Bar(
                    factor["name"].capitalize(),
                    given,
                    most,
                    low=max(0.0, given - reach[factor["name"]]),
                    high=min(most, given + reach[factor["name"]]),
                    mark=medians.get(factor["name"]),
                )
            )
    return parts.Bars(
        "Where the points come from",
        bars,
        interval_means="80 % interval",
        mark_means=f"median {among}" if medians else "",
    )


def _reasons(row: Score) -> list[dict[str, Any]]:
    return [each | {"href": _behind(row, each["code"])} for each in row.reasons]


def _behind(row: Score, code: str) -> str:
    """Where the evidence of a reason stands; empty when there is none to look at."""
    if code in ("H3", "H4"):
        return _list(_REPORT, q=str(row.entity_id))
    if code == "K3":
        return _list(_HOLD, q=str(row.entity_id))
    behind = _BEHIND.get(code) or _BEHIND.get(code[0])
    if behind is None:
        return ""
    # What people prove about themselves stands with them.
    about = row.owner_id if behind.startswith("verification") and row.owner_id else row.entity_id
    return _list(_FACT, q=str(about), type=behind)


def _past(row: Score) -> parts.Custom:
    now = clock.now()
    past = [
        Past(point.calculated_at, point.score, point.parameters_id)
        for point in queries.recent(row.kind, row.entity_id, since=now, within=SPAN)
    ]
    by_hand = [
        Span(each.placed_at, each.ended_at or each.expires_at or now)
        for each in overrides.overrides_of(row.kind, row.entity_id).filter(placed_at__isnull=False)
        if each.placed_at is not None
    ]
    return parts.Custom("The last 180 days", "trust/scoring/sparkline.html", sparkline(past, now=now, by_hand=by_hand))


def _what_if(supposed: WhatIf) -> dict[str, object]:
    """Switches as links: each turns its step on or off and keeps the others."""
    chosen = [tried.step.key for tried in supposed.tried if tried.chosen]
    groups: dict[str, list[dict[str, object]]] = {}
    for tried in supposed.tried:
        groups.setdefault(tried.step.group, []).append(
            {"name": tried.step.name, "gain": tried.gain, "on": tried.chosen, "href": _switched(chosen, tried)}
        )
    before, after = supposed.before, supposed.after
    moved = [
        (one["name"].capitalize(), one["contribution"], other["contribution"])
        for one, other in zip(before.factors, after.factors, strict=True)
        if one["contribution"] != other["contribution"]
    ]
    if before.cap_adjustment != after.cap_adjustment:
        moved.append(("Cut off by the cap", before.cap_adjustment, after.cap_adjustment))
    return {
        "chosen": bool(chosen),
        "before": before.score,
        "after": after.score,
        "change": after.score - before.score,
        "rated": after.rated,
        "moved": moved,
        "groups": list(groups.items()),
    }


def _switched(chosen: list[str], tried: Tried) -> str:
    query = QueryDict(mutable=True)
    key = tried.step.key
    query.setlist("if", [each for each in chosen if each != key] if tried.chosen else [*chosen, key])
    return f"?{query.urlencode()}#what-if"


def _numbers(row: Score) -> parts.Facts:
    facts: list[parts.Fact | tuple[str, str]] = [
        ("Trend, 30 days", "–" if row.trend is None else f"{row.trend:+.1f}"),
        ("Cap", f"{row.cap:g}" if row.cap < 100 else "none"),
        ("Standard deviation", f"{row.deviation:.2f}"),
        ("Parameters", f"version {row.parameters_id}"),
        ("Calculated", row.calculated_at.strftime("%d %b %Y %H:%M:%S")),
        ("Calculated so often", str(row.revision)),
        parts.Fact("Id", str(row.entity_id), mono=True),
    ]
    return parts.Facts("The score", facts)


def _links(row: Score) -> parts.Facts:
    """Where else something stands about it."""
    about = str(row.entity_id)
    facts: list[parts.Fact | tuple[str, str]] = []
    if row.owner_id and row.owner_id != row.entity_id:
        facts.append(parts.Fact("Organiser", "score and campaigns", href=_list(_SCORE, q=str(row.owner_id))))
    elif row.kind == "user":
        facts.append(parts.Fact("Campaigns", "their scores", href=_list(_SCORE, q=about, kind__exact="campaign")))
    facts += [
        parts.Fact("Reports", "all about it", href=_list(_REPORT, q=about)),
        parts.Fact("Holds", "past and present", href=_list(_HOLD, q=about)),
        parts.Fact("Evidence", "every fact", href=_list(_FACT, q=about)),
    ]
    return parts.Facts("Elsewhere", facts)


def _list(page: str, **query: str) -> str:
    asked = QueryDict(mutable=True)
    asked.update(query)
    return f"{reverse(page)}?{asked.urlencode()}"


def _features(row: Score) -> Row:
    """The row that was scored. One from before an input was added has fewer: those were 0."""
    return (*map(float, row.features), *[0.0] * (len(Column) - len(row.features)))


def _inputs(row: Score, params: Params) -> list[dict[str, str]]:
    listed = []
    for column, value in zip(Column, _features(row), strict=True):
        named, means, half_life = INPUTS[column]
        days = f"{getattr(params, half_life):g} d" if half_life else ""
        listed.append({"name": named, "means": means, "value": _shown(column, value), "half_life": days})
    return listed


def _shown(column: Column, value: float) -> str:
    if column is Column.ITEMS:
        return ", ".join(item for bit, item in enumerate(ITEMS) if (int(value) >> bit) & 1) or "nothing"
    return f"{value:.3g}"


def _told(data: dict[str, Any]) -> str:
    """What a fact says, without who gave, who reported and what the money was."""
    hidden = {"donor_id", "reporter_id", "cluster", "amount", "currency", "payment_id", "donor_standing"}
    return ", ".join(f"{key} {value}" for key, value in sorted(data.items()) if key not in hidden)
