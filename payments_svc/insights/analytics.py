"""Figures by period and currency, from the daily figures; people are counted anew from who gave when, because they do not
add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from bh_sdk.errors import Invalid
from bh_sdk.money import Money, currency
from bh_sdk.server.api import fetch_rows
from bh_sdk.wire import analytics as wire
from payments_svc.donations import queries as donations
from payments_svc.insights.rules import UNKNOWN_METHOD

# So many days one question may span, by granularity: about four hundred rows of each currency at most.
LONGEST: dict[wire.Granularity, int] = {"day": 366, "week": 3 * 366, "month": 10 * 366}
TOP = 10


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `campaigns` None means all there are; the caller has been let in to these already."""

    start: date
    end: date
    granularity: wire.Granularity
    campaigns: tuple[UUID, ...] | None
    campaign_id: UUID | None = None
    currency: str | None = None
    method: str | None = None

    def check(self) -> None:
        """Raises Invalid for a range that is no range or too long, and CurrencyUnknown."""
        days, most = (self.end - self.start).days + 1, LONGEST[self.granularity]
        if days < 1:
            raise Invalid(errors=[{"pointer": "#/query/end_date", "message": "must not lie before start_date"}])
        if days > most:
            message = f"by {self.granularity}, at most {most} days can be asked for"
            raise Invalid(errors=[{"pointer": "#/query/end_date", "message": message}], most_days=most)
        if self.currency is not None:
            currency(self.currency)

    def params(self) -> dict[str, Any]:
        method = "" if self.method == UNKNOWN_METHOD else self.method
        return {
            "start": self.start,
            "end": self.end,
            "campaigns": list(self.campaigns or ()),
            "currency": self.currency,
            "method": method,
        }


class Sums(NamedTuple):
    """A row of `_FIGURES`; `period` None for the whole range. All amounts are minor units."""

    period: date | None
    currency: str
    opened: int
    converted: int
    gifts: int
    gross: int
    covered: int
    net: int
    processing_fees: int
    platform_fees: int
    undivided_fees: int
    recurring_gifts: int
    recurring_gross: int
    refunds: int
    refunded: int
    reversals: int
    reversed: int
    disputes_lost: int
    disputed: int


_PERIOD = {
    "day": "{day}",
    "week": "date_trunc('week', {day}::timestamp)::date",
    "month": "date_trunc('month', {day}::timestamp)::date",
}
_FIGURES = """
SELECT {period} AS period, currency, {sums}
FROM payments_insights_dailyfigure
WHERE day BETWEEN %(start)s::date AND %(end)s::date {filters}
GROUP BY GROUPING SETS ((1, 2), (2))
ORDER BY 1 NULLS LAST, 2
"""
# A donor is new in the period that holds the day of their first gift to these campaigns, by whatever method.
_PEOPLE = """
WITH people AS MATERIALIZED (
    SELECT DISTINCT {period} AS period, currency, donor_id
    FROM payments_insights_countedgift
    WHERE arrived_on BETWEEN %(start)s::date AND %(end)s::date {filters}
), firsts AS MATERIALIZED (
    SELECT donor_id, min(first_on) AS first_on FROM payments_insights_campaigndonor
    WHERE TRUE {scope} GROUP BY donor_id
)
SELECT period, currency, count(*), count(*) FILTER (WHERE first_on >= GREATEST(period, %(start)s::date))
FROM people JOIN firsts USING (donor_id) GROUP BY 1, 2
UNION ALL
SELECT NULL, currency, count(*), count(*) FILTER (WHERE first_on >= %(start)s::date)
FROM (SELECT DISTINCT currency, donor_id FROM people) AS whole JOIN firsts USING (donor_id) GROUP BY 2
"""
# The same for one campaign, whose donors' days are chained.
_PEOPLE_OF_ONE = """
SELECT period, currency,
    (CASE WHEN GROUPING(period) = 0 THEN sum(in_period) ELSE sum(in_all) END)::bigint, sum(new)::bigint
FROM (
    SELECT {period} AS period, currency,
        count(*) FILTER (WHERE previous_on IS NULL OR previous_on < GREATEST({period}, %(start)s::date)) AS in_period,
        count(*) FILTER (WHERE previous_on IS NULL OR previous_on < %(start)s::date) AS in_all,
        count(*) FILTER (WHERE previous_on IS NULL) AS new
    FROM payments_insights_donorday
    WHERE day BETWEEN %(start)s::date AND %(end)s::date {filters}
    GROUP BY 1, 2
) AS counted
GROUP BY GROUPING SETS ((period, currency), (currency))
"""
_CAMPAIGNS = """
SELECT campaign_id, currency, gifts, gross, net FROM (
    SELECT campaign_id, currency, sum(gifts)::bigint AS gifts, sum(gross)::bigint AS gross, sum(net)::bigint AS net,
        row_number() OVER (PARTITION BY currency ORDER BY sum(gross) DESC, campaign_id) AS place
    FROM payments_insights_dailyfigure
    WHERE day BETWEEN %(start)s::date AND %(end)s::date {filters}
    GROUP BY campaign_id, currency
    HAVING sum(gifts) > 0
) AS ranked WHERE place <= {top} ORDER BY currency, place
"""
# Only what is asked for stands in a statement: a plan that has to serve every filter serves none well.
_SCOPE = "AND campaign_id = ANY(%(campaigns)s::uuid[])"
_CURRENCY = "AND currency = %(currency)s"
_METHOD = "AND method = %(method)s"


