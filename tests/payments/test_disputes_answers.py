"""Staff answer a bank: what is kept, what is sent, and that it is sent once whatever gets lost on the way."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction

from bh_sdk.errors import CardNumberRefused, DisputeNotAnswerable, Invalid, NotFound
from bh_sdk.server.ops import clock
from payments_svc.disputes import answers
from payments_svc.disputes.models import Dispute, EvidenceFile
from payments_svc.disputes.tasks import answer_banks
from payments_svc.donations import settling
from payments_svc.donations.models import Payment
from tests.payments.conftest import StandIn
from tests.payments.test_disputes import balance, decide, disputed, given, told

__all__ = ["disputed", "given"]
pytestmark = pytest.mark.django_db(transaction=True)
STAFF = uuid.uuid4()
PDF = b"%PDF-1.7 a letter of Ruth Adler"
PNG = b"\x89PNG\r\n\x1a\n a picture"
JPEG = b"\xff\xd8\xff a photo"


@pytest.fixture(autouse=True)
def files_in_a_room(settings: Any, tmp_path: Any) -> None:
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": backend, "OPTIONS": {"location": str(tmp_path)}}}


@pytest.fixture
def case(disputed: Payment) -> Dispute:
    return Dispute.objects.get()


def write(case: Dispute, **texts: str) -> None:
    answers.save_draft(dispute_id=case.id, texts=texts or {"product_description": "A well in Kisumu"}, by=STAFF)


def attach(case: Dispute, content: bytes = PDF, kind: str = "customer_communication") -> EvidenceFile:
    return answers.add_file(dispute_id=case.id, kind=kind, name="Brief von Ruth.pdf", content=content, by=STAFF)


def there(standin: StandIn, case: Dispute) -> Any:
    return standin.stripe.v1.disputes.retrieve(case.stripe_id)


def submissions(standin: StandIn, case: Dispute) -> int:
    return int(there(standin, case).evidence_details.submission_count)


def again() -> None:
    """The next sweep after the pause of a failed try."""
    Dispute.objects.filter(due_at__isnull=False).update(due_at=clock.now() - timedelta(seconds=1))
    answer_banks()


def test_a_draft_stays_in_the_house_and_is_sealed(standin: StandIn, case: Dispute) -> None:
    write(case, customer_name=" Ruth Adler ", product_description="")
    attach(case)
    case.refresh_from_db()
    assert answers.draft_of(case) == {"customer_name": "Ruth Adler"}
    assert (case.evidence_by, case.status, case.wanted) == (STAFF, "open", None)
    assert there(standin, case).evidence_details.has_evidence is False
    assert standin.stripe.v1.disputes.retrieve(case.stripe_id).status == "needs_response"
    with connection.cursor() as cursor:
        cursor.execute("SELECT evidence FROM payments_disputes_dispute")
        assert b"Ruth" not in bytes(cursor.fetchone()[0])


def test_evidence_goes_to_the_bank_once_with_its_files(standin: StandIn, case: Dispute) -> None:
    write(case)
    letter, receipt = attach(case), attach(case, PNG, "receipt")
    answers.submit(dispute_id=case.id, by=STAFF)
    for _ in range(3):
        answer_banks()
    case.refresh_from_db()
    assert (case.status, case.submissions, case.wanted, case.due_at) == ("answered", 1, None, None)
    assert told() == ["opened", "answered"]
    sent = there(standin, case).evidence
    letter.refresh_from_db()
    receipt.refresh_from_db()
    assert (sent.product_description, sent.customer_communication, sent.receipt) == (
        "A well in Kisumu",
        letter.stripe_id,
        receipt.stripe_id,
    )
    assert submissions(standin, case) == 1


@pytest.mark.parametrize("effect", ["lose_answer", "error_after", "error_before"])
@pytest.mark.parametrize("path", ["/v1/files", "/v1/disputes/*"])
def test_whatever_gets_lost_the_bank_hears_it_once(standin: StandIn, case: Dispute, path: str, effect: str) -> None:
    write(case)
    attach(case)
    answers.submit(dispute_id=case.id, by=STAFF)
    standin.pull(method="POST", path=path, effect=effect)
    answer_banks()
    case.refresh_from_db()
    assert (case.status, case.wanted) == ("open", "submit")
    assert case.last_error is not None
    again()
    assert Dispute.objects.filter(status="answered", submissions=1, wanted=None, last_error=None).exists()
    assert submissions(standin, case) == 1
    assert told() == ["opened", "answered"]


def test_a_decision_of_the_bank_while_ours_is_under_way_ends_the_case(standin: StandIn, case: Dispute) -> None:
    write(case)
    answers.submit(dispute_id=case.id, by=STAFF)
    decide(standin, case.stripe_id, "lost")
    answer_banks()
    case.refresh_from_db()
    assert (case.status, case.wanted, case.due_at) == ("lost", None, None)
    assert told() == ["opened", "closed"]


def test_what_stripe_refuses_is_said_and_the_case_is_open_again(standin: StandIn, case: Dispute) -> None:
    write(case)
    answers.submit(dispute_id=case.id, by=STAFF)
    decide(standin, case.stripe_id, "past_due")
    answer_banks()
    case.refresh_from_db()
    assert (case.status, case.wanted, case.due_at) == ("open", None, None)
    assert "deadline" in str(case.last_error)
    assert told() == ["opened"]


def test_giving_up_loses_the_money_once(standin: StandIn, case: Dispute) -> None:
    answers.accept(dispute_id=case.id, by=STAFF)
    standin.pull(method="POST", path="/v1/disputes/*", effect="lose_answer")
    answer_banks()
    again()
    case.refresh_from_db()
    assert (case.status, case.wanted) == ("lost", None)
    assert balance("disputes") == 0
    assert balance("campaign_payable") == -(Payment.objects.get().net - 2500)
    assert told() == ["opened", "closed"]


def test_a_dispute_of_the_old_world_can_be_answered_as_an_inquiry(standin: StandIn, given: Payment) -> None:
    body = {"inquiry": True}
    standin.http.post(f"/_standin/charges/{given.charge_id}/dispute", json=body).raise_for_status()
    settling.settle(given.id)
    case = Dispute.objects.get()
    write(case)
    answers.submit(dispute_id=case.id, by=STAFF)
    answer_banks()
    case.refresh_from_db()
    assert (case.status, case.stripe_status, case.submissions, told()) == ("inquiry", "warning_under_review", 1, [])
    with pytest.raises(DisputeNotAnswerable):
        answers.submit(dispute_id=case.id, by=STAFF)


class TestFiles:
    @pytest.mark.parametrize("content", [PDF, PNG, JPEG])
    def test_bytes_come_back_and_lie_sealed(self, case: Dispute, content: bytes) -> None:
        file = attach(case, content)
        assert answers.read_file(file) == content
        with default_storage.open(file.stored_as) as kept:
            assert content not in kept.read()
        assert "Ruth" not in file.stored_as

    def test_a_second_of_a_kind_takes_the_firsts_place(self, case: Dispute) -> None:
        old = attach(case)
        new = attach(case, PNG)
        assert [file.id for file in EvidenceFile.objects.all()] == [new.id]
        assert not default_storage.exists(old.stored_as)

    def test_one_may_be_taken_back(self, case: Dispute) -> None:
        file = attach(case)
        answers.remove_file(dispute_id=case.id, file_id=file.id)
        assert (EvidenceFile.objects.count(), default_storage.exists(file.stored_as)) == (0, False)
        with pytest.raises(NotFound):
            answers.remove_file(dispute_id=case.id, file_id=file.id)

    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            (b"", "receipt"),
            (b"GIF89a", "receipt"),
            (b" %PDF-1.7", "receipt"),
            (b"%PDF-" + bytes(5 * 1024 * 1024), "receipt"),
            (PDF, "shipping_documentation"),
        ],
    )
    def test_what_no_bank_opens_is_refused_and_leaves_nothing(
        self, case: Dispute, content: bytes, kind: str, tmp_path: Any
    ) -> None:
        with pytest.raises(Invalid):
            attach(case, content, kind)
        assert EvidenceFile.objects.count() == 0
        assert list(tmp_path.rglob("*.sealed")) == []

    def test_a_closed_case_takes_no_file_and_keeps_none(self, standin: StandIn, case: Dispute, tmp_path: Any) -> None:
        decide(standin, case.stripe_id, "lost")
        settling.settle(case.payment_id)
        with pytest.raises(DisputeNotAnswerable):
            attach(case)
        assert list(tmp_path.rglob("*.sealed")) == []


class TestRefused:
    def nothing_is_wanted(self, standin: StandIn, case: Dispute) -> bool:
        case.refresh_from_db()
        answer_banks()
        return case.wanted is None and submissions(standin, case) == 0

    def test_nothing_to_send(self, standin: StandIn, case: Dispute) -> None:
        with pytest.raises(Invalid):
            answers.submit(dispute_id=case.id, by=STAFF)
        assert self.nothing_is_wanted(standin, case)

    def test_after_the_deadline(self, standin: StandIn, case: Dispute) -> None:
        write(case)
        Dispute.objects.update(evidence_due_at=clock.now())
        with pytest.raises(DisputeNotAnswerable, match="deadline"):
            answers.submit(dispute_id=case.id, by=STAFF)
        assert self.nothing_is_wanted(standin, case)

    def test_two_decisions_at_once(self, case: Dispute) -> None:
        write(case)
        answers.submit(dispute_id=case.id, by=STAFF)
        for decision in (answers.submit, answers.accept):
            with pytest.raises(DisputeNotAnswerable, match="on its way"):
                decision(dispute_id=case.id, by=uuid.uuid4())
        with pytest.raises(DisputeNotAnswerable):
            write(case, product_description="other words")
        case.refresh_from_db()
        assert (case.wanted, case.wanted_by) == ("submit", STAFF)

    @pytest.mark.parametrize("texts", [{"who_knows": "x"}, {"uncategorized_text": "x" * 20_001}, {"receipt": "file_1"}])
    def test_texts_that_stripe_does_not_take(self, case: Dispute, texts: dict[str, str]) -> None:
        with pytest.raises(Invalid):
            write(case, **texts)
        case.refresh_from_db()
        assert case.evidence is None

    def test_a_case_that_is_not_there(self, case: Dispute) -> None:
        with pytest.raises(NotFound):
            answers.accept(dispute_id=UUID(int=0), by=STAFF)

    def test_the_database_wants_nobodys_decision(self, case: Dispute) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            Dispute.objects.update(wanted="submit")
        decided = {"wanted": "submit", "wanted_by": STAFF, "wanted_at": clock.now()}
        Dispute.objects.update(status="answered")
        with pytest.raises(IntegrityError, match="takes no answer"), transaction.atomic():
            Dispute.objects.update(**decided)


@pytest.mark.parametrize(
    "number", ["4242424242424242", "4242 4242 4242 4242", "4242\n4242\n4242\n4242", "3782_822463_10005"]
)
class TestACardNumberStaysOut:
    def test_of_what_is_typed(self, standin: StandIn, case: Dispute, number: str) -> None:
        write(case)
        with pytest.raises(CardNumberRefused):
            write(case, uncategorized_text=f"She paid with {number}.")
        case.refresh_from_db()
        assert answers.draft_of(case) == {"product_description": "A well in Kisumu"}

    def test_of_a_files_name(self, standin: StandIn, case: Dispute, number: str, tmp_path: Any) -> None:
        with pytest.raises(CardNumberRefused):
            answers.add_file(dispute_id=case.id, kind="receipt", name=f"card {number}.pdf", content=PDF, by=STAFF)
        assert (EvidenceFile.objects.count(), [*tmp_path.rglob("*.sealed")]) == (0, [])
