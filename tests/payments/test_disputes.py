"""A donor's bank asks for the money back: it is booked when it leaves and when it is decided."""

from __future__ import annotations

from typing import Any

import pytest

from bh_sdk.server.events.models import RecordedEvent
from payments_svc.disputes.models import Dispute
from payments_svc.donations import commands
from payments_svc.donations.models import Payment
from payments_svc.ledger import queries as ledger
from payments_svc.ledger.models import Entry
from tests.payments.conftest import Caller, StandIn

pytestmark = pytest.mark.django_db


def balance(account: str) -> int:
    return sum(Entry.objects.filter(account=account).values_list("amount", flat=True))


@pytest.fixture
def disputed(standin: StandIn, donor: Caller, campaign: Any) -> Payment:
    opened = donor.give(campaign)
    charge = Payment.objects.get(id=opened["payment_id"]).charge_id
    standin.http.post(f"/_standin/charges/{charge}/dispute", json={}).raise_for_status()
    return commands.settle(Payment.objects.get().id)


def test_an_open_dispute_takes_the_money_aside(disputed: Payment) -> None:
    assert disputed.dispute_status == "open"
    assert balance("disputes") == 2500
    assert ledger.owed_to(disputed.campaign_id) == {"GBP": disputed.net}
    assert ledger.imbalance() == {"GBP": 0}


@pytest.mark.parametrize(("outcome", "lost"), [("won", 0), ("lost", 2500)])
def test_a_decision_is_booked_once_however_often_it_is_told(
    standin: StandIn, disputed: Payment, outcome: str, lost: int
) -> None:
    case = Dispute.objects.get()
    standin.http.post(f"/_standin/disputes/{case.stripe_id}", json={"status": outcome}).raise_for_status()
    for _ in range(3):
        payment = commands.settle(disputed.id)
    assert payment.dispute_status == outcome
    assert balance("disputes") == 0
    assert ledger.owed_to(payment.campaign_id) == {"GBP": payment.net - lost}
    told = RecordedEvent.objects.filter(type__startswith="payments.dispute").order_by("sequence")
    assert [row.type.split(".")[2] for row in told] == ["opened", "closed"]
    assert ledger.imbalance() == {"GBP": 0}


def test_the_payer_sees_it(disputed: Payment, donor: Caller) -> None:
    from tests.payments.conftest import person

    payer = person(sub=disputed.user_id)
    assert payer("GET", f"/{disputed.id}").json()["dispute_status"] == "open"
