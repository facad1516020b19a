"""A donor's own account: what they gave, and what it took part in."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.payments.conftest import Caller, person, service
from tests.payments.factories import CampaignFactory
from tests.payments.lives import CAMPAIGNS, DONORS, consume, facts_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaigns() -> list[Any]:
    owner = uuid.uuid4()
    return [
        CampaignFactory.create(id=CAMPAIGNS[0], status="FUNDING", category="water", owner_id=owner),
        CampaignFactory.create(id=CAMPAIGNS[1], status="COMPLETED", currency="JPY", category="water", owner_id=owner),
        CampaignFactory.create(id=CAMPAIGNS[2], status="FUNDED", category=None),
    ]


def stats(caller: Caller, donor: Any = DONORS[0]) -> Any:
    return caller("GET", f"/donors/{donor}/stats")


def impact(caller: Caller, donor: Any = DONORS[0]) -> Any:
    return caller("GET", f"/donors/{donor}/impact")


def test_a_donor_reads_what_they_gave_by_currency(campaigns: list[Any]) -> None:
    consume(facts_of(amount=1000))
    consume(facts_of(amount=2001, steps=[("refund", 500)]))
    consume(facts_of(campaign=1, amount=700))
    consume(facts_of(campaign=2, amount=300, steps=[("lost", 300)]))
    consume(facts_of(donor=1, amount=9999))
    found = stats(person(sub=DONORS[0])).json()
    assert (found["total_donations"], found["campaigns_supported"]) == (3, 2)
    assert found["currencies"] == [
        {
            "currency": "GBP",
            "total_donations": 2,
            "total_amount": "25.01",
            "average_donation": "12.50",
            "campaigns_supported": 1,
            "given": "33.01",
            "refunded": "5.00",
            "disputed": "3.00",
            "first_on": "2026-02-20",
            "last_on": "2026-02-20",
        },
        {
            "currency": "JPY",
            "total_donations": 1,
            "total_amount": "700",
            "average_donation": "700",
            "campaigns_supported": 1,
            "given": "700",
            "refunded": "0",
            "disputed": "0",
            "first_on": "2026-02-20",
            "last_on": "2026-02-20",
        },
    ]


def test_the_impact_names_campaigns_of_whose_gifts_something_is_left(campaigns: list[Any]) -> None:
    consume(facts_of(amount=1000))
    consume(facts_of(campaign=1, amount=700))
    consume(facts_of(campaign=2, amount=300, steps=[("refund", 300)]))
    consume(facts_of(donor=1, amount=500))
    found = impact(person(sub=DONORS[0])).json()
    assert (found["campaigns_supported"], found["recipients_helped"]) == (2, 1)
    assert (found["funded_campaigns"], found["active_campaigns"]) == (1, 1)
    assert found["categories"] == [{"category": "water", "campaigns": 2}]
    shown = {row["campaign_id"]: (row["given"], row["raised"], row["currency"]) for row in found["campaigns"]}
    assert shown == {str(CAMPAIGNS[0]): ("10.00", "15.00", "GBP"), str(CAMPAIGNS[1]): ("700", "700", "JPY")}


def test_somebody_who_never_gave_reads_nothing_and_no_error() -> None:
    someone = person()
    assert stats(someone, someone.sub).json() == {
        "user_id": str(someone.sub),
        "total_donations": 0,
        "campaigns_supported": 0,
        "currencies": [],
    }
    assert impact(someone, someone.sub).json()["campaigns"] == []


@pytest.mark.parametrize("look", [stats, impact])
def test_the_donor_staff_and_the_platform_may_and_others_hear_that_there_is_none(look: Any) -> None:
    for caller in (person(sub=DONORS[0]), person("support"), person("finance"), person("auditor"), service("monolith")):
        assert look(caller).status_code == 200
    for caller in (person(), person("recipient"), person("editor"), person("analyst")):
        assert (look(caller).status_code, look(caller).json()["code"]) == (404, "not_found")
    for caller in (service("trust"), service("notify")):
        assert look(caller).status_code == 403
    assert look(Caller()).status_code == 401
