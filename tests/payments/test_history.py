"""A donor's own payments, newest first."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from bh_sdk.server.ops import clock
from tests.payments.conftest import Caller, person
from tests.payments.factories import CampaignFactory, PaymentFactory

pytestmark = pytest.mark.django_db


def some(donor: Caller, count: int, **changes: Any) -> list[str]:
    now = clock.now()
    rows = [
        PaymentFactory.create(donor_id=donor.sub, created_at=now - timedelta(minutes=place), **changes)
        for place in range(count)
    ]
    return [str(row.id) for row in rows]


def test_pages_follow_one_another_to_the_end(donor: Caller) -> None:
    wanted = some(donor, 7)
    some(person(), 3)
    found, path = [], f"/history/{donor.sub}?limit=3"
    while path:
        page = donor("GET", path).json()
        found += [row["payment_id"] for row in page["results"]]
        path = (page["next"] or "").removeprefix("/api/v1/payments")
    assert found == wanted


def test_amounts_are_decimal_strings_of_their_currency(donor: Caller, db: None) -> None:
    some(donor, 1, currency="JPY", amount=500, charged=500, campaign=CampaignFactory.create(currency="JPY"))
    row = donor("GET", f"/history/{donor.sub}").json()["results"][0]
    assert (row["amount"], row["refunded_amount"], row["refund_status"]) == ("500", "0", "none")
    PaymentFactory.create(donor_id=donor.sub, amount=5, charged=1005, refunded=5, created_at=clock.now())
    row = donor("GET", f"/history/{donor.sub}").json()["results"][0]
    assert (row["amount"], row["charged"], row["refunded_amount"]) == ("0.05", "10.05", "0.05")
    assert row["refund_status"] == "partial"


def test_filters_narrow_it(donor: Caller) -> None:
    campaign = CampaignFactory.create()
    (wanted,) = some(donor, 1, campaign=campaign, status="canceled")
    some(donor, 2)
    page = donor("GET", f"/history/{donor.sub}?status=canceled&campaign_id={campaign.id}").json()
    assert [row["payment_id"] for row in page["results"]] == [wanted]
    tomorrow = (clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert donor("GET", f"/history/{donor.sub}?from={tomorrow}").json()["results"] == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=1e3", "cursor=xx", "status=odd", "from=soon", "page=2"]
)
def test_odd_filters_are_refused(donor: Caller, query: str) -> None:
    assert donor("GET", f"/history/{donor.sub}?{query}").status_code == 422


def test_others_have_no_history(donor: Caller) -> None:
    some(donor, 1)
    foreign, missing = person()("GET", f"/history/{donor.sub}"), person()("GET", f"/history/{uuid.uuid4()}")
    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert foreign.json()["detail"] == missing.json()["detail"]
    assert Caller()("GET", f"/history/{donor.sub}").status_code == 401
    assert len(person("support")("GET", f"/history/{donor.sub}").json()["results"]) == 1


def test_every_currency_prints_as_money_does(donor: Caller) -> None:
    from bh_sdk.money import CURRENCIES, Money

    now, wanted = clock.now(), []
    campaign = CampaignFactory.create()
    for place, code in enumerate(CURRENCIES):
        money = Money(1_234_567, code)
        wanted.append((code, money.decimal))
        PaymentFactory.create(
            donor_id=donor.sub,
            campaign=campaign,
            currency=code,
            amount=money.minor,
            charged=money.minor,
            created_at=now - timedelta(seconds=place),
        )
    found, path = [], f"/history/{donor.sub}?limit=100"
    while path:
        page = donor("GET", path).json()
        found += [(row["currency"], row["amount"]) for row in page["results"]]
        path = (page["next"] or "").removeprefix("/api/v1/payments")
    assert found == wanted
