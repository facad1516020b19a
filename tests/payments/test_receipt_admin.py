"""The receipts desk: find, open, send again, void, and start a year."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.sealed import keyed_hash
from payments_svc.donations.models import Guest, Payment
from payments_svc.receipts import declarations, tasks
from payments_svc.receipts.models import AnnualRun, Receipt
from tests.payments.receipts import MARCH, gift, issue, ruth
from tests.payments.test_reports import signed_in

pytestmark = pytest.mark.django_db

RECEIPTS = "/admin/payments_receipts/receipt/"
RUNS = "/admin/payments_receipts/annualrun/"
LAST = clock.now().year - 1


def press(client: Client, receipt: Receipt, button: str, **told: str) -> Any:
    told |= {"_form_submitted": "True"}
    return client.post(f"{RECEIPTS}{receipt.pk}/{button}/", told, headers={"HX-Request": "true"})


def test_the_page_tells_what_is_on_the_paper() -> None:
    (receipt,) = issue(gift())
    page = signed_in("support").get(f"{RECEIPTS}{receipt.pk}/change/").content.decode()
    for words in (receipt.number, "25.00", "Ruth Miriam Adler", "Clean water for Kisumu", "as it was issued", "/pdf/"):
        assert words in page, words


def test_it_is_found_by_number_in_either_style_mail_payment_and_donor() -> None:
    guest = Guest(
        email_hash=keyed_hash("ruth@demo.test", "email"), email="ruth@demo.test", name="Ruth", created_at=MARCH
    )
    guest.save(force_insert=True)
    payment = gift(donor_id=guest.id, user_id=None)
    (receipt,) = issue(payment)
    issue(gift())
    for term in (
        receipt.number,
        receipt.number.replace("-", ""),
        " Ruth@demo.test ",
        str(payment.id),
        str(guest.id),
        str(receipt.id),
    ):
        page = signed_in("support").get(RECEIPTS, {"q": term}).content.decode()
        assert f"{receipt.pk}/change" in page, term
        assert page.count("/change/?") + page.count('/change/"') <= 2, term


def test_finance_voids_with_a_reason_and_it_is_logged() -> None:
    (receipt,) = issue(gift())
    assert press(signed_in("finance"), receipt, "void", reason="").status_code == 200
    assert Receipt.objects.get().voided_at is None
    press(signed_in("finance"), receipt, "void", reason="The name was misspelt")
    kept = Receipt.objects.get()
    assert (kept.voided_at is not None, kept.void_reason) == (True, "The name was misspelt")
    assert "The name was misspelt" in LogEntry.objects.latest("id").change_message
    page = signed_in("finance").get(f"{RECEIPTS}{receipt.pk}/change/").content.decode()
    assert "Voided" in page


@pytest.mark.parametrize("role", ["support", "auditor", "analyst", "editor"])
def test_nobody_else_voids(role: str) -> None:
    (receipt,) = issue(gift())
    assert press(signed_in(role), receipt, "void", reason="because").status_code == 403
    assert Receipt.objects.get().voided_at is None


def test_support_sends_again() -> None:
    (receipt,) = issue(gift())
    press(signed_in("support"), receipt, "resend")
    told = RecordedEvent.objects.filter(type="payments.receipt.issued.v1").order_by("sequence")
    assert [event.payload["resent"] for event in told] == [False, True]


def test_a_voided_receipt_is_neither_sent_nor_voided_again() -> None:
    (receipt,) = issue(gift())
    press(signed_in("finance"), receipt, "void", reason="once")
    assert press(signed_in("finance"), receipt, "resend").status_code == 403
    assert press(signed_in("finance"), receipt, "void", reason="twice").status_code == 403
    assert Receipt.objects.get().void_reason == "once"


def test_the_paper_opens_for_whoever_may_look_and_it_is_logged() -> None:
    (receipt,) = issue(gift())
    answer = signed_in("support").get(f"{RECEIPTS}{receipt.pk}/pdf/")
    assert answer.content.startswith(b"%PDF-")
    assert LogEntry.objects.latest("id").change_message == "Opened the PDF"
    assert signed_in("editor").get(f"{RECEIPTS}{receipt.pk}/pdf/").status_code == 403
    assert signed_in("support").get(f"{RECEIPTS}{uuid.uuid4()}/pdf/").status_code == 404


def test_a_receipt_whose_gift_was_given_back_since_is_pointed_at() -> None:
    payment = gift()
    (receipt,) = issue(payment)
    assert "every receipt still holds" in signed_in("finance").get("/admin/").content.decode()
    Payment.objects.filter(id=payment.id).update(refunded=500)
    assert "a gift on them was given back since" in signed_in("finance").get("/admin/").content.decode()
    assert "was given back since" in signed_in("finance").get(f"{RECEIPTS}{receipt.pk}/change/").content.decode()


class TestTheYear:
    def start(self, role: str, year: int) -> Any:
        told = {"year": year, "_form_submitted": "True"}
        return signed_in(role).post(f"{RUNS}start/", told, headers={"HX-Request": "true"})

    def test_finance_starts_it_sees_how_far_it_is_and_takes_the_report(self) -> None:
        donor = uuid.uuid4()
        declarations.remember(donor_id=donor, to=ruth())
        june = datetime(LAST, 6, 1, tzinfo=UTC)
        gift(donor_id=donor, at=june)
        gift(at=june)
        self.start("finance", LAST)
        self.start("finance", LAST)
        run = AnnualRun.objects.get()
        tasks.work_annual_run()
        page = signed_in("finance").get(f"{RUNS}{run.pk}/change/").content.decode()
        for words in ("2 of 2", "Done", "The donor gave no name and address", "25.00 GBP"):
            assert words in page, words
        assert signed_in("finance").get(RUNS).status_code == 200
        sheet = signed_in("finance").get(f"/staff/reports/annual-receipts/?run_id={run.id}&format=csv")
        lines = sheet.getvalue().decode().splitlines()
        assert len(lines) == 3
        assert Receipt.objects.get().number in "".join(lines)
        assert "The donor gave no name and address for receipts" in "".join(lines)

    def test_a_year_that_is_not_over_is_no_choice(self) -> None:
        self.start("finance", clock.now().year)
        assert not AnnualRun.objects.exists()

    @pytest.mark.parametrize("role", ["support", "auditor", "analyst"])
    def test_nobody_else_starts_it(self, role: str) -> None:
        assert self.start(role, LAST).status_code == 403
        assert not AnnualRun.objects.exists()


def test_the_report_of_receipts_is_for_staff_who_may_see_them() -> None:
    (receipt,) = issue(gift())
    told = signed_in("auditor").get("/staff/reports/receipts/?format=json").json()
    assert [row["number"] for row in told["results"]] == [receipt.number]
    assert "Ruth" not in str(told)
    assert signed_in("editor").get("/staff/reports/receipts/?format=json").status_code == 403


def test_declarations_are_for_finance() -> None:
    declarations.declare(donor_id=uuid.uuid4(), to=ruth(), statement="2026-01", past_years=False)
    page = signed_in("finance").get("/admin/payments_receipts/giftaiddeclaration/").content.decode()
    assert "Ruth Miriam Adler" in page
    assert signed_in("support").get("/admin/payments_receipts/giftaiddeclaration/").status_code == 403
