"""Analytics of payments on the wire: figures by period and currency, and what a donor's gifts came to.

Amounts are decimal strings of the row's currency; currencies never add up. Shares are numbers from 0 to 1, or null where
there is nothing to divide by.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field, StringConstraints

from bh_sdk.wire.base import Answer

Granularity = Literal["day", "week", "month"]
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def _day(value: Any) -> Any:
    """A calendar day and nothing else: pydantic alone would take seconds since 1970 and times."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        value = date.fromisoformat(value)
    if type(value) is date and 2000 <= value.year <= 2999:
        return value
    raise ValueError("must be a day such as 2026-11-22")


Day = Annotated[date, BeforeValidator(_day), Field(strict=False, examples=["2026-11-22"])]
Method = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$"), Field(examples=["card"])]


class Refunds(Answer):
    """Refunds of the period, whenever the gift was. `reversed` are those that failed afterwards and came back."""

    count: int
    amount: str
    reversed_count: int
    reversed_amount: str
    rate: float | None = Field(description="What went back and stayed there, as a share of gross and covered fees")


class LostDisputes(Answer):
    count: int
    amount: str


class FeesPaid(Answer):
    processing: str
    platform: str
    undivided: str = Field(description="Fees of gifts from before facts told whose they were")


class RecurringShare(Answer):
    gifts: int
    gross: str
    share: float | None = Field(description="Of gross")


class Conversion(Answer):
    """Of the payments that donors opened in the period, those whose gift arrived, whenever it did. The charges of
    a recurring gift that its schedule makes are not among them."""

    opened: int
    succeeded: int
    rate: float | None


class Figures(Answer):
    """The figures of one currency. `net = gross + covered_fees - all fees`.

    Gifts count on the day they arrived, refunds and disputes on the day the money went. Everything adds up over periods
    except people: `donors` counts each once, however often and long they gave. A donor is new in the period of their
    first gift to what was asked for (the campaign, all campaigns of the organiser, or the platform), else returning.
    """

    currency: str
    gifts: int
    gross: str = Field(description="The gifts, before fees and before anything went back")
    covered_fees: str = Field(description="Fees that donors paid on top of their gifts")
    net: str = Field(description="What the campaigns receive of them")
    average: str | None = Field(description="gross / gifts, rounded down to the currency's smallest unit")
    donors: int
    new_donors: int
    returning_donors: int
    refunds: Refunds
    disputes_lost: LostDisputes
    fees: FeesPaid
    recurring: RecurringShare
    conversion: Conversion | None = Field(
        description="Null when a method was asked for: an opened payment has none yet"
    )


class PeriodFigures(Figures):
    period: date = Field(description="The first day: of the week (a Monday) or month as in the calendar, UTC")


class CampaignFigures(Answer):
    """One campaign in the period."""

    campaign_id: UUID
    title: str
    currency: str
    gifts: int
    gross: str
    net: str


class Analytics(Answer):
    """Periods without anything are left out. Days before `start_date` and after `end_date` never count, also in the first
    and last week or month."""

    start_date: date
    end_date: date
    granularity: Granularity
    campaign_id: UUID | None
    method: str | None
    rows: list[PeriodFigures]
    totals: list[Figures]
    top_campaigns: list[CampaignFigures] = Field(description="Up to ten of each currency, most gross first")


class DonorSums(Answer):
    """What a donor gave in one currency. `total_amount` is what is left of it: refunds and lost disputes are off."""

    currency: str
    total_donations: int
    total_amount: str
    average_donation: str | None
    campaigns_supported: int
    given: str = Field(description="Everything that arrived")
    refunded: str
    disputed: str
    first_on: date
    last_on: date


class DonorStats(Answer):
    """Gifts that arrived, anonymous ones included: it is the donor's own account. A gift given back whole is none."""

    user_id: UUID
    total_donations: int
    campaigns_supported: int
    currencies: list[DonorSums]


class SupportedCampaign(Answer):
    campaign_id: UUID
    title: str
    status: str
    category: str | None
    currency: str
    given: str = Field(description="What is left of the donor's gifts to it")
    raised: str
    goal: str


class CategoryShare(Answer):
    category: str | None
    campaigns: int


class DonorImpact(Answer):
    """What a donor's gifts took part in. `campaigns` are the hundred that they gave to last."""

    user_id: UUID
    campaigns_supported: int
    recipients_helped: int
    funded_campaigns: int = Field(description="Supported campaigns that reached their goal or were completed")
    active_campaigns: int
    categories: list[CategoryShare]
    campaigns: list[SupportedCampaign]
