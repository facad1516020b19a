"""The refunds desk in the admin: what support and finance do there, and what nobody can do there."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from bh_sdk.errors import SecondPersonNeeded
from bh_sdk.server.access.models import Staff
from bh_sdk.server.events.models import FeedEntry, RecordedEvent
from payments_svc.donations import settling
from payments_svc.donations.models import Campaign, Payment
from payments_svc.refunds import batches
from payments_svc.refunds.commands import approve_refund
from payments_svc.refunds.models import Refund, RefundBatch
from payments_svc.refunds.tasks import work_batches
from tests.payments.conftest import Caller, StandIn, person
from tests.payments.refunding import ask, at_stripe, work

pytestmark = pytest.mark.django_db
REFUNDS = "/admin/payments_refunds/refund/"


class Desk:
    """Somebody of the staff at the admin, with a browser's manners."""

    def __init__(self, *roles: str) -> None:
        self.staff = Staff.objects.create(
            username=f"s{uuid.uuid4().hex[:8]}", name="Martha Quist", sub=uuid.uuid4(), roles=list(roles)
        )
        self.client = Client(raise_request_exception=False)
        self.client.force_login(self.staff)

    @property
    def caller(self) -> Caller:
        """The same person with a token."""
        return person(*self.staff.roles, sub=self.staff.sub)

    def page(self, model: str, key: Any) -> str:
        app = "payments_donations" if model in ("payment", "campaign") else "payments_refunds"
        return self.client.get(f"/admin/{app}/{model}/{key}/change/").content.decode()

    def dialog(self, model: str, key: Any, name: str) -> str:
        """The dialog behind a button of an object's page."""
        shown = self.client.get(self.address(model, key, name), headers={"HX-Request": "true"})
        return shown.content.decode() if shown.status_code == 200 else str(shown.status_code)

    def press(self, model: str, key: Any, name: str, **fields: Any) -> Any:
        body = {"_form_submitted": "True"} | fields
        return self.client.post(self.address(model, key, name), body, headers={"HX-Request": "true"})

    def address(self, model: str, key: Any, name: str) -> str:
        app = "payments_donations" if model in ("payment", "campaign") else "payments_refunds"
        found = re.findall(rf'"(/admin/{app}/{model}/[^"]*{name}[^"]*)"', self.page(model, key))
        return next((each for each in found if str(key) in each), f"/admin/{app}/{model}/{key}/{name}/")


@pytest.fixture
def payment(standin: StandIn, donor: Caller, campaign: Any) -> str:
    return str(donor.give(campaign, "900.00")["payment_id"])


def asked(desk: Desk, payment: str, **changes: Any) -> Any:
    fields = {"amount": "600.00", "reason": "requested_by_customer", "notes": "", "ticket": uuid.uuid4()} | changes
    return desk.press("payment", payment, "refund", **fields)


class TestAsking:
    def test_the_dialog_says_what_is_left_and_who_else_is_needed(self, payment: str) -> None:
        shown = Desk("support").dialog("payment", payment, "refund")
        for words in ("Left to refund", "900.00 GBP", "finance approves it above 500.00 GBP", "Choose…"):
            assert words in shown, words
        assert "somebody else of finance" in Desk("finance").dialog("payment", payment, "refund")

    def test_support_asks_and_the_payment_shows_it(self, payment: str) -> None:
        desk = Desk("support")
        assert asked(desk, payment).status_code == 200
        refund = Refund.objects.get()
        assert (refund.status, refund.requested_by) == ("pending_approval", desk.staff.sub)
        page = desk.page("payment", payment)
        assert "600.00 GBP" in page
        assert "300.00 GBP" in page
        assert "A refund was asked for" in page

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"amount": "900.01"}, "Only 900.00 GBP is left"),
            ({"amount": "0"}, "Say how much"),
            ({"amount": "a lot"}, ""),
            ({"reason": ""}, "required"),
            ({"reason": "other"}, "Say what the reason is"),
        ],
    )
    def test_what_makes_no_sense_is_said_in_the_dialog(self, payment: str, fields: Any, words: str) -> None:
        shown = asked(Desk("support"), payment, **fields).content.decode()
        assert words in shown
        assert Refund.objects.count() == 0

    def test_pressing_twice_asks_once(self, payment: str) -> None:
        desk, ticket = Desk("support"), uuid.uuid4()
        for _ in range(2):
            asked(desk, payment, amount="10.00", ticket=ticket)
        assert Refund.objects.count() == 1

    def test_a_dispute_is_said_before_anything_is_filled_in(self, payment: str) -> None:
        Payment.objects.update(dispute_status="open")
        desk = Desk("support")
        assert "disputes this payment" in desk.dialog("payment", payment, "refund")
        asked(desk, payment)
        assert Refund.objects.count() == 0

    @pytest.mark.parametrize("roles", [("auditor",), ("analyst",)])
    def test_others_have_no_button(self, payment: str, roles: tuple[str, ...]) -> None:
        assert asked(Desk(*roles), payment).status_code == 403
        assert Refund.objects.count() == 0

    def test_a_payment_without_anything_left_has_no_button(self, payment: str) -> None:
        desk = Desk("support")
        asked(desk, payment, amount="900.00")
        assert asked(desk, payment, amount="1.00").status_code == 403


