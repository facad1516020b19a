"""The payouts desk: the right button for the right person, and what a tired one has to see."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.test import Client

from bh_sdk.server.access.models import Staff
from payments_svc.payouts import commands, sending
from payments_svc.payouts.models import Payout, PayoutAccount
from tests.payments.conftest import StandIn, service
from tests.payments.paying_out import ANNA, BEN, account, approved, asked, hold

pytestmark = pytest.mark.django_db
PAGE = "/admin/payments_payouts/payout/"


class Person:
    """Somebody of the staff at the desk."""

    def __init__(self, name: str, *roles: str, sub: Any = None) -> None:
        self.staff = Staff.objects.create(username=name, name=name, sub=sub or uuid.uuid4(), roles=list(roles))
        self.client = Client(raise_request_exception=False)
        self.client.force_login(self.staff)

    def page(self, payout: Payout) -> str:
        return self.client.get(f"{PAGE}{payout.pk}/change/").content.decode()

    def buttons(self, payout: Payout) -> set[str]:
        return set(re.findall(rf"{PAGE}{payout.pk}/([a-z_]+)/\"", self.page(payout))) - {"change"}

    def press(self, button: str, payout: Payout, **fields: str) -> int:
        body = {"_form_submitted": "True", **fields}
        answer = self.client.post(f"{PAGE}{payout.pk}/{button}/", body, headers={"HX-Request": "true"})
        payout.refresh_from_db()
        return answer.status_code

    def heap(self, name: str) -> str:
        return self.client.get(PAGE, {"desk": name}).content.decode()


@pytest.fixture
def anna() -> Person:
    return Person("Anna", "finance", sub=ANNA)


@pytest.fixture
def ben() -> Person:
    return Person("Ben", "finance", sub=BEN)


def test_a_large_payout_from_asking_to_the_bank(anna: Person, ben: Person) -> None:
    payout = asked(60_000)
    assert anna.buttons(payout) == {"approve", "reject"}
    anna.press("approve", payout)
    assert (payout.status, anna.buttons(payout)) == ("approved_once", {"reject"})
    assert "another person of finance" in anna.page(payout)
    assert str(payout.id) in ben.heap("second")
    ben.press("approve", payout)
    assert payout.status == "approved"
    assert str(payout.id) in anna.heap("bank")
    anna.press("begin", payout)
    assert anna.buttons(payout) == {"record", "leave"}
    anna.press("record", payout, reference="FT-2026-0042")
    assert (payout.status, payout.bank_reference) == ("paid", "FT-2026-0042")
    page = ben.page(payout)
    for words in ("FT-2026-0042", "Approved, first of two", "Anna", "Ben", "payouts in flight", "Paid out"):
        assert words in page, words
    ben.press("came_back", payout, note="The bank says: account closed")
    assert payout.status == "failed"


def test_who_approved_alone_does_not_send(anna: Person, ben: Person) -> None:
    payout = approved()
    assert anna.buttons(payout) == {"reject"}
    assert anna.press("begin", payout) == 403
    assert ben.buttons(payout) == {"begin", "reject"}
    ben.press("begin", payout)
    ben.press("leave", payout)
    assert payout.status == "approved"


def test_a_member_of_staff_with_a_campaign_of_their_own_decides_nothing_about_it() -> None:
    payout = asked()
    owner = Person("Owner", "finance", "admin", sub=payout.owner_id)
    assert owner.buttons(payout) == set()
    for button in ("approve", "reject"):
        assert owner.press(button, payout, note="For myself") == 403
    assert payout.status == "requested"
    assert "your own money" in owner.page(payout)


@pytest.mark.parametrize("roles", [("support",), ("auditor",)])
def test_others_look_and_press_nothing(roles: tuple[str, ...]) -> None:
    payout = asked()
    looker = Person("Looker", *roles)
    assert looker.buttons(payout) == set()
    assert looker.press("approve", payout) == 403
    assert payout.status == "requested"


def test_a_hold_is_seen_with_its_way_forward(anna: Person) -> None:
    payout = asked()
    hold(payout.campaign_id)
    page = anna.page(payout)
    assert "On hold" in page
    assert "A trust analyst lifts it" in page
    assert str(payout.id) in anna.heap("held")
    anna.press("approve", payout)
    assert payout.status == "requested"
    campaign = anna.client.get(f"/admin/payments_donations/campaign/{payout.campaign_id}/change/").content.decode()
    assert "Escrow in GBP" in campaign
    assert "A trust analyst lifts it" in campaign
    assert anna.client.get("/admin/payments_payouts/hold/").status_code == 200


def test_a_freshly_changed_account_is_pointed_at(standin: StandIn, anna: Person) -> None:
    payout = asked()
    service("monolith")("PUT", f"/payout-accounts/{payout.owner_id}", {"account_id": account(standin)})
    assert "The account was changed on" in anna.page(payout)
    commands.approve_payout(payout_id=payout.id, by=ANNA)
    assert Payout.objects.get().method == "stripe_transfer"


def test_rejecting_takes_a_note(anna: Person) -> None:
    payout = asked()
    anna.press("reject", payout, note="no")
    assert payout.status == "requested"
    anna.press("reject", payout, note="The beneficiary is not named")
    assert (payout.status, payout.reason) == ("rejected", "The beneficiary is not named")


def test_the_first_page_counts_the_heaps(anna: Person) -> None:
    asked()
    asked(60_000)
    approved()
    front = anna.client.get("/admin/").content.decode()
    for words in ("Payouts to approve", "Payouts to transfer by bank", "Payouts stopped by a hold"):
        assert words in front, words
    for name in ("waiting", "second", "held", "bank"):
        assert anna.client.get(PAGE, {"desk": name}).status_code == 200


@pytest.mark.parametrize("term", ["id", "campaign_id", "owner_id", "bank_reference"])
def test_a_payout_is_found_by(anna: Person, ben: Person, term: str) -> None:
    payout = approved()
    sending.begin_bank_transfer(payout_id=payout.id, by=BEN)
    payout = sending.record_bank_transfer(payout_id=payout.id, reference="FT-77", by=BEN)
    found = anna.client.get(PAGE, {"q": str(getattr(payout, term))}).content.decode()
    assert f"{PAGE}{payout.pk}/change/" in found
    assert f"{PAGE}{payout.pk}/change/" not in anna.client.get(PAGE, {"q": str(uuid.uuid4())}).content.decode()


def test_an_admin_sets_an_account_and_finance_does_not(standin: StandIn, anna: Person) -> None:
    payout, account_id = asked(), account(standin)
    service("monolith")("PUT", f"/payout-accounts/{payout.owner_id}", {"account_id": account_id})
    path = f"/admin/payments_payouts/payoutaccount/{payout.owner_id}/set_account/"
    body = {"_form_submitted": "True", "account": ""}
    assert anna.client.post(path, body, headers={"HX-Request": "true"}).status_code == 403
    admin = Person("Root", "admin")
    admin.client.post(path, body, headers={"HX-Request": "true"})
    assert PayoutAccount.objects.get().account_id is None


def test_the_report_lists_payouts(anna: Person) -> None:
    payout = approved()
    (row,) = anna.client.get("/staff/reports/payouts/?format=json").json()["results"]
    assert (row["id"], row["amount"], row["status"]) == (str(payout.id), "300.00", "approved")
    assert Person("Editor", "editor").client.get("/staff/reports/payouts/?format=json").status_code == 403
