"""What the platform tells of a campaign, and whom payments tells in turn."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from bh_sdk.server.ops import clock
from payments_svc.donations import handoffs
from payments_svc.donations.models import Campaign, Handoff
from payments_svc.donations.tasks import hand_off
from tests.payments.conftest import Caller, StandIn, person, service
from tests.payments.factories import CampaignFactory, PaymentFactory

pytestmark = pytest.mark.django_db


def told(**changes: Any) -> dict[str, Any]:
    body = {"title": "A well", "owner_id": str(uuid.uuid4()), "currency": "GBP", "goal": "5000.00", "status": "FUNDING"}
    return body | changes


def put(caller: Caller, body: dict[str, Any], campaign_id: Any = None) -> Any:
    return caller("PUT", f"/campaigns/{campaign_id or uuid.uuid4()}", body)


def test_a_new_campaign_is_a_201_and_a_change_a_200() -> None:
    monolith, campaign_id = service("monolith"), uuid.uuid4()
    first = put(monolith, told(min_amount="5.00"), campaign_id)
    assert (first.status_code, first.json()["min_amount"], first.json()["max_amount"]) == (201, "5.00", None)
    again = put(monolith, told(status="COMPLETED"), campaign_id)
    assert (again.status_code, again.json()["status"], again.json()["min_amount"]) == (200, "COMPLETED", None)
    assert Campaign.objects.count() == 1


def test_trust_and_notify_are_to_be_told_and_told_again() -> None:
    monolith, campaign_id = service("monolith"), uuid.uuid4()
    put(monolith, told(), campaign_id)
    put(monolith, told(title="A deeper well"), campaign_id)
    rows = {row.kind: row.version for row in Handoff.objects.filter(entity_id=campaign_id, due_at__isnull=False)}
    assert rows == {Handoff.CAMPAIGN_TO_TRUST: 2, Handoff.CAMPAIGN_TO_NOTIFY: 2}


@pytest.mark.parametrize(
    "change",
    [
        {"goal": "1.001"},
        {"goal": 5000},
        {"currency": "gbp"},
        {"currency": "ABC"},
        {"status": "OPEN"},
        {"min_amount": "9.00", "max_amount": "8.00"},
        {"title": ""},
        {"title": "two\nlines"},
        {"owner_id": "me"},
        {"ends_at": "2026-13-01T00:00:00Z"},
        {"extra": 1},
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(change: dict[str, Any]) -> None:
    assert put(service("monolith"), told(**change)).status_code == 422
    assert Campaign.objects.count() == Handoff.objects.count() == 0


def test_the_currency_stays_once_there_are_gifts() -> None:
    campaign = PaymentFactory.create().campaign
    refused = put(service("monolith"), told(currency="USD"), campaign.id)
    assert (refused.status_code, refused.json()["currency"]) == (409, "GBP")


@pytest.mark.parametrize("caller", ["guest", "donor", "finance", "admin", "notify", "trust", "payments"])
def test_only_the_platform_tells(caller: str) -> None:
    who = (
        Caller()
        if caller == "guest"
        else service(caller)
        if caller in ("notify", "trust", "payments")
        else person(caller)
    )
    assert put(who, told()).status_code in (401, 403)
    assert Campaign.objects.count() == 0


class TestHandoff:
    def due(self) -> Handoff:
        campaign = CampaignFactory.create()
        handoffs.campaign_changed(campaign.id, at=clock.now())
        return Handoff.objects.get(kind=Handoff.CAMPAIGN_TO_TRUST, entity_id=campaign.id)

    def test_a_neighbour_that_is_away_is_told_later(self) -> None:
        self.due()
        assert hand_off() == 0
        for row in Handoff.objects.all():
            assert row.due_at is not None
            assert row.due_at > clock.now()
            assert row.attempts == 1
            assert row.last_error

    def test_what_changed_while_it_was_told_is_told_again(self) -> None:
        row = self.due()
        handoffs.campaign_changed(row.entity_id, at=clock.now())
        handoffs.done(row)
        row.refresh_from_db()
        assert (row.due_at is not None, row.done_at) == (True, None)

    def test_pauses_grow_and_stay_bounded(self) -> None:
        row = self.due()
        for attempts in (0, 3, 50):
            row.attempts = attempts
            handoffs.failed(row, "Unavailable")
            row.refresh_from_db()
            assert row.due_at is not None
            assert row.due_at - clock.now() <= timedelta(minutes=10)

    def test_a_row_that_cannot_be_told_lets_the_others_pass(self) -> None:
        """A guest whose row is gone cannot be described; the campaigns behind it are tried all the same."""
        handoffs.guest_changed(uuid.uuid4(), at=clock.now() - timedelta(hours=1))
        self.due()
        assert hand_off() == 0
        assert {row.kind: row.attempts for row in Handoff.objects.all()} == dict.fromkeys(
            (Handoff.CONTACT_TO_NOTIFY, Handoff.CAMPAIGN_TO_TRUST, Handoff.CAMPAIGN_TO_NOTIFY), 1
        )
        assert Handoff.objects.get(kind=Handoff.CONTACT_TO_NOTIFY).last_error == "DoesNotExist"
        assert all(row.last_error for row in Handoff.objects.all())

    def test_two_workers_do_not_share_a_row(self) -> None:
        self.due()
        assert len(handoffs.claim(10)) == 2
        assert handoffs.claim(10) == []


def test_totals_of_a_campaign_without_gifts_are_zero(guest: Caller, campaign: Any) -> None:
    answer = guest("GET", f"/campaigns/{campaign.id}/totals").json()
    assert (answer["raised"], answer["donors"], answer["gifts"], answer["recent"]) == ("0.00", 0, 0, [])
    assert guest("GET", f"/campaigns/{uuid.uuid4()}/totals").status_code == 404


def test_recent_gifts_name_nobody_who_did_not_want_it(
    standin: StandIn, guest: Caller, donor: Caller, campaign: Any
) -> None:
    guest.give(campaign, "5.00", donor={"name": "Ruth Adler", "email": "ruth@demo.test"})
    guest.give(campaign, "6.00", anonymous=True, donor={"name": "Ruth Adler", "email": "ruth@demo.test"})
    donor.give(campaign, "7.00")
    recent = guest("GET", f"/campaigns/{campaign.id}/totals").json()["recent"]
    assert {gift["amount"]: gift["display_name"] for gift in recent} == {
        "5.00": "Ruth Adler",
        "6.00": None,
        "7.00": None,
    }
    assert all(set(gift) == {"display_name", "amount", "message", "created_at"} for gift in recent)
