"""The analytics page of the admin: how scores are spread and move, what reports come to, how long decisions take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING, Literal, TypeVar
from urllib.parse import urlencode

from django.contrib import admin

from bh_sdk.server.admin import BoardPage, Figure, parts
from bh_sdk.server.ops import clock
from trust_svc.insights import queries, rules
from trust_svc.insights.counting import FACTORS, TIERS
from trust_svc.insights.models import ReviewDay, ScoreDay

if TYPE_CHECKING:
    from django.http import HttpRequest

# How long back, in days; the first is where the page opens.
SPANS = {"30": ("30 days", 30), "7": ("7 days", 7), "90": ("90 days", 90), "365": ("12 months", 365)}
SHORTEST = 7
KINDS = {"campaign": "Campaigns", "user": "People"}

_UNRATED = "Nobody is rated yet. A score is, once there is enough evidence about it."

Tone = Literal["primary", "soft", "deep", "pale", "danger", "warning"]
Day = TypeVar("Day", ScoreDay, ReviewDay)
# A series of a chart: its name, its colour, and the number of a day.
Read = tuple[str, Tone, Callable[[Day], float | None]]
Days = Mapping[date, ScoreDay]
Reviews = Mapping[date, ReviewDay]


@admin.register(ScoreDay)
class AnalyticsAdmin(BoardPage):
    thing, desk, desk_order, icon, order = "insight", "Trust", 10, "monitoring", 80

    @property
    def plural(self) -> str:
        return "Analytics"

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        today = _today()
        scores = queries.score_days("campaign", end=today, days=1)[today]
        note = f"{scores.tier_up} rose and {scores.tier_down} fell a tier today"
        yield Figure("Rated campaigns", f"{scores.rated:,}", note=note, href=self.address())

    def board(self, request: HttpRequest) -> parts.Board:
        span = _one_of(SPANS, request.GET.get("span", ""))
        kind = _one_of(KINDS, request.GET.get("kind", ""))
        end, days = _today(), SPANS[span][1]
        choices = [
            ("How long", [_choice(SPANS[each][0], each, kind, each == span) for each in sorted(SPANS, key=int)]),
            ("Scores of", [_choice(KINDS[each], span, each, each == kind) for each in KINDS]),
        ]
        scores = queries.score_days(kind, end=end, days=days)
        reviews = queries.review_days(end=end, days=days)
        range_ = _days(min([*scores, *reviews]), end=end, days=days)
        return parts.Board(
            choices,
            notice=f"Days are counted since {range_[0]:%d %b %Y}." if len(range_) < days else "",
            tiles=_tiles(scores[end], queries.month_before(kind, end), reviews),
            wide=[_spread(range_, scores)],
            halves=[
                _tier_chart(range_, scores),
                _factor_chart(range_, scores),
                _movement(range_, scores),
                _tier_moves(range_, scores),
                _outcomes(range_, reviews),
                _cases(range_, reviews),
                _hours(range_, reviews),
                _histogram(scores[end], queries.month_before(kind, end)),
            ],
        )


def _days(first: date, *, end: date, days: int) -> list[date]:
    """The days of the charts: from the first that anybody counted, so that a young house sees more than an edge; never less
    than a week."""
    shown = min(days, max(SHORTEST, (end - first).days + 1))
    return [end - timedelta(days=ago) for ago in range(shown - 1, -1, -1)]


def _today() -> date:
    return clock.now().astimezone(UTC).date()


def _one_of(known: Mapping[str, object], wanted: str) -> str:
    return wanted if wanted in known else next(iter(known))


def _choice(name: str, span: str, kind: str, chosen: bool) -> parts.Choice:
    return parts.Choice(name, "?" + urlencode({"span": span, "kind": kind}), chosen)


def _tiles(now: ScoreDay, before: ScoreDay | None, reviews: Reviews) -> list[parts.Tile]:
    index = rules.stability(before.bins, now.bins) if before else None
    filed = sum(each.filed for each in reviews.values())
    upheld = sum(each.upheld for each in reviews.values())
    dismissed = sum(each.dismissed for each in reviews.values())
    hours = sorted(each.case_hours for each in reviews.values() if each.case_hours is not None)
    share = f"{upheld / (upheld + dismissed):.0%} of decided" if upheld + dismissed else "none decided"
    return [
        parts.Tile("Rated", f"{now.rated:,}", f"{now.unrated:,} without enough evidence"),
        parts.Tile("Median score", _text(now.median), f"four of five between {_text(now.low)} and {_text(now.high)}"),
        parts.Tile(
            "Moved today",
            f"{now.moved:,}",
            f"{_text(now.movement)} points on average" if now.moved else "a point or more",
        ),
        parts.Tile(
            "Shift in a month",
            "–" if index is None else f"{index:.3f}",
            "nothing to compare with yet" if index is None else f"{rules.word(index)} (PSI)",
        ),
        parts.Tile("Reports", f"{filed:,}", f"{upheld} upheld, {share}"),
        parts.Tile(
            "Time to decision",
            _text(hours[len(hours) // 2]) if hours else "–",
            "a median day's median" if hours else "no case was decided in this time",
            "hours" if hours else "",
        ),
    ]


def _spread(days: Sequence[date], found: Days) -> parts.Chart:
    reads: list[Read[ScoreDay]] = [
        ("A tenth is above", "soft", lambda each: each.high),
        ("Median", "primary", lambda each: each.median),
        ("A tenth is below", "warning", lambda each: each.low),
    ]
    return _chart("How scores are spread", days, found, reads, kind="line", unit="points", empty=_UNRATED)


def _tier_chart(days: Sequence[date], found: Days) -> parts.Chart:
    tones: tuple[Tone, ...] = ("pale", "soft", "primary", "deep", "warning")
    reads = [_read(name, tone, "tiers", name) for name, tone in zip(TIERS, tones, strict=True)]
    return _chart("Tiers, at the end of the day", days, found, reads, kind="bar", stacked=True, empty=_UNRATED)


def _factor_chart(days: Sequence[date], found: Days) -> parts.Chart:
    tones: tuple[Tone, ...] = ("primary", "soft", "warning", "deep", "pale")
    reads = [_read(name.capitalize(), tone, "factors", name) for name, tone in zip(FACTORS, tones, strict=True)]
    return _chart(
        "Mean points of the factors", days, found, reads, kind="bar", stacked=True, unit="points", empty=_UNRATED
    )


def _read(title: str, tone: Tone, table: str, name: str) -> Read[ScoreDay]:
    """A series out of one of the tables that a day's line holds."""
    return title, tone, lambda each: getattr(each, table)[name]


