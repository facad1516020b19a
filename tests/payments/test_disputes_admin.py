"""The desk's page of a dispute: what it says, who may do what there, and that nothing happens by accident."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from bh_sdk.server.ops import clock
from payments_svc.disputes import answers
from payments_svc.disputes.models import Dispute, EvidenceFile
from payments_svc.disputes.tasks import answer_banks
from payments_svc.donations import settling
from payments_svc.donations.models import Payment
from tests.payments.conftest import StandIn
from tests.payments.test_disputes import decide, disputed, given
from tests.payments.test_disputes_answers import JPEG, PDF, files_in_a_room, submissions
from tests.payments.test_reports import signed_in

__all__ = ["disputed", "files_in_a_room", "given"]
pytestmark = pytest.mark.django_db
LIST = "/admin/payments_disputes/dispute/"


@pytest.fixture
def case(disputed: Payment) -> Dispute:
    return Dispute.objects.get()


def page(client: Client, case: Dispute) -> str:
    return client.get(f"{LIST}{case.pk}/change/").content.decode()


def save(client: Client, case: Dispute, **texts: str) -> Any:
    return client.post(f"{LIST}{case.pk}/evidence/draft/", texts, follow=True)


def attach(client: Client, case: Dispute, content: bytes = PDF, kind: str = "receipt") -> Any:
    file = SimpleUploadedFile("Brief von Ruth.pdf", content)
    return client.post(f"{LIST}{case.pk}/evidence/files/", {"kind": kind, "file": file}, follow=True)


def press(client: Client, case: Dispute, button: str) -> Any:
    address = f"{LIST}{case.pk}/{button}/"
    return client.post(address, {"_form_submitted": "True"}, headers={"HX-Request": "true"})


SUBMIT, ACCEPT = "submit-evidence", "accept-loss"


@pytest.fixture(autouse=True)
def addresses(case: Dispute) -> None:
    """The buttons' own addresses, as the page names them."""
    import re

    global SUBMIT, ACCEPT
    found = page(signed_in("finance"), case)
    names = re.findall(rf"{LIST}{case.pk}/([\w-]+)/", found)
    SUBMIT = next(name for name in names if "submit" in name)
    ACCEPT = next(name for name in names if "accept" in name)


def test_the_page_says_what_the_bank_asks_and_until_when(case: Dispute) -> None:
    shown = page(signed_in("finance"), case)
    for words in ("25.00", "fraudulent", "days left", "3-D Secure", "recommended", "-20.00 GBP", case.stripe_id):
        assert words in shown, words


@pytest.mark.parametrize(
    ("left", "words", "pressing"),
    [(timedelta(days=8, hours=1), "8 days left", False), (timedelta(days=2, hours=1), "2 days left", True),
     (timedelta(hours=5, minutes=1), "5 hours left", True), (timedelta(seconds=-1), "Deadline passed", True)],
)  # fmt: skip
def test_deadlines_press(case: Dispute, left: timedelta, words: str, pressing: bool) -> None:
    Dispute.objects.update(evidence_due_at=clock.now() + left)
    client = signed_in("finance")
    assert words in client.get(LIST).content.decode()
    assert words in page(client, case)
    today = client.get("/admin/").content.decode()
    before = today.index("Disputes to answer")
    assert ("bh-pressing" in today[before - 300 : before]) is pressing


def test_support_prepares_and_finance_sends(standin: StandIn, case: Dispute) -> None:
    support, finance = signed_in("support"), signed_in("finance")
    assert "Draft saved" in save(support, case, product_description="A well", who_knows="x").content.decode()
    assert "File attached" in attach(support, case).content.decode()
    assert press(support, case, SUBMIT).status_code == 403
    dialog = finance.get(f"{LIST}{case.pk}/{SUBMIT}/", headers={"HX-Request": "true"}).content.decode()
    assert "A well" in dialog
    assert "Brief von Ruth.pdf" in dialog
    answer_banks()
    assert submissions(standin, case) == 0
    assert press(finance, case, SUBMIT).status_code == 200
    assert "on its way to the bank" in page(finance, case)
    answer_banks()
    case.refresh_from_db()
    assert (case.status, case.submissions) == ("answered", 1)
    shown = page(finance, case)
    assert "With the bank" in shown
    assert f"/{SUBMIT}/" not in shown
    log = [entry.get_change_message() for entry in LogEntry.objects.order_by("action_time")]
    assert log[:3] == [
        "Draft saved; nothing has been sent",
        "File attached; nothing has been sent",
        "The evidence is on its way to the bank",
    ]


