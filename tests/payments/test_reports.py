"""What staff take along: read-only, by policy, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import uuid
from typing import Any

import pytest
from django.test import Client

from bh_sdk.server.access.models import Staff
from bh_sdk.server.admin.reports import harmless
from tests.payments.conftest import Caller, StandIn
from tests.payments.factories import CampaignFactory, PaymentFactory

pytestmark = pytest.mark.django_db


def signed_in(*roles: str) -> Client:
    staff = Staff.objects.create(username=f"s{uuid.uuid4().hex[:8]}", sub=uuid.uuid4(), roles=list(roles))
    client = Client(raise_request_exception=False)
    client.force_login(staff)
    return client


def test_finance_reads_payments_as_json_and_csv(standin: StandIn, donor: Caller) -> None:
    evil = CampaignFactory.create(title='=HYPERLINK("http://x","y")')
    PaymentFactory.create(campaign=evil, amount=2500, charged=2500)
    client = signed_in("finance")
    row = client.get("/staff/reports/payments/?format=json").json()["results"][0]
    assert (row["amount"], row["currency"]) == ("25.00", "GBP")
    sheet = client.get("/staff/reports/payments/?format=csv").content.decode()
    (line,) = csv.DictReader(io.StringIO(sheet))
    assert line["campaign"].startswith("'=")
    assert line["amount"] == "25.00"


def test_the_ledger_report_sums_to_zero(standin: StandIn, donor: Caller, campaign: Any) -> None:
    donor.give(campaign)
    rows = signed_in("finance").get("/staff/reports/ledger/?format=json").json()["results"]
    assert round(sum(float(row["amount"]) for row in rows), 2) == 0
    assert len(rows) == 8


@pytest.mark.parametrize("roles", [("editor",), ("analyst",), ()])
def test_other_desks_are_refused(roles: tuple[str, ...]) -> None:
    refused = signed_in(*roles).get("/staff/reports/payments/?format=json")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


def test_nobody_writes_through_a_report() -> None:
    client = signed_in("finance", "admin")
    row = PaymentFactory.create()
    for method in ("post", "put", "patch", "delete"):
        assert getattr(client, method)(f"/staff/reports/payments/{row.id}/").status_code in (403, 405)


def test_a_token_is_no_ticket_to_a_report(donor: Caller) -> None:
    from tests.tokens import bearer, user_token

    answer = Client().get("/staff/reports/payments/?format=json", headers=bearer(user_token(roles=["finance"])))
    assert answer.status_code in (401, 403)


@pytest.mark.parametrize(
    ("value", "shown"), [("=1+1", "'=1+1"), ("-25.00", "-25.00"), (" @x", "' @x"), ("plain", "plain")]
)
def test_formulas_are_shown_as_text(value: str, shown: str) -> None:
    assert harmless(value) == shown
