"""The payments desk: what staff see, what they find, and what nobody can do there."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from bh_sdk.server.admin import Guarded
from payments_svc.donations.models import Guest, Payment
from payments_svc.gateway.models import StripeEvent
from payments_svc.gateway.tasks import work_events
from tests.payments.conftest import Caller, StandIn, deliver
from tests.payments.test_reports import signed_in

pytestmark = pytest.mark.django_db
REPLAY = "/admin/payments_gateway/stripeevent/{}/replay/"
PAYMENTS = "/admin/payments_donations/payment/"


@pytest.fixture
def given(standin: StandIn, guest: Caller, campaign: Any) -> dict[str, Any]:
    """A guest's gift, with Stripe's events and a refund."""
    opened = guest.give(campaign, message="For the well", donor={"name": "Ruth Adler", "email": "ruth@demo.test"})
    standin.stripe.v1.refunds.create({"payment_intent": opened["payment_intent_id"], "amount": 700})
    for event in standin.events(opened["payment_intent_id"]):
        deliver(event)
    work_events()
    return opened


def ours() -> list[Guarded]:
    return [
        page
        for page in admin.site._registry.values()
        if isinstance(page, Guarded) and "payments_" in page.opts.app_label
    ]


def test_finance_opens_every_list_and_every_object(given: dict[str, Any]) -> None:
    client = signed_in("finance")
    for page in ours():
        assert client.get(page.address()).status_code == 200, page
        row = page.model._default_manager.first()
        if row is not None:
            assert client.get(page.address(row)).status_code == 200, page


def test_a_payment_tells_its_whole_story(given: dict[str, Any]) -> None:
    page = signed_in("finance").get(f"{PAYMENTS}{given['payment_id']}/change/").content.decode()
    for words in (
        "25.00",
        "For the well",
        "Ruth Adler",
        "Charged and booked",
        "Refunded",
        "campaign payable",
        given["payment_intent_id"],
    ):
        assert words in page, words


@pytest.mark.parametrize("term", ["payment_id", "payment_intent_id", "campaign_id", "mail"])
def test_a_payment_is_found_by(given: dict[str, Any], term: str) -> None:
    wanted = " RUTH@demo.test " if term == "mail" else given[term]
    page = signed_in("support").get(PAYMENTS, {"q": wanted}).content.decode()
    assert given["payment_id"] in page
    assert given["payment_id"] not in signed_in("support").get(PAYMENTS, {"q": "nobody@demo.test"}).content.decode()


@pytest.mark.parametrize("roles", [(), ("editor",), ("analyst",)])
def test_other_desks_see_no_money(given: dict[str, Any], roles: tuple[str, ...]) -> None:
    client = signed_in(*roles)
    # Analysts read what the gifts add up to, and no gift.
    theirs = {"analytics"} if "analyst" in roles else set()
    for page in ours():
        if page.thing in theirs:
            assert client.get(page.address()).status_code == 200, page
        else:
            assert client.get(page.address()).status_code in (302, 403), page


def test_an_auditor_sees_the_payment_but_not_who_the_guest_is(given: dict[str, Any]) -> None:
    client = signed_in("auditor")
    page = client.get(f"{PAYMENTS}{given['payment_id']}/change/").content.decode()
    assert "25.00" in page
    assert "Ruth Adler" not in page
    assert client.get("/admin/payments_donations/guest/").status_code == 403


def test_nobody_adds_changes_or_deletes_anything_by_hand(given: dict[str, Any]) -> None:
    client = signed_in("admin", "finance", "support")
    for page in ours():
        row = page.model._default_manager.first()
        assert client.get(page.address() + "add/").status_code in (403, 404), page
        if row is None:
            continue
        assert client.post(page.address(row), {"status": "canceled", "amount": 1}).status_code == 403, page
        assert client.post(page.address(row).replace("change/", "delete/"), {"post": "yes"}).status_code == 403, page
    assert Payment.objects.get().amount == 2500
    assert Guest.objects.count() == 1


class TestReplay:
    def address(self, client: Client, event: StripeEvent) -> str:
        """Where the page's own button points."""
        page = client.get(f"/admin/payments_gateway/stripeevent/{event.pk}/change/").content.decode()
        return next(iter(re.findall(r'"(/admin/[^"]*replay[^"]*)"', page)), REPLAY.format(event.pk))

    def press(self, client: Client, event: StripeEvent) -> Any:
        """What the dialog's button sends."""
        body = {"_form_submitted": "True"}
        return client.post(self.address(client, event), body, headers={"HX-Request": "true"})

    def test_finance_has_an_event_worked_again(self, given: dict[str, Any]) -> None:
        event, client = StripeEvent.objects.filter(state="done").first(), signed_in("finance")
        assert event is not None
        assert self.press(client, event).status_code == 200
        event.refresh_from_db()
        assert (event.state, event.note) == ("pending", "replay asked for")

    def test_support_may_not(self, given: dict[str, Any]) -> None:
        event, client = StripeEvent.objects.filter(state="done").first(), signed_in("support")
        assert event is not None
        assert self.press(client, event).status_code == 403
        event.refresh_from_db()
        assert event.state == "done"

    def test_a_link_does_not(self, given: dict[str, Any]) -> None:
        event, client = StripeEvent.objects.filter(state="done").first(), signed_in("finance")
        assert event is not None
        client.get(self.address(client, event))
        event.refresh_from_db()
        assert event.state == "done"


def test_an_events_page_masks_who_gave(given: dict[str, Any]) -> None:
    event = StripeEvent.objects.filter(type="payment_intent.succeeded").first()
    assert event is not None
    page = signed_in("finance").get(f"/admin/payments_gateway/stripeevent/{event.pk}/change/").content.decode()
    assert "•••" in page
    assert given["client_secret"] not in page
