"""One donation, from the intent to the books."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from bh_sdk.server.events.models import RecordedEvent
from payments_svc.donations.models import Guest, Handoff, Payment
from payments_svc.ledger.models import Journal
from tests.payments.conftest import Caller, StandIn, person
from tests.payments.factories import CampaignFactory

pytestmark = pytest.mark.django_db


def facts(payment_id: str) -> list[str]:
    rows = RecordedEvent.objects.filter(aggregateid=payment_id).order_by("sequence")
    return [row.type.removeprefix("payments.") for row in rows]


def lines(payment_id: str) -> dict[tuple[str, str], int]:
    journals = Journal.objects.filter(payment_id=payment_id)
    return {(entry.account, entry.line): entry.amount for journal in journals for entry in journal.entries.all()}


def test_a_guest_gives_and_the_books_say_so(standin: StandIn, guest: Caller, campaign: Any) -> None:
    answer = guest.open(campaign, "25.00", message="For the well")
    opened = answer.json()
    assert answer.status_code == 201, opened
    assert (opened["status"], opened["amount"], opened["charged"]) == ("requires_payment_method", "25.00", "25.00")
    assert (opened["fees"], opened["net_amount"]) == ({"processing": "0.93", "platform": "0.50"}, "23.57")
    assert opened["user_id"] is None

    confirmed = guest.confirm(opened)
    assert (confirmed.status_code, confirmed.json()["status"]) == (200, "succeeded"), confirmed.json()

    assert facts(opened["payment_id"]) == ["donation.created.v1", "donation.succeeded.v1"]
    assert sum(lines(opened["payment_id"]).values()) == 0
    assert lines(opened["payment_id"])["stripe_balance", "charge"] == 2500
    assert lines(opened["payment_id"])["platform_revenue", "platform_fee"] == -50


def test_covered_fees_are_charged_and_the_campaign_gets_the_gift(
    standin: StandIn, donor: Caller, campaign: Any
) -> None:
    opened = donor.give(campaign, "25.00", cover_fees=True)
    assert (opened["amount"], opened["charged"], opened["net_amount"]) == ("25.00", "26.47", "25.00")
    assert lines(opened["payment_id"])["stripe_balance", "charge"] == 2647


def test_yen_have_no_pence_anywhere(standin: StandIn, donor: Caller, db: None) -> None:
    opened = donor.give(CampaignFactory.create(currency="JPY", goal=100_000), "500")
    assert (opened["amount"], opened["charged"]) == ("500", "500")
    assert [intent.amount for intent in standin.intents(opened["payment_id"])] == [500]
    assert lines(opened["payment_id"])["stripe_balance", "charge"] == 500


@pytest.mark.parametrize(
    ("code", "amount", "at_stripe", "minor"), [("UGX", "5000", 500_000, 5000), ("KWD", "1.250", 1250, 1250)]
)
def test_currencies_that_stripe_counts_differently(
    standin: StandIn, donor: Caller, code: str, amount: str, at_stripe: int, minor: int
) -> None:
    opened = donor.open(CampaignFactory.create(currency=code, goal=10_000_000), amount).json()
    assert opened["amount"] == amount
    assert [intent.amount for intent in standin.intents(opened["payment_id"])] == [at_stripe]
    assert Payment.objects.get(id=opened["payment_id"]).charged == minor


def test_a_step_that_stripe_cannot_charge_is_refused(donor: Caller, db: None) -> None:
    refused = donor.open(CampaignFactory.create(currency="KWD", goal=10_000), "1.255")
    assert (refused.status_code, refused.json()["code"], refused.json()["step"]) == (422, "amount_invalid", "0.010")
    assert Payment.objects.count() == 0


def test_a_declined_card_is_told_in_the_donors_words_and_can_be_tried_again(
    standin: StandIn, donor: Caller, campaign: Any
) -> None:
    opened = donor.open(campaign).json()
    declined = donor.confirm(opened, "pm_card_visa_chargeDeclinedInsufficientFunds").json()
    assert (declined["status"], declined["failure_code"]) == ("requires_payment_method", "insufficient_funds")
    assert "insufficient funds" in declined["failure_message"]
    assert donor.confirm(opened).json()["status"] == "succeeded"
    assert facts(opened["payment_id"]) == ["donation.created.v1", "donation.failed.v1", "donation.succeeded.v1"]
    assert Journal.objects.filter(payment_id=opened["payment_id"]).count() == 1


def test_a_bank_that_wants_to_see_the_donor_says_where(standin: StandIn, donor: Caller, campaign: Any) -> None:
    waiting = donor.confirm(donor.open(campaign).json(), "pm_card_authenticationRequired").json()
    assert waiting["status"] == "requires_action"
    assert waiting["next_action"]["type"]


@pytest.mark.parametrize(
    ("change", "amount", "status", "code"),
    [
        ({"status": "DRAFT"}, "25.00", 409, "campaign_not_accepting"),
        ({"status": "COMPLETED"}, "25.00", 409, "campaign_not_accepting"),
        ({"min_amount": 3000}, "25.00", 422, "amount_out_of_bounds"),
        ({"max_amount": 2000}, "25.00", 422, "amount_out_of_bounds"),
        ({}, "0.29", 422, "amount_out_of_bounds"),
        ({}, "1000000.00", 422, "amount_out_of_bounds"),
        ({}, "25.001", 422, "amount_invalid"),
        ({}, "1E+999999", 422, "amount_invalid"),
        ({}, "-25.00", 422, "amount_invalid"),
    ],
)
def test_what_a_campaign_does_not_take_changes_nothing(
    donor: Caller, db: None, change: dict[str, Any], amount: str, status: int, code: str
) -> None:
    refused = donor.open(CampaignFactory.create(**change), amount)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert Payment.objects.count() == RecordedEvent.objects.count() == 0


def test_the_goal_never_caps(standin: StandIn, donor: Caller, db: None) -> None:
    assert donor.open(CampaignFactory.create(goal=100, status="FUNDED"), "500.00").status_code == 201


def test_the_currency_is_the_campaigns(donor: Caller, campaign: Any) -> None:
    refused = donor.open(campaign, currency="USD")
    assert (refused.status_code, refused.json()["code"]) == (422, "currency_mismatch")


def test_one_mail_address_is_one_guest(standin: StandIn, guest: Caller, campaign: Any) -> None:
    first = guest.open(campaign).json()
    second = guest.open(campaign, donor={"name": "Ruth", "email": "  RUTH@demo.test"}).json()
    payments = Payment.objects.filter(id__in=[first["payment_id"], second["payment_id"]])
    assert len({payment.donor_id for payment in payments}) == 1
    assert Guest.objects.get().name.open() == "Ruth Adler"
    assert Handoff.objects.get(kind=Handoff.CONTACT_TO_NOTIFY).version == 1
    guest.confirm(second)
    assert Guest.objects.get().name.open() == "Ruth"
    assert Handoff.objects.get(kind=Handoff.CONTACT_TO_NOTIFY).version == 2


def test_whoever_types_an_address_changes_nothing_of_what_its_owner_gave(
    standin: StandIn, guest: Caller, campaign: Any
) -> None:
    guest.give(campaign, donor={"name": "Victor", "email": "victor@demo.test"})
    guest.open(campaign, donor={"name": "Rude Word", "email": "victor@demo.test"})
    recent = guest("GET", f"/campaigns/{campaign.id}/totals").json()["recent"]
    assert [gift["display_name"] for gift in recent] == ["Victor"]
    assert Guest.objects.get().name.open() == "Victor"


@pytest.mark.parametrize("name", ["http://evil.example/win", "win at www.evil.test", "me@evil.test", "evil.com"])
def test_a_name_that_is_an_address_is_not_shown(standin: StandIn, guest: Caller, campaign: Any, name: str) -> None:
    guest.give(campaign, donor={"name": name, "email": "x@demo.test"})
    assert guest("GET", f"/campaigns/{campaign.id}/totals").json()["recent"][0]["display_name"] is None


@pytest.mark.parametrize("name", ["a\u2028b", "a\u202eb", "a\u0085b", "a\nb", ""])
def test_a_name_that_hides_something_is_refused(guest: Caller, campaign: Any, name: str) -> None:
    refused = guest.open(campaign, donor={"name": name, "email": "x@demo.test"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/donor/name")


def test_a_guest_says_who_they_are_and_a_user_does_not(guest: Caller, donor: Caller, campaign: Any) -> None:
    body = {"campaign_id": str(campaign.id), "amount": "5.00", "currency": "GBP"}
    nameless = guest("POST", "/create-intent", body, key=uuid.uuid4())
    assert (nameless.status_code, nameless.json()["errors"][0]["pointer"]) == (422, "/donor")
    named = donor.open(campaign, donor={"name": "Ruth", "email": "ruth@demo.test"})
    assert (named.status_code, named.json()["errors"][0]["pointer"]) == (422, "/donor")


def test_nothing_personal_is_in_any_fact(standin: StandIn, guest: Caller, campaign: Any) -> None:
    guest.give(campaign, message="my secret prayer", donor={"name": "Zebedee Quill", "email": "zebedee@demo.test"})
    told = " ".join(str(row.payload) for row in RecordedEvent.objects.all()).lower()
    assert "zebedee" not in told
    assert "prayer" not in told
    assert "pi_" not in told


class TestWhoSeesAPayment:
    def test_its_payer_does_and_another_user_finds_nothing(
        self, standin: StandIn, donor: Caller, campaign: Any
    ) -> None:
        opened = donor.give(campaign)
        assert donor("GET", f"/{opened['payment_id']}").json()["status"] == "succeeded"
        missing, foreign = person()("GET", f"/{uuid.uuid4()}"), person()("GET", f"/{opened['payment_id']}")
        assert (missing.status_code, foreign.status_code) == (404, 404)
        assert missing.json()["detail"] == foreign.json()["detail"]

    def test_a_guest_does_with_the_link_of_the_mail(self, standin: StandIn, guest: Caller, campaign: Any) -> None:
        from django.conf import settings

        from bh_sdk.tokens import gift_link

        opened = guest.give(campaign)
        link = gift_link(settings.BH_LINK_KEY, uuid.UUID(opened["payment_id"]))
        assert guest("GET", f"/{opened['payment_id']}?link={link}").status_code == 200
        assert guest("GET", f"/{opened['payment_id']}").status_code == 404
        assert guest("GET", f"/{opened['payment_id']}?link={link[:-2]}xx").status_code == 404

    @pytest.mark.parametrize("role", ["support", "finance", "auditor", "admin"])
    def test_staff_do(self, standin: StandIn, donor: Caller, campaign: Any, role: str) -> None:
        opened = donor.open(campaign).json()
        assert person(role)("GET", f"/{opened['payment_id']}").status_code == 200

    @pytest.mark.parametrize("role", ["editor", "analyst"])
    def test_staff_of_other_desks_do_not(self, standin: StandIn, donor: Caller, campaign: Any, role: str) -> None:
        opened = donor.open(campaign).json()
        assert person(role)("GET", f"/{opened['payment_id']}").status_code == 404

    def test_anothers_intent_cannot_be_confirmed(self, standin: StandIn, donor: Caller, campaign: Any) -> None:
        opened = donor.open(campaign).json()
        stolen = {"payment_intent_id": opened["payment_intent_id"], "payment_method_id": "pm_card_visa"}
        assert person()("POST", "/confirm", stolen, key=uuid.uuid4()).status_code == 404
        assert Payment.objects.get(id=opened["payment_id"]).status == "requires_payment_method"


@pytest.mark.parametrize("name", ["notify", "trust", "payments"])
def test_the_other_services_touch_no_payment(standin: StandIn, donor: Caller, campaign: Any, name: str) -> None:
    from tests.payments.conftest import service

    opened = donor.open(campaign).json()
    caller = service(name)
    assert caller("GET", f"/{opened['payment_id']}").status_code in (403, 404)
    assert caller.open(campaign).status_code == 403
    assert caller.confirm(opened).status_code == 403
    assert caller("GET", f"/history/{donor.sub}").status_code in (403, 404)


def test_covered_fees_do_not_push_a_gift_over_the_most(donor: Caller, campaign: Any) -> None:
    refused = donor.open(campaign, "999999.00", cover_fees=True)
    assert (refused.status_code, refused.json()["code"]) == (422, "amount_out_of_bounds")
    assert Payment.objects.count() == 0