class TestDeciding:
    def test_finance_approves_and_the_timeline_tells_each_step(self, standin: StandIn, payment: str) -> None:
        support, finance = Desk("support"), Desk("finance")
        asked(support, payment, notes="Wrote on Monday")
        refund = Refund.objects.get()
        assert "Waits for approval" in finance.page("refund", refund.id)
        assert finance.press("refund", refund.id, "approve", notes="Spoke to Ruth").status_code == 200
        work()
        page = finance.page("refund", refund.id)
        for words in (
            "Asked for",
            "Wrote on Monday",
            "Approved",
            "Spoke to Ruth",
            "Martha Quist",
            "Sent to Stripe",
            "Accepted by Stripe",
            "Booked in the ledger",
            "Refunded",
            "Trust told",
            "Donor told",
            "Ledger: refund",
        ):
            assert words in page, words
        assert len(at_stripe(standin, payment)) == 1

    def test_told_means_numbered_on_the_road(self, payment: str) -> None:
        desk = Desk("support")
        asked(desk, payment, amount="10.00")
        work()
        refund = Refund.objects.get()
        assert "as soon as the road has passed it on" in desk.page("refund", refund.id)
        fact = RecordedEvent.objects.get(type="payments.refund.succeeded.v1")
        FeedEntry.objects.create(number=4711, position=fact, numbered_at=timezone.now())
        assert "by fact number 4711" in desk.page("refund", refund.id)

    def test_rejecting_needs_a_why(self, payment: str) -> None:
        finance = Desk("finance")
        asked(Desk("support"), payment)
        refund = Refund.objects.get()
        finance.press("refund", refund.id, "reject", notes="")
        assert Refund.objects.get().status == "pending_approval"
        finance.press("refund", refund.id, "reject", notes="Not the donor's address")
        refund.refresh_from_db()
        assert (refund.status, refund.decision_notes) == ("rejected", "Not the donor's address")

    def test_who_asked_withdraws(self, payment: str) -> None:
        desk = Desk("support")
        asked(desk, payment)
        refund = Refund.objects.get()
        assert Desk("support").press("refund", refund.id, "withdraw", notes="").status_code == 403
        desk.press("refund", refund.id, "withdraw", notes="Wrong gift")
        assert Refund.objects.get().status == "canceled"

    def test_the_list_approves_many_each_by_itself(self, standin: StandIn, donor: Caller, campaign: Any) -> None:
        maker, checker = Desk("finance"), Desk("finance")
        payments = [str(donor.give(campaign, "10.00")["payment_id"]) for _ in range(3)]
        for each in payments:
            asked(maker, each, amount="10.00")
        Payment.objects.filter(id=payments[0]).update(dispute_status="open")
        everything = {"action": "approve_chosen", "_selected_action": [row.pk for row in Refund.objects.all()]}
        answer = checker.client.post(REFUNDS, everything, follow=True).content.decode()
        assert "2 approved" in answer
        assert "1 not" in answer
        assert sorted(row.status for row in Refund.objects.all()) == ["approved", "approved", "pending_approval"]


