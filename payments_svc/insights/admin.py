"""The analytics page of the admin: the same figures as `GET /payments/analytics`, drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.contrib import admin

from bh_sdk.money import CURRENCIES
from bh_sdk.server.admin import BoardPage, Figure, parts
from bh_sdk.server.ops import clock
from bh_sdk.wire.analytics import Analytics, Figures, Granularity, PeriodFigures
from payments_svc.insights import analytics, queries
from payments_svc.insights.models import CampaignTotal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest

# How long back, in days, and by what; the first is where the page opens.
SPANS: dict[str, tuple[str, int, Granularity]] = {
    "30": ("30 days", 30, "day"),
    "7": ("7 days", 7, "day"),
    "90": ("90 days", 90, "week"),
    "365": ("12 months", 365, "month"),
}
_LABELS: dict[Granularity, str] = {"day": "%d %b", "week": "%d %b", "month": "%b %Y"}


@admin.register(CampaignTotal)
class AnalyticsAdmin(BoardPage):
    thing, desk, desk_order, icon, order = "analytics", "Money", 10, "monitoring", 5

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        found = _figures(clock.now().date(), 1, "day")
        sums = ", ".join(f"{each.gross} {each.currency}" for each in found.totals if each.gifts)
        gifts = sum(each.gifts for each in found.totals)
        yield Figure("Gifts today", str(gifts), note=sums or "none yet, by the day in UTC", href=self.address())

    def board(self, request: HttpRequest) -> parts.Board:
        span = request.GET.get("span", "")
        span = span if span in SPANS else next(iter(SPANS))
        _, days, granularity = SPANS[span]
        found = _figures(clock.now().date(), days, granularity)
        codes = [each.currency for each in sorted(found.totals, key=lambda each: (-each.gifts, each.currency))]
        wanted = request.GET.get("currency", "")
        code = wanted if wanted in codes or wanted in CURRENCIES else next(iter(codes), "GBP")
        choices = [
            ("How long", [_choice(SPANS[each][0], each, code, chosen=each == span) for each in sorted(SPANS, key=int)]),
            ("Currency", [_choice(each, span, each, chosen=each == code) for each in sorted({*codes, code})]),
        ]
        return _board(found, code, choices)


def _choice(name: str, span: str, code: str, *, chosen: bool) -> parts.Choice:
    return parts.Choice(name, "?" + urlencode({"span": span, "currency": code}), chosen)


def _figures(end: date, days: int, granularity: Granularity) -> Analytics:
    """What the API answers to somebody who may see all campaigns."""
    question = _question(end, days, granularity)
    return Analytics.model_validate_json(queries.figures(question))


def _question(end: date, days: int, granularity: Granularity) -> analytics.Question:
    return analytics.Question(start=end - timedelta(days=days - 1), end=end, granularity=granularity, campaigns=None)


def _board(found: Analytics, code: str, choices: Sequence[tuple[str, Sequence[parts.Choice]]]) -> parts.Board:
    total = next((each for each in found.totals if each.currency == code), None)
    if total is None:
        return parts.Board(choices, notice=f"Nothing in {code} from {found.start_date:%d %b %Y} on.")
    rows = {row.period: row for row in found.rows if row.currency == code}
    days = analytics.periods(_question(found.end_date, (found.end_date - found.start_date).days + 1, found.granularity))
    return parts.Board(
        choices,
        tiles=_tiles(total),
        wide=[
            _chart(
                found,
                days,
                rows,
                "Given and received",
                unit=code,
                pairs=[
                    ("Gross", "primary", lambda row: row.gross),
                    ("Net", "soft", lambda row: row.net),
                ],
            )
        ],
        halves=[
            _chart(
                found,
                days,
                rows,
                "Gifts",
                stacked=True,
                pairs=[
                    ("Once", "primary", lambda row: str(row.gifts - row.recurring.gifts)),
                    ("Recurring", "soft", lambda row: str(row.recurring.gifts)),
                ],
            ),
            _chart(
                found,
                days,
                rows,
                "Donors",
                stacked=True,
                pairs=[
                    ("Returning", "primary", lambda row: str(row.returning_donors)),
                    ("New", "soft", lambda row: str(row.new_donors)),
                ],
            ),
            _chart(
                found,
                days,
                rows,
                "Went back",
                unit=code,
                pairs=[
                    ("Refunds", "warning", lambda row: row.refunds.amount),
                    ("Lost disputes", "danger", lambda row: row.disputes_lost.amount),
                ],
            ),
            _chart(
                found,
                days,
                rows,
                "Opened payments that became gifts",
                unit="%",
                kind="line",
                gaps=True,
                pairs=[
                    ("Conversion", "primary", lambda row: _percent(row.conversion.rate if row.conversion else None)),
                ],
            ),
            parts.Table(
                f"Campaigns that received most, in {code}",
                ["Campaign", "Gifts", "Gross", "Net"],
                [
                    [each.title, str(each.gifts), each.gross, each.net]
                    for each in found.top_campaigns
                    if each.currency == code
                ],
                numeric=frozenset({1, 2, 3}),
                empty="No gifts in this time.",
            ),
            parts.Facts(
                f"Fees in {code}",
                [
                    ("Processing", total.fees.processing),
                    ("Platform", total.fees.platform),
                    *([("Not divided, older gifts", total.fees.undivided)] if float(total.fees.undivided) else []),
                    ("Paid by donors on top", total.covered_fees),
                ],
            ),
        ],
    )


def _tiles(total: Figures) -> list[parts.Tile]:
    conversion = total.conversion
    return [
        parts.Tile("Gross", total.gross, f"{total.gifts} gifts, {total.average or '-'} on average", total.currency),
        parts.Tile("Net", total.net, "what campaigns receive", total.currency),
        parts.Tile("Donors", str(total.donors), f"{total.new_donors} new, {total.returning_donors} returning"),
        parts.Tile(
            "Refunds", _share(total.refunds.rate), f"{total.refunds.count}, {total.refunds.amount} {total.currency}"
        ),
        parts.Tile("Recurring", _share(total.recurring.share), f"{total.recurring.gifts} gifts"),
        parts.Tile(
            "Conversion",
            _share(conversion.rate if conversion else None),
            f"{conversion.succeeded} of {conversion.opened} opened" if conversion else "",
        ),
    ]


def _share(rate: float | None) -> str:
    return "-" if rate is None else f"{_percent(rate)} %"


def _percent(rate: float | None) -> str:
    return "" if rate is None else f"{rate * 100:.1f}"


def _chart(
    found: Analytics,
    days: Sequence[date],
    rows: dict[date, PeriodFigures],
    title: str,
    *,
    pairs: Sequence[tuple[str, str, Callable[[PeriodFigures], str]]],
    unit: str = "",
    kind: str = "bar",
    stacked: bool = False,
    gaps: bool = False,
) -> parts.Chart:
    """Every period of the range, those without anything too: as zero, or as a gap where zero would be a lie."""
    series = []
    for name, tone, read in pairs:
        shown = [read(rows[day]) if day in rows else "" if gaps else "0" for day in days]
        values = [float(text) if text else None for text in shown]
        series.append(parts.Series(name, values, shown, tone))  # type: ignore[arg-type]  # a literal of ours
    labels = [f"{day:{_LABELS[found.granularity]}}" for day in days]
    return parts.Chart(title, labels, series, kind=kind, stacked=stacked, unit=unit)  # type: ignore[arg-type]
