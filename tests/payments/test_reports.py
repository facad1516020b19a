"""What staff take along: read-only, by policy, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from bh_sdk.server.access.models import Staff
from bh_sdk.server.admin import reports
from bh_sdk.server.admin.reports import harmless
from tests.payments.conftest import Caller, StandIn
from tests.payments.factories import CampaignFactory, PaymentFactory

pytestmark = pytest.mark.django_db


def signed_in(*roles: str) -> Client:
    staff = Staff.objects.create(username=f"s{uuid.uuid4().hex[:8]}", sub=uuid.uuid4(), roles=list(roles))
    client = Client(raise_request_exception=False)
    client.force_login(staff)
    return client


def taken(client: Client, report: str, **filters: str) -> str:
    """The CSV of a report, as it streams out."""
    answer = client.get(f"/staff/reports/{report}/", {"format": "csv"} | filters)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


def test_finance_reads_payments_as_json_and_csv(standin: StandIn, donor: Caller) -> None:
    evil = CampaignFactory.create(title='=HYPERLINK("http://x","y")')
    PaymentFactory.create(campaign=evil, amount=2500, charged=2500)
    client = signed_in("finance")
    row = client.get("/staff/reports/payments/?format=json").json()["results"][0]
    assert (row["amount"], row["currency"]) == ("25.00", "GBP")
    sheet = taken(client, "payments")
    (line,) = csv.DictReader(io.StringIO(sheet))
    assert line["campaign"].startswith("'=")
    assert line["amount"] == "25.00"


def test_the_ledger_report_sums_to_zero(standin: StandIn, donor: Caller, campaign: Any) -> None:
    donor.give(campaign)
    rows = signed_in("finance").get("/staff/reports/ledger/?format=json").json()["results"]
    assert round(sum(float(row["amount"]) for row in rows), 2) == 0
    assert len(rows) == 8


def test_a_sheet_holds_every_row_that_fits_and_not_a_page() -> None:
    campaign = CampaignFactory.create()
    PaymentFactory.create_batch(60, campaign=campaign)
    PaymentFactory.create(campaign=campaign, status="succeeded")
    client = signed_in("finance")
    assert len(client.get("/staff/reports/payments/?format=json").json()["results"]) == 50
    assert len(list(csv.DictReader(io.StringIO(taken(client, "payments"))))) == 61
    assert len(list(csv.DictReader(io.StringIO(taken(client, "payments", status="succeeded"))))) == 1
    nothing = taken(client, "payments", status="canceled")
    assert nothing.startswith("id,created_at,")
    assert nothing.count("\n") == 1


def test_more_rows_than_a_sheet_holds_are_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "LARGEST_SHEET", 2)
    PaymentFactory.create_batch(2, campaign=CampaignFactory.create())
    client = signed_in("finance")
    assert taken(client, "payments").count("\n") == 3
    PaymentFactory.create()
    refused = client.get("/staff/reports/payments/?format=csv")
    assert (refused.status_code, refused.json()["limit"]) == (400, 2)


def test_a_report_is_narrowed_by_days_and_amounts() -> None:
    campaign, day = CampaignFactory.create(), datetime(2026, 3, 10, 23, 30, tzinfo=UTC)
    early = PaymentFactory.create(campaign=campaign, created_at=day, amount=1000, charged=1000)
    late = PaymentFactory.create(campaign=campaign, created_at=day + timedelta(hours=1), amount=2000, charged=2000)
    client = signed_in("finance")

    def ids(**narrow: str) -> set[str]:
        rows = client.get("/staff/reports/payments/", {"format": "json"} | narrow).json()["results"]
        return {row["id"] for row in rows}

    assert ids(created_at_from="2026-03-10", created_at_to="2026-03-10") == {str(early.id)}
    assert ids(created_at_from="2026-03-11") == {str(late.id)}
    assert ids(created_at_to="2026-03-11T00:30:00Z") == {str(early.id)}
    assert ids(amount_from="10.01", currency="GBP") == {str(late.id)}
    assert ids(amount_from="10.00", amount_to="10.00", currency="GBP") == {str(early.id)}
    assert ids(campaign_id=str(campaign.id), status="", search="") == {str(early.id), str(late.id)}
    assert ids(ordering="amount", limit="1") == {str(early.id)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("colour", "red"),
        ("statu", "succeeded"),
        ("campaign_id", "not-an-id"),
        ("created_at_from", "yesterday"),
        ("created_at_to", "2026-02-30"),
        ("created_at_from", "2026-03-10T00:00:00"),
        ("amount_from", "10.00"),
        ("ordering", "donor_id"),
        ("status", "a\x00b"),
        ("status", "bogus"),
        ("status", "Succeeded"),
    ],
)
@pytest.mark.parametrize("form", ["json", "csv", "html"])
def test_a_filter_that_cannot_be_meant_is_refused_and_never_ignored(name: str, value: str, form: str) -> None:
    refused = signed_in("finance").get("/staff/reports/payments/", {name: value, "format": form})
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")
    assert refused.json()["errors"][0]["pointer"] == f"#/query/{name}"


def test_the_page_of_a_report_looks_like_the_admin_and_shows_words_as_words() -> None:
    PaymentFactory.create(campaign=CampaignFactory.create(title="<script>alert(1)</script>"))
    client = signed_in("finance")
    page = client.get("/staff/reports/payments/?status=created")
    text = page.content.decode()
    assert page.status_code == 200
    assert page["Content-Type"].startswith("text/html")
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert(1)" not in text
    assert 'href="/staff/reports/payments/?status=created&amp;format=csv"' in text
    assert 'name="created_at_from"' in text
    assert 'value="created"' in text


def test_the_shelf_and_the_sidebar_name_what_one_may_read() -> None:
    assert "Payments" in signed_in("finance").get("/staff/reports/?format=json").json()
    assert signed_in("editor").get("/staff/reports/?format=json").json() == {}
    assert "/staff/reports/payments/" in signed_in("finance").get("/admin/").content.decode()
    assert "/staff/reports/payments/" not in signed_in("editor").get("/admin/").content.decode()
    assert Client().get("/staff/reports/?format=json").status_code in (401, 403)


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
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("-25.00", "-25.00"),
        (" @x", "' @x"),
        ("plain", "plain"),
        ("\u200b=1+1", "'\u200b=1+1"),
        ("\ufeff=1+1", "'\ufeff=1+1"),
        (" \u2060\u200d+1", "' \u2060\u200d+1"),
        ("\u200b\t=1", "'\u200b\t=1"),
        ("\u200bplain", "\u200bplain"),
        ("\u200b", "\u200b"),
        ("", ""),
    ],
)
def test_formulas_are_shown_as_text(value: str, shown: str) -> None:
    assert harmless(value) == shown


@pytest.mark.parametrize("form", ["csv", "json"])
def test_one_row_taken_along_is_in_the_log(form: str) -> None:
    payment = PaymentFactory.create()
    client = signed_in("finance")
    client.get(f"/staff/reports/payments/{payment.pk}/?format=html")
    assert LogEntry.objects.count() == 0
    assert client.get(f"/staff/reports/payments/{payment.pk}/?format={form}").status_code == 200
    entry = LogEntry.objects.get()
    assert entry.object_repr == f"report payments {payment.pk}"
    assert entry.get_change_message() == f"Took along 1 row as {form}"
    assert client.get(f"/staff/reports/payments/{uuid.uuid4()}/?format={form}").status_code == 404
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("report", "name"),
    [
        ("payments", "status"),
        ("refunds", "status"),
        ("breaks", "kind"),
        ("breaks", "state"),
        ("reconciliations", "state"),
    ],
)
def test_a_word_that_the_column_never_holds_is_refused_with_those_it_may(report: str, name: str) -> None:
    refused = signed_in("finance").get(f"/staff/reports/{report}/", {name: "bogus", "format": "json"})
    assert refused.status_code == 400
    (error,) = refused.json()["errors"]
    assert error["message"].startswith("must be one of ")
    one = error["message"].removeprefix("must be one of ").split(", ")[0]
    assert signed_in("finance").get(f"/staff/reports/{report}/", {name: one, "format": "json"}).status_code == 200