class TestTheMakerNeverApproves:
    @pytest.fixture
    def maker(self, payment: str) -> Desk:
        """Somebody with every role there is; there is no superuser flag that would add anything."""
        desk = Desk("admin", "finance", "support")
        asked(desk, payment, amount="10.00")
        assert Refund.objects.get().status == "pending_approval"
        return desk

    def untouched(self) -> bool:
        return Refund.objects.get().status == "pending_approval" and not Refund.objects.get().approved_by

    def test_by_the_button(self, maker: Desk) -> None:
        refund = Refund.objects.get()
        page = maker.page("refund", refund.id)
        assert "somebody else of finance decides" in page
        for verb in ("approve", "reject"):
            assert maker.press("refund", refund.id, verb, notes="it is fine").status_code == 403
        assert self.untouched()

    def test_by_the_list(self, maker: Desk) -> None:
        everything = {"action": "approve_chosen", "_selected_action": [str(Refund.objects.get().pk)]}
        answer = maker.client.post(REFUNDS, everything, follow=True).content.decode()
        assert "0 approved" in answer
        assert "somebody else decides" in answer
        assert self.untouched()

    def test_by_the_api(self, maker: Desk) -> None:
        refund = Refund.objects.get()
        answer = maker.caller("POST", f"/refunds/{refund.id}/approve", {}, key=uuid.uuid4())
        assert answer.json()["code"] == "second_person_needed"
        assert self.untouched()

    def test_by_a_form(self, maker: Desk) -> None:
        refund = Refund.objects.get()
        body = {"status": "approved", "approved_by": str(uuid.uuid4()), "requested_by": str(uuid.uuid4())}
        assert maker.client.post(f"{REFUNDS}{refund.id}/change/", body).status_code == 403
        assert maker.client.get(f"{REFUNDS}add/").status_code in (403, 404)
        assert self.untouched()

    def test_by_asking_through_one_door_and_approving_through_another(self, standin: StandIn, payment: str) -> None:
        desk = Desk("finance")
        ask(desk.caller, payment, "10.00")
        refund = Refund.objects.get()
        assert desk.press("refund", refund.id, "approve", notes="").status_code == 403
        assert self.untouched()

    def test_by_being_made_a_superuser(self, maker: Desk) -> None:
        assert not maker.staff.is_superuser
        assert not maker.staff.has_perm("payments_refunds.change_refund")
        maker.staff.is_superuser = True
        with pytest.raises(SecondPersonNeeded):
            approve_refund(refund_id=Refund.objects.get().id, by=maker.staff.sub)
        assert self.untouched()


class TestOneThatCameBack:
    @pytest.fixture
    def back(self, standin: StandIn, payment: str) -> Refund:
        asked(Desk("support"), payment, amount="10.00")
        work()
        made = at_stripe(standin, payment)[0]
        standin.settle_refund(made.id, status="failed", failure_reason="lost_or_stolen_card")
        settling.settle(uuid.UUID(payment))
        return Refund.objects.get()

    def test_the_first_page_presses_and_the_case_says_what_to_do(self, back: Refund) -> None:
        desk = Desk("finance")
        first = desk.client.get("/admin/").content.decode()
        assert "Refunds that came back" in first
        assert "the donors have not got their money" in first
        page = desk.page("refund", back.id)
        assert "Ask again, or close the case" in page
        assert "Donor told that it came back" in page

    def test_a_new_one_is_asked_from_it(self, back: Refund) -> None:
        desk = Desk("support")
        shown = desk.dialog("refund", back.id, "ask_again")
        assert 'value="10.00"' in shown
        desk.press(
            "refund",
            back.id,
            "ask_again",
            amount="10.00",
            reason="requested_by_customer",
            notes="",
            ticket=uuid.uuid4(),
        )
        again = Refund.objects.exclude(id=back.id).get()
        assert (again.retry_of_id, again.status) == (back.id, "approved")
        assert desk.dialog("refund", back.id, "ask_again") == "403"

    def test_finance_closes_it(self, back: Refund) -> None:
        Desk("finance").press("refund", back.id, "close", notes="Paid by transfer")
        back.refresh_from_db()
        assert back.closed_at is not None
        assert "every refund has arrived" in Desk("finance").client.get("/admin/").content.decode()


class TestABatch:
    def test_finance_starts_it_from_the_campaign_and_somebody_else_approves_it(
        self, standin: StandIn, donor: Caller, campaign: Any
    ) -> None:
        for _ in range(2):
            donor.give(campaign, "10.00")
        maker, checker = Desk("finance"), Desk("finance")
        assert maker.press("campaign", campaign.id, "refund_all", notes="").status_code == 403
        Campaign.objects.update(status="CANCELLED")
        assert Desk("support").press("campaign", campaign.id, "refund_all", notes="").status_code == 403
        maker.press("campaign", campaign.id, "refund_all", notes="The board decided")
        batch = RefundBatch.objects.get()
        assert "Still to be asked for" in maker.page("refundbatch", batch.id)
        work_batches()
        work_batches()
        RefundBatch.objects.update(due_at=None)
        assert maker.press("refundbatch", batch.id, "approve", notes="").status_code == 403
        assert "somebody else of finance approves" in maker.page("refundbatch", batch.id)
        assert checker.press("refundbatch", batch.id, "approve", notes="").status_code == 200
        batches.go_on(batch.id)
        work()
        page = checker.page("refundbatch", batch.id)
        assert "2 of 2" in page
        assert checker.client.get(f"{REFUNDS}?batch__id__exact={batch.id}").status_code == 200
