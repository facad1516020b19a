"""The analytics page of the admin: the API's numbers, for whoever may see them all."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest

from bh_sdk.server.ops import clock
from payments_svc.insights.copies import COPIES, MANY
from tests.payments.conftest import person
from tests.payments.factories import CampaignFactory
from tests.payments.lives import CAMPAIGNS, consume, facts_of
from tests.payments.test_reports import signed_in, taken

pytestmark = pytest.mark.django_db

PAGE = "/admin/payments_insights/campaigntotal/"


@pytest.fixture(autouse=True)
def _something_given() -> None:
    COPIES.outdated([MANY])
    today = clock.now().date()
    CampaignFactory.create(id=CAMPAIGNS[0], title='A well & a "pump"')
    consume(facts_of(amount=2500, day=today - timedelta(days=3), steps=[("refund", 1000)]))
    consume(facts_of(donor=1, amount=1000, day=today, recurring=True))
    consume(facts_of(donor=2, day=today, arrives=None))
    consume(facts_of(campaign=1, amount=700, day=today))


def amount(text: str, currency: str) -> str:
    """An amount as a tile shows it."""
    return f'{text} <span class="bh-unit">{currency}</span>'


def charts(page: str) -> dict[str, Any]:
    found = re.findall(r'aria-label="([^"]+)" data-type="\w+" data-value="([^"]+)"', page)
    return {name: json.loads(html.unescape(data)) for name, data in found}


@pytest.mark.parametrize(("span", "granularity"), [("7", "day"), ("30", "day"), ("90", "week"), ("365", "month")])
def test_the_page_shows_what_the_api_answers(span: str, granularity: str) -> None:
    page = signed_in("finance").get(PAGE, {"span": span, "currency": "GBP"}).content.decode()
    today = clock.now().date()
    start = today - timedelta(days=int(span) - 1)
    asked = f"/analytics?start_date={start}&end_date={today}&granularity={granularity}"
    answer = person("finance")("GET", asked).json()
    (total,) = [each for each in answer["totals"] if each["currency"] == "GBP"]
    for shown in (
        amount(total["gross"], "GBP"),
        amount(total["net"], "GBP"),
        f"{total['new_donors']} new",
        "1 of 2 opened",
    ):
        assert shown in page
    drawn = charts(page)["Given and received"]
    rows = [row for row in answer["rows"] if row["currency"] == "GBP"]
    assert [value for value in drawn["datasets"][0]["data"] if value] == [float(r["gross"]) for r in rows if r["gifts"]]
    assert "A well &amp; a &quot;pump&quot;" in page


def test_one_currency_at_a_time() -> None:
    client = signed_in("analyst")
    assert amount("700", "JPY") in client.get(PAGE, {"currency": "JPY"}).content.decode()
    assert amount("700", "JPY") not in client.get(PAGE, {"currency": "GBP"}).content.decode()
    assert "Nothing in USD" in client.get(PAGE, {"currency": "USD"}).content.decode()


@pytest.mark.parametrize("odd", [{"span": "9999"}, {"span": "<b>"}, {"currency": "<script>"}, {"other": "1"}])
def test_an_odd_address_shows_the_page_as_it_opens(odd: dict[str, str]) -> None:
    page = signed_in("finance").get(PAGE, odd)
    assert page.status_code == 200
    assert "<script>alert" not in page.content.decode()
    assert amount("35.00", "GBP") in page.content.decode()


def test_only_those_who_may_see_all_campaigns_see_the_page() -> None:
    for role in ("finance", "analyst", "auditor", "admin"):
        client = signed_in(role)
        assert client.get(PAGE).status_code == 200
        assert PAGE in client.get("/admin/").content.decode()
    for role in ("support", "editor"):
        client = signed_in(role)
        assert client.get(PAGE).status_code == 403
        assert PAGE not in client.get("/admin/").content.decode()


def test_nothing_on_the_page_comes_from_elsewhere() -> None:
    answer = signed_in("finance").get(PAGE)
    loaded = re.findall(r'<(?:script|img|iframe)[^>]+src="([^"]+)"|<link[^>]+href="([^"]+)"', answer.content.decode())
    assert loaded
    assert all(("".join(each)).startswith("/static/") for each in loaded)
    assert "default-src 'self'" in answer["Content-Security-Policy"]


def test_the_first_page_says_what_was_given_today() -> None:
    assert "10.00 GBP, 700 JPY" in signed_in("finance").get("/admin/").content.decode()


def test_the_daily_figures_are_a_report() -> None:
    client = signed_in("analyst")
    today = str(clock.now().date())
    sheet = taken(client, "daily-figures", day_from=today, day_to=today, currency="GBP", method="card")
    header, line, *rest = sheet.splitlines()
    row = dict(zip(header.split(","), line.split(","), strict=True))
    assert (rest, row["gross"], row["gifts"], row["recurring_gross"]) == ([], "10.00", "1", "10.00")
    assert client.get("/staff/reports/daily-figures/").status_code == 200
    assert signed_in("support").get("/staff/reports/daily-figures/?format=json").status_code == 403
