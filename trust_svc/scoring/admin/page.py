"""The page of one score, as cards: the parts, the reasons with what stands behind them, the past, and what would move it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.http import QueryDict

from bh_sdk.server.admin import parts
from bh_sdk.server.admin.ways import Ways
from bh_sdk.server.ops import clock
from trust_svc import elsewhere
from trust_svc.evidence import queries as evidence
from trust_svc.holds import queries as holds
from trust_svc.overrides import queries as overrides
from trust_svc.overrides.rules import REASONS, SET_SCORE
from trust_svc.scoring import queries, views
from trust_svc.scoring.admin.words import INPUTS
from trust_svc.scoring.engine import FACTORS, ITEMS, OF_CARDS, Column, Params, Row, as_matrix
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


def of(row: Any, *, ways: Ways, chosen: Collection[str]) -> parts.Case:
    """`chosen` are the keys of the what-if steps that are switched on; links go where the reader may look."""
    supposed = what_if(row.kind, row.entity_id, chosen=chosen, as_of=clock.now())
    params = queries.parameters(row.parameters_id)
    wide: list[parts.Card] = [
        *_override(row, ways),
        _bars(row, params),
        parts.Custom("Why it is not higher", "trust/scoring/reasons.html", {"reasons": _reasons(row, ways)}),
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
        *_held(row, ways),
        parts.Custom("What if", "trust/scoring/what_if.html", _what_if(supposed)),
        elsewhere.card(ways, row.kind, row.entity_id, but=elsewhere.SCORE),
        *_badges(row),
        _numbers(row, ways),
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
        notice = f"Set by hand until {row.override_until:%d %b %Y %H:%M} UTC. Calculated underneath: {calculated_as}."
    elif row.cap_adjustment < 0 and row.reasons:
        notice = f"{row.reasons[0]['text']}: {-row.cap_adjustment:.1f} points are cut off at {row.cap:g}."
    return parts.Headline(
        title=f"Campaign · {row.title}" if getattr(row, "title", "") else name(row),
        figure=f"{row.score:.1f}",
        unit="points",
        below=_below(row),
        status=row.tier if row.rated else NOT_RATED,
        tone=TIERS[row.tier] if row.rated else "info",
        notice=notice,
    )


def _below(row: Score) -> str:
    """How sure the number is. What staff set is no estimate: then the interval is the calculation's."""
    score, lower = (row.computed["score"], row.computed["lower"]) if row.computed else (row.score, row.lower)
    interval = f"80 % interval {lower:.1f} to {min(100.0, 2 * score - lower):.1f}"
    said = [
        f"set by hand; calculated {score:.1f}, {interval}" if row.computed else interval,
        f"confidence {row.confidence:.0%}",
    ]
    if row.cap < 100:
        said.append(f"capped at {row.cap:g}")
    return " · ".join(said)


def _override(row: Score, ways: Ways) -> list[parts.Card]:
    """Set by hand: what, by whom, why and until when; the calculation goes on underneath."""
    found: list[parts.Check] = []
    active = overrides.active(row.kind, row.entity_id)
    if active is not None:
        until = f" until {active.expires_at:%d %b %Y %H:%M} UTC" if active.expires_at else ""
        what = {"score": "The score is", "tier": "The tier is", "factor": f"{(active.factor or '').capitalize()} is"}
        text = f"{what[active.what]} set by hand{until}: {REASONS[active.reason]}. The calculation goes on underneath."
        found.append(parts.Check(text, "warning", ways.one(elsewhere.OVERRIDE, active.id)))
    waiting = overrides.waiting(row.kind, row.entity_id)
    if waiting is not None:
        who = "another analyst, or an admin"
        text = f"An override waits for a second person ({who}) and changes nothing yet: {REASONS[waiting.reason]}"
        found.append(parts.Check(text, "warning", ways.one(elsewhere.OVERRIDE, waiting.id)))
    return [parts.Checks("Override", found)] if found else []


def _held(row: Score, ways: Ways) -> list[parts.Card]:
    hold = holds.active(row.kind, row.entity_id)
    if hold is None:
        return []
    href = ways.one(elsewhere.HOLD, hold.id)
    text = f"On hold since {hold.placed_at:%d %b %Y}: {hold.reason}"
    return [parts.Checks("Stopped", [parts.Check(text, "danger", href)])]


def _bars(row: Score, params: Params) -> parts.Bars:
    """Points of the maximum, the 80 % interval of what was calculated, and where the middle one of its category stands. A
    factor that staff set stands above its calculation."""
    found = calculated(as_matrix([_features(row)]), params)
    reach = {name: params.lower_z * float(found.deviations[index, 0]) for index, name in enumerate(FACTORS)}
    underneath = {each["name"]: each["contribution"] for each in (row.computed or {}).get("factors", row.factors)}
    medians, among = queries.medians_beside(row.kind, row.entity_id)
    bars = []
    for factor in row.factors:
        if not factor["weight"]:
            continue
        name, title, most = factor["name"], factor["name"].capitalize(), round(100 * factor["weight"], 2)
        points, mark = underneath[name], medians.get(name)
        if factor["contribution"] != points:
            bars.append(parts.Bar(f"{title}, set by hand", factor["contribution"], most, mark=mark))
            title = f"{title}, calculated"
        low, high = max(0.0, points - reach[name]), min(most, points + reach[name])
        bars.append(parts.Bar(title, points, most, low=low, high=high, mark=mark))
    return parts.Bars(
        "Where the points come from",
        bars,
        interval_means="80 % interval of the calculation" if row.computed else "80 % interval",
        mark_means=f"median {among}" if medians else "",
    )