def answer(question: Question) -> wire.Analytics:
    """The figures that were asked for."""
    people = {(period, code): (donors, new) for period, code, donors, new in _people(question)}
    rows: list[wire.PeriodFigures] = []
    totals: list[wire.Figures] = []
    for found in map(Sums._make, _ask(question, _FIGURES, "day")):
        figures = _figures(
            found, people.get((found.period, found.currency), (0, 0)), by_method=question.method is not None
        )
        if found.period is None:
            totals.append(wire.Figures(**figures))
        else:
            rows.append(wire.PeriodFigures(**figures, period=found.period))
    return wire.Analytics(
        start_date=question.start,
        end_date=question.end,
        granularity=question.granularity,
        campaign_id=question.campaign_id,
        method=question.method,
        rows=rows,
        totals=totals,
        top_campaigns=_top(question),
    )


def _people(question: Question) -> list[tuple[Any, ...]]:
    if question.campaigns is not None and len(question.campaigns) == 1 and question.method is None:
        return _ask(question, _PEOPLE_OF_ONE, "day")
    return _ask(question, _PEOPLE, "arrived_on")


def _ask(question: Question, sql: str, day: str) -> list[tuple[Any, ...]]:
    scope = "" if question.campaigns is None else _SCOPE
    given = ((_CURRENCY, question.currency), (_METHOD, question.method))
    filters = " ".join([scope, *(clause for clause, value in given if value is not None)])
    sums = ", ".join(f"sum({name})::bigint" for name in Sums._fields[2:])
    period = _PERIOD[question.granularity].format(day=day)
    statement = sql.format(period=period, sums=sums, filters=filters, scope=scope, top=TOP)
    # Only what the statement names is sent: PostgreSQL cannot tell the type of what it never sees used.
    params = {name: value for name, value in question.params().items() if f"%({name})s" in statement}
    return fetch_rows(statement, params)


def _figures(found: Sums, people: tuple[int, int], *, by_method: bool) -> Mapping[str, Any]:
    donors, new = people

    def amount(minor: int) -> str:
        return Money(minor, found.currency).decimal

    return {
        "currency": found.currency,
        "gifts": found.gifts,
        "gross": amount(found.gross),
        "covered_fees": amount(found.covered),
        "net": amount(found.net),
        "average": amount(found.gross // found.gifts) if found.gifts else None,
        "donors": donors,
        "new_donors": new,
        "returning_donors": donors - new,
        "refunds": wire.Refunds(
            count=found.refunds,
            amount=amount(found.refunded),
            reversed_count=found.reversals,
            reversed_amount=amount(found.reversed),
            rate=_share(found.refunded - found.reversed, found.gross + found.covered),
        ),
        "disputes_lost": wire.LostDisputes(count=found.disputes_lost, amount=amount(found.disputed)),
        "fees": wire.FeesPaid(
            processing=amount(found.processing_fees),
            platform=amount(found.platform_fees),
            undivided=amount(found.undivided_fees),
        ),
        "recurring": wire.RecurringShare(
            gifts=found.recurring_gifts,
            gross=amount(found.recurring_gross),
            share=_share(found.recurring_gross, found.gross),
        ),
        "conversion": None
        if by_method
        else wire.Conversion(
            opened=found.opened, succeeded=found.converted, rate=_share(found.converted, found.opened)
        ),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _top(question: Question) -> list[wire.CampaignFigures]:
    found = _ask(question, _CAMPAIGNS, "day")
    known = donations.campaigns_among([row[0] for row in found])
    return [
        wire.CampaignFigures(
            campaign_id=campaign_id,
            title=known[campaign_id].title if campaign_id in known else "",
            currency=code,
            gifts=gifts,
            gross=Money(gross, code).decimal,
            net=Money(net, code).decimal,
        )
        for campaign_id, code, gifts, gross, net in found
    ]


def periods(question: Question) -> list[date]:
    """The first day of every period of the range, for those who draw the empty ones too."""
    day = question.start
    if question.granularity == "week":
        day -= timedelta(days=day.weekday())
    elif question.granularity == "month":
        day = day.replace(day=1)
    found = []
    while day <= question.end:
        found.append(day)
        step = {"day": 1, "week": 7, "month": 32}[question.granularity]
        day += timedelta(days=step)
        if question.granularity == "month":
            day = day.replace(day=1)
    return found