def _movement(days: Sequence[date], found: Days) -> parts.Chart:
    reads: list[Read[ScoreDay]] = [("Moved", "primary", lambda each: each.moved)]
    empty = "No score moved by a point from one day to the next. They move when evidence comes in."
    return _chart("Scores that moved a point or more", days, found, reads, kind="bar", empty=empty)


def _tier_moves(days: Sequence[date], found: Days) -> parts.Chart:
    reads: list[Read[ScoreDay]] = [
        ("Rose a tier", "primary", lambda each: each.tier_up),
        ("Fell a tier", "danger", lambda each: each.tier_down),
    ]
    empty = "Nobody rose or fell a tier from one day to the next."
    return _chart("Changes of tier", days, found, reads, kind="bar", empty=empty)


def _outcomes(days: Sequence[date], found: Reviews) -> parts.Chart:
    reads: list[Read[ReviewDay]] = [
        ("Filed", "soft", lambda each: each.filed),
        ("Upheld", "danger", lambda each: each.upheld),
        ("Dismissed", "primary", lambda each: each.dismissed),
    ]
    empty = "Nobody reported anything, and no report was judged."
    return _chart("Reports", days, found, reads, kind="bar", stacked=True, beside="Filed", empty=empty)


def _cases(days: Sequence[date], found: Reviews) -> parts.Chart:
    reads: list[Read[ReviewDay]] = [
        ("Opened", "soft", lambda each: each.cases_opened),
        ("Confirmed", "danger", lambda each: each.confirmed),
        ("Valuable", "warning", lambda each: each.valuable),
        ("False", "primary", lambda each: each.false),
    ]
    empty = "No case was opened or decided. One opens by itself when something is reported."
    return _chart("Cases", days, found, reads, kind="bar", stacked=True, beside="Opened", empty=empty)


def _hours(days: Sequence[date], found: Reviews) -> parts.Chart:
    reads: list[Read[ReviewDay]] = [
        ("Reports, median", "primary", lambda each: each.hours),
        ("Nine of ten reports within", "soft", lambda each: each.hours_slow),
        ("Cases, median", "warning", lambda each: each.case_hours),
        ("Nine of ten cases within", "danger", lambda each: each.case_hours_slow),
    ]
    empty = "Nothing was decided in this time. Decide on a case, and a few minutes later it is counted here."
    return _chart("Time to decision", days, found, reads, kind="line", unit="hours", empty=empty)


def _histogram(now: ScoreDay, before: ScoreDay | None) -> parts.Chart:
    series = [_shares("Now", "primary", now)]
    if before is not None:
        series.append(_shares(f"{before.day:%d %b}", "soft", before))
    labels = [f"{ten * 10}-{ten * 10 + 9 if ten < 9 else 100}" for ten in range(len(now.bins))]
    return parts.Chart(
        "Rated scores by tens, now and a month ago", labels, series, unit="%", empty="None is rated yet."
    )


def _shares(name: str, tone: Tone, of: ScoreDay) -> parts.Series:
    shares = [100 * count / of.rated if of.rated else 0.0 for count in of.bins]
    return parts.Series(name, [round(share, 2) for share in shares], [f"{share:.1f}" for share in shares], tone)


def _chart(
    title: str,
    days: Sequence[date],
    found: Mapping[date, Day],
    reads: Sequence[Read[Day]],
    *,
    kind: Literal["bar", "line"],
    stacked: bool = False,
    beside: str = "",
    unit: str = "",
    empty: str = "Nothing in this time.",
) -> parts.Chart:
    """Every day of the range; one that nobody counted is a gap, not a zero. `beside` names the series that stands beside the
    stack of the others. Where there is nothing to draw, `empty` says how
    something comes to be."""
    series = []
    for name, tone, read in reads:
        values = [read(found[day]) if day in found else None for day in days]
        stack = "" if not beside else "beside" if name == beside else "others"
        series.append(parts.Series(name, values, [_number(value) for value in values], tone, stack))
    labels = [f"{day:%d %b}" for day in days] if any(any(each.values) for each in series) else []
    return parts.Chart(title, labels, series, kind=kind, stacked=stacked, unit=unit, empty=empty)


def _number(value: float | None) -> str:
    """A count as it is, anything else to a tenth."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}"