def _reasons(row: Score, ways: Ways) -> list[dict[str, Any]]:
    return [each | {"href": _behind(row, each["code"], ways)} for each in row.reasons]


def _behind(row: Score, code: str, ways: Ways) -> str:
    """Where the evidence of a reason stands; empty when there is none to look at, or not for this reader."""
    about = str(row.entity_id)
    if code in ("H3", "H4"):
        return ways.many(elsewhere.REPORT, q=about)
    if code == "K3":
        return ways.many(elsewhere.HOLD, q=about)
    if code.startswith("O"):
        return ways.one(elsewhere.OVERRIDE, row.override_id) if row.override_id else ""
    behind = _BEHIND.get(code) or _BEHIND.get(code[0])
    if behind is None:
        return ""
    # What people prove about themselves stands with them.
    if behind.startswith("verification") and row.owner_id:
        about = str(row.owner_id)
    return ways.many(elsewhere.FACT, q=about, type=behind)


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
            {
                "name": tried.step.name,
                "gain": tried.gain,
                "shown_gain": tried.shown_gain,
                "on": tried.chosen,
                "href": _switched(chosen, tried),
            }
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
        "shown": supposed.shown,
        "moved": moved,
        "groups": list(groups.items()),
    }


def _switched(chosen: list[str], tried: Tried) -> str:
    query = QueryDict(mutable=True)
    key = tried.step.key
    query.setlist("if", [each for each in chosen if each != key] if tried.chosen else [*chosen, key])
    return f"?{query.urlencode()}#what-if"


def _numbers(row: Score, ways: Ways) -> parts.Facts:
    together = sum(each["contribution"] for each in row.factors)
    facts: list[parts.Fact | tuple[str, str]] = [("Factors together", f"{together:.1f} points")]
    if row.cap_adjustment:
        by_hand = row.override_id is not None and any(each["code"] == SET_SCORE for each in row.reasons)
        facts.append(("Moved by hand" if by_hand else "Cut off by the cap", f"{row.cap_adjustment:+.1f} points"))
    facts += [
        ("Cap", f"{row.cap:g} points" if row.cap < 100 else "none"),
        ("Trend, 30 days", "not known yet" if row.trend is None else f"{row.trend:+.1f} points"),
        ("Standard deviation", f"{row.deviation:.1f} points"),
        parts.Fact(
            "Parameters", f"version {row.parameters_id}", href=ways.one("trust_versions.version", row.parameters_id)
        ),
        ("Last calculated", f"{row.calculated_at:%d %b %Y %H:%M:%S} UTC"),
        ("Calculated", f"{row.revision:,} times"),
    ]
    if row.outside is not None:
        # Reports wait: see decision 0080.
        seen = f"{row.outside['score']:.1f} points, {row.outside['tier']}" if row.outside["rated"] else "not rated"
        facts.append(parts.Fact("Others see", seen, note="without what reports of today, or of few people, cost"))
    return parts.Facts("The score", facts)


def _badges(row: Score) -> list[parts.Card]:
    """The short facts that stand beside the score in public."""
    badges = views.score(row.kind, row.entity_id, caller="", staff=False).badges
    return [parts.Checks("Badges the public sees", [parts.Check(each.text) for each in badges])] if badges else []


def _features(row: Score) -> Row:
    """The row that was scored. One from before an input was added has fewer: those were 0."""
    return (*map(float, row.features), *[0.0] * (len(Column) - len(row.features)))


def _inputs(row: Score, params: Params) -> list[dict[str, str]]:
    listed = []
    for column, value in zip(Column, _features(row), strict=True):
        if column in OF_CARDS and not params.card:
            continue
        named, means, half_life = INPUTS[column]
        days = f"{getattr(params, half_life):g} d" if half_life else ""
        listed.append({"name": named, "means": means, "value": _shown(column, value), "half_life": days})
    return listed


def _shown(column: Column, value: float) -> str:
    if column is Column.ITEMS:
        return ", ".join(item for bit, item in enumerate(ITEMS) if (int(value) >> bit) & 1) or "nothing"
    if 0 < abs(value) < 0.005:
        return "almost 0"
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def _told(data: dict[str, Any]) -> str:
    """What a fact says, without who gave, who reported and what the money was."""
    hidden = {"donor_id", "reporter_id", "cluster", "amount", "currency", "payment_id", "donor_standing"}
    return ", ".join(f"{key} {value}" for key, value in sorted(data.items()) if key not in hidden)
