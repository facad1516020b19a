"""docs.stripe.com/api/files, docs.stripe.com/file-upload, docs.stripe.com/api/disputes/evidence_object"""

from __future__ import annotations

import io
from typing import Any

import pytest
import stripe

from .conftest import KEY, StandIn

PDF = b"%PDF-1.7\n" + b"\r\n--x--\r\n" * 3 + bytes(range(256))


@pytest.fixture
def uploads(standin: StandIn) -> Any:
    """The library as it is used for files: they have an address of their own."""
    addresses: Any = {"api": standin.url, "files": standin.url}
    return stripe.StripeClient(KEY, base_addresses=addresses, max_network_retries=0).v1


def send(uploads: Any, content: bytes = PDF, key: str | None = None, **changes: Any) -> Any:
    file = io.BytesIO(content)
    file.name = "letter.pdf"
    params: Any = {"purpose": "dispute_evidence", "file": file} | changes
    return uploads.files.create(params, {"idempotency_key": key} if key else {})


def test_a_file_is_taken_by_its_bytes_and_listed(uploads: Any) -> None:
    made = send(uploads)
    assert (made.object, made.purpose, made.size, made.type, made.filename) == (
        "file", "dispute_evidence", len(PDF), "pdf", "letter.pdf"
    )  # fmt: skip
    assert uploads.files.retrieve(made.id).id == made.id
    assert [one.id for one in uploads.files.list({"purpose": "dispute_evidence"}).data] == [made.id]
    assert send(uploads, b"\x89PNG\r\n\x1a\n....").type == "png"
    assert send(uploads, b"\xff\xd8\xff....").type == "jpg"


def test_one_key_is_one_file_and_other_bytes_are_another_request(uploads: Any) -> None:
    assert send(uploads, key="k1").id == send(uploads, key="k1").id
    with pytest.raises(stripe.IdempotencyError):
        send(uploads, PDF + b"more", key="k1")
    assert len(uploads.files.list().data) == 1


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"MZ\x90", b"%PDF-" + bytes(5 * 1024 * 1024)])
def test_what_no_bank_opens_is_refused(uploads: Any, content: bytes) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        send(uploads, content)
    assert uploads.files.list().data == []


def test_a_purpose_or_a_file_that_is_none_is_refused(uploads: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="purpose"):
        send(uploads, purpose="business_icon")
    with pytest.raises(stripe.InvalidRequestError, match="file"):
        uploads.files.create({"purpose": "dispute_evidence", "file": "letter.pdf"})


def test_evidence_names_files_that_exist(standin: StandIn, uploads: Any) -> None:
    standin.given(card="pm_card_createDispute")
    (dispute,) = uploads.disputes.list().data
    with pytest.raises(stripe.InvalidRequestError, match="No such file upload"):
        uploads.disputes.update(dispute.id, {"evidence": {"receipt": "file_none"}})
    told = uploads.disputes.update(dispute.id, {"evidence": {"receipt": send(uploads).id}, "submit": True})
    details = told.evidence_details
    assert (told.status, details.has_evidence, details.submission_count) == ("under_review", True, 1)


def test_after_its_deadline_a_dispute_takes_no_evidence(standin: StandIn, uploads: Any) -> None:
    standin.given(card="pm_card_createDispute")
    (dispute,) = uploads.disputes.list().data
    assert dispute.evidence_details.due_by > dispute.created
    assert dispute.evidence_details.past_due is False
    late = standin.control(f"disputes/{dispute.id}", {"status": "past_due"})
    assert late["evidence_details"]["past_due"] is True
    with pytest.raises(stripe.InvalidRequestError, match="deadline"):
        uploads.disputes.update(dispute.id, {"evidence": {"product_description": "A well"}})
    assert uploads.disputes.retrieve(dispute.id).status == "needs_response"