def test_giving_up_takes_a_second_thought(standin: StandIn, case: Dispute) -> None:
    finance = signed_in("finance")
    address = f"{LIST}{case.pk}/{ACCEPT}/"
    assert "no way back" in finance.get(address, headers={"HX-Request": "true"}).content.decode()
    finance.get(address)
    case.refresh_from_db()
    assert case.wanted is None
    assert press(signed_in("support"), case, ACCEPT).status_code == 403
    press(finance, case, ACCEPT)
    answer_banks()
    case.refresh_from_db()
    assert case.status == "lost"


class TestFiles:
    def test_one_is_opened_by_whoever_prepares_and_that_is_logged(self, case: Dispute) -> None:
        support = signed_in("support")
        attach(support, case, JPEG, "customer_communication")
        file = EvidenceFile.objects.get()
        address = f"{LIST}{case.pk}/evidence/files/{file.pk}/"
        answer = support.get(address)
        assert (answer.content, answer["Content-Type"], answer["X-Content-Type-Options"]) == (
            JPEG,
            "image/jpeg",
            "nosniff",
        )
        assert answer["Content-Disposition"].startswith("attachment")
        opened = LogEntry.objects.order_by("-action_time").first()
        assert opened is not None
        assert opened.get_change_message() == "Opened the file: customer_communication"
        assert signed_in("auditor").get(address).status_code == 403
        assert support.get(f"{LIST}{uuid.uuid4()}/evidence/files/{file.pk}/").status_code == 404

    def test_one_is_taken_back(self, case: Dispute) -> None:
        support = signed_in("support")
        attach(support, case)
        support.post(f"{LIST}{case.pk}/evidence/files/{EvidenceFile.objects.get().pk}/remove/")
        assert EvidenceFile.objects.count() == 0

    def test_what_is_refused_says_why(self, case: Dispute) -> None:
        support = signed_in("support")
        assert "PDF, JPEG and PNG" in attach(support, case, b"GIF89a").content.decode()
        assert "larger than 5 MB" in attach(support, case, PDF + bytes(5 * 1024 * 1024)).content.decode()
        none = support.post(f"{LIST}{case.pk}/evidence/files/", {"kind": "receipt"}, follow=True)
        assert "Choose a file first" in none.content.decode()
        assert EvidenceFile.objects.count() == 0


@pytest.mark.parametrize("roles", [("auditor",), ("analyst",), ("editor",), ()])
def test_nobody_else_prepares_or_decides(case: Dispute, roles: tuple[str, ...]) -> None:
    client = signed_in(*roles)
    for answer in (save(client, case, product_description="x"), attach(client, case)):
        assert answer.status_code == 403 or "/admin/login/" in str(answer.redirect_chain)
    for button in (SUBMIT, ACCEPT):
        assert press(client, case, button).status_code in (302, 403)
    case.refresh_from_db()
    assert (case.evidence, case.wanted, EvidenceFile.objects.count()) == (None, None, 0)


def test_nothing_is_prepared_by_a_link_or_without_a_token(case: Dispute) -> None:
    client = signed_in("support")
    assert client.get(f"{LIST}{case.pk}/evidence/draft/").status_code == 405
    assert client.get(f"{LIST}{case.pk}/evidence/files/").status_code == 405
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    strict.cookies = client.cookies
    assert save(strict, case, product_description="x").status_code == 403
    case.refresh_from_db()
    assert case.evidence is None


def test_a_closed_case_says_so(standin: StandIn, case: Dispute) -> None:
    finance = signed_in("finance")
    decide(standin, case.stripe_id, "won")
    settling.settle(case.payment_id)
    refused = save(finance, case, product_description="x").content.decode()
    assert "answered or decided" in refused
    assert "Given back" in refused
    assert "Save draft" not in refused


def test_an_auditor_sees_the_case_but_not_what_is_written_of_the_donor(case: Dispute) -> None:
    answers.save_draft(dispute_id=case.id, texts={"customer_name": "Ruth Adler"}, by=uuid.uuid4())
    shown = page(signed_in("auditor"), case)
    assert "25.00" in shown
    assert "Ruth Adler" not in shown


def test_the_report_of_disputes(case: Dispute) -> None:
    client = signed_in("finance")
    (row,) = client.get("/staff/reports/disputes/?format=json&status=open").json()["results"]
    assert (row["amount"], row["fee"], row["currency"], row["reason"]) == ("25.00", "20.00", "GBP", "fraudulent")
    assert client.get("/staff/reports/disputes/?format=json&status=lost").json()["results"] == []
    (line,) = csv.DictReader(io.StringIO(client.get("/staff/reports/disputes/?format=csv").getvalue().decode()))
    assert line["stripe_id"] == case.stripe_id
    assert signed_in("editor").get("/staff/reports/disputes/?format=json").status_code == 403
