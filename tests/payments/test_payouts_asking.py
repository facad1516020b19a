"""Asking for campaign funds: whose they are, when, and how much."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bh_sdk.server.events.models import RecordedEvent
from payments_svc.payouts import commands
from payments_svc.payouts.models import Payout
from tests.payments.conftest import Caller, person, service
from tests.payments.factories import campaign as a_campaign
from tests.payments.paying_out import ANNA, Watch, asked, funded, gift, hold

pytestmark = pytest.mark.django_db


def ask(caller: Caller, campaign: Any, amount: str | None = None, *, key: Any = None) -> Any:
    body = {"campaign_id": str(campaign.id)} | ({"amount": amount} if amount is not None else {})
    return caller("POST", "/payouts", body, key=key or uuid.uuid4())


def test_an_organiser_asks_for_everything_that_is_there() -> None:
    campaign, owner = funded(41_250)
    answer = ask(owner, campaign)
    assert answer.status_code == 201, answer.json()
    payout = Payout.objects.get()
    assert answer.json() == {
        "payout_id": str(payout.id),
        "campaign_id": str(campaign.id),
        "owner_id": str(owner.sub),
        "amount": "412.50",
        "currency": "GBP",
        "status": "requested",
        "on_hold": False,
        "method": None,
        "reference": None,
        "reason": None,
        "created_at": answer.json()["created_at"],
        "settled_at": None,
    }
    assert (payout.requested_by, payout.approvals_needed) == (owner.sub, 1)
    told = RecordedEvent.objects.get(type="payments.payout.requested.v1")
    assert (told.payload["amount"], told.payload["owner_id"]) == ("412.50", str(owner.sub))


@pytest.mark.parametrize(("amount", "needed"), [("500.00", 1), ("500.01", 2)])
def test_above_the_threshold_two_people_have_to_approve(amount: str, needed: int) -> None:
    campaign, owner = funded()
    ask(owner, campaign, amount)
    assert Payout.objects.get().approvals_needed == needed


def test_the_same_key_asks_once() -> None:
    campaign, owner = funded()
    key = uuid.uuid4()
    first, again = (ask(owner, campaign, "100.00", key=key) for _ in range(2))
    assert first.json() == again.json()
    assert Payout.objects.count() == 1


@pytest.mark.parametrize("stranger", ["donor", "recipient", "finance", "admin"])
def test_somebody_elses_campaign_is_not_there(stranger: str) -> None:
    campaign, _ = funded()
    refused = ask(person(stranger), campaign)
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert not Payout.objects.exists()


def test_guests_and_services_do_not_ask(guest: Caller) -> None:
    campaign, _ = funded()
    assert ask(guest, campaign).status_code == 401
    assert ask(service("monolith"), campaign).status_code == 403
    assert not Payout.objects.exists()


def test_the_first_payout_waits_seven_days_after_the_first_gift() -> None:
    owner = person("recipient")
    campaign = a_campaign(owner_id=owner.sub)
    assert ask(owner, campaign).json()["code"] == "funds_not_available"
    gift(campaign, 50_000, ago=timedelta(days=7) - timedelta(minutes=1))
    early = ask(owner, campaign)
    assert (early.status_code, early.json()["code"]) == (409, "payout_too_early")
    shown = owner("GET", f"/campaigns/{campaign.id}/escrow").json()["possible_from"]
    assert early.json()["possible_from"].startswith(shown.removesuffix("Z"))
    gift(campaign, 100, ago=timedelta(days=7))
    assert ask(owner, campaign).status_code == 201


def test_once_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(tmp_path / "clock", monkeypatch)
    campaign, owner = funded()
    assert ask(owner, campaign, "100.00").status_code == 201
    assert ask(owner, campaign, "100.00").json()["code"] == "payout_too_early"
    watch.forward(timedelta(hours=24, seconds=1))
    assert ask(owner, campaign, "100.00").status_code == 201


def test_a_rejected_payout_does_not_count_as_todays() -> None:
    payout = asked()
    commands.reject_payout(payout_id=payout.id, note="The account's name differs", by=ANNA)
    assert ask(person("recipient", sub=payout.owner_id), payout.campaign).status_code == 201


def test_less_than_the_minimum_is_refused_until_the_campaign_is_over() -> None:
    campaign, owner = funded(3_000)
    refused = ask(owner, campaign, "24.99")
    assert (refused.status_code, refused.json()["minimum"]) == (422, "25.00")
    poor, its_owner = funded(1_000)
    assert ask(its_owner, poor).json()["code"] == "funds_not_available"
    over, last_owner = funded(1_000, status="COMPLETED")
    assert ask(last_owner, over).json()["amount"] == "10.00"


@pytest.mark.parametrize("amount", ["1000.01", "5000.00"])
def test_more_than_is_there_is_refused_and_nothing_is_written(amount: str) -> None:
    campaign, owner = funded()
    refused = ask(owner, campaign, amount)
    assert (refused.status_code, refused.json()["code"]) == (409, "funds_not_available")
    assert refused.json()["available"] == "1000.00"
    assert not Payout.objects.exists()
    assert not RecordedEvent.objects.filter(type__startswith="payments.payout").exists()


@pytest.mark.parametrize("amount", ["0", "0.00", "-5", "1e3", "25.001", ""])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    campaign, owner = funded()
    assert ask(owner, campaign, amount).status_code == 422
    assert not Payout.objects.exists()


@pytest.mark.parametrize("status", ["CANCELLED", "REJECTED", "DRAFT"])
def test_gifts_of_a_campaign_that_will_not_be_go_to_no_organiser(status: str) -> None:
    campaign, owner = funded(status=status)
    assert ask(owner, campaign).json()["code"] == "conflict"
    assert not Payout.objects.exists()


def test_an_organiser_sees_their_own_payouts_and_no_others() -> None:
    mine, other = asked(), asked()
    owner = person(sub=mine.owner_id)
    assert [row["payout_id"] for row in owner("GET", "/payouts").json()["results"]] == [str(mine.id)]
    assert owner("GET", f"/payouts/{mine.id}").json()["amount"] == "300.00"
    assert owner("GET", f"/payouts/{other.id}").status_code == 404
    assert owner("GET", f"/payouts?campaign_id={other.campaign_id}").json()["results"] == []
    for reader in (person("finance"), person("auditor"), service("monolith")):
        assert reader("GET", f"/payouts/{other.id}").status_code == 200


def test_an_organiser_takes_a_payout_back_before_it_is_approved() -> None:
    payout = asked()
    owner = person(sub=payout.owner_id)
    assert person()("POST", f"/payouts/{payout.id}/cancel", key=uuid.uuid4()).status_code == 404
    assert owner("POST", f"/payouts/{payout.id}/cancel", key=uuid.uuid4()).json()["status"] == "canceled"
    refused = owner("POST", f"/payouts/{payout.id}/cancel", key=uuid.uuid4())
    assert (refused.json()["code"], refused.json()["payout_status"]) == ("payout_not_open", "canceled")
    told = RecordedEvent.objects.get(type="payments.payout.rejected.v1")
    assert told.payload["withdrawn"] is True


def test_an_approved_payout_is_not_taken_back() -> None:
    payout = asked()
    commands.approve_payout(payout_id=payout.id, by=ANNA)
    owner = person(sub=payout.owner_id)
    assert owner("POST", f"/payouts/{payout.id}/cancel", key=uuid.uuid4()).status_code == 409
    assert Payout.objects.get().status == "approved"


def test_the_organiser_sees_that_a_hold_stops_it() -> None:
    payout = asked()
    owner = person(sub=payout.owner_id)
    hold(payout.owner_id, "user")
    assert owner("GET", f"/payouts/{payout.id}").json()["on_hold"] is True
    assert owner("GET", f"/campaigns/{payout.campaign_id}/escrow").json()["on_hold"] is True
