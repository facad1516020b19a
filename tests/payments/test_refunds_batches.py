"""Every gift of a cancelled campaign given back: single refunds, one result each, whatever crashes."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from bh_sdk.errors import CampaignNotCancelled, Conflict, PaymentNotRefundable, RefundDecided, SecondPersonNeeded
from bh_sdk.server.ops import clock
from payments_svc.donations import settling
from payments_svc.donations.models import Campaign, Payment
from payments_svc.refunds import batches, commands, queries
from payments_svc.refunds.models import BatchItem, Refund, RefundBatch
from payments_svc.refunds.tasks import work_batches
from tests.payments.conftest import Caller, StandIn
from tests.payments.refunding import at_stripe, work

pytestmark = pytest.mark.django_db
MAKER, CHECKER = uuid.uuid4(), uuid.uuid4()


@pytest.fixture
def cancelled(standin: StandIn, donor: Caller, guest: Caller, campaign: Any) -> Campaign:
    """Three gifts that arrived, one that was given back, one nobody paid."""
    donor.give(campaign, "10.00")
    donor.give(campaign, "600.00")
    guest.give(campaign, "20.00")
    gone = donor.give(campaign, "5.00")
    standin.stripe.v1.refunds.create({"payment_intent": gone["payment_intent_id"]})
    settling.settle(uuid.UUID(gone["payment_id"]))
    donor.open(campaign, "7.00")
    Campaign.objects.filter(id=campaign.id).update(status="CANCELLED")
    return Campaign.objects.get(id=campaign.id)


def started(campaign: Campaign) -> RefundBatch:
    return batches.start(campaign_id=campaign.id, by=MAKER, notes="The well cannot be drilled")


def work_all() -> None:
    for _ in range(20):
        RefundBatch.objects.filter(due_at__isnull=False).update(due_at=clock.now())
        if not work_batches() and not RefundBatch.objects.filter(due_at__isnull=False).exists():
            return
    raise AssertionError("the batch does not come to an end")


def test_each_gift_gets_its_own_refund_and_none_leaves_before_a_second_person_agreed(
    standin: StandIn, cancelled: Campaign
) -> None:
    batch = started(cancelled)
    assert queries.progress(batch) == {"waiting": 3}
    work_all()
    assert queries.progress(batch) == {"pending_approval": 3}
    assert {refund.reason for refund in batch.refunds.all()} == {"campaign_cancelled"}
    assert work() == 0
    batches.approve(batch_id=batch.id, by=CHECKER, notes="Agreed with the board")
    work_all()
    while work():
        pass
    assert queries.progress(batch) == {"succeeded": 3}
    assert {row.refund_status for row in Payment.objects.filter(status="succeeded")} == {"full"}
    assert {refund.approved_by for refund in batch.refunds.all()} == {CHECKER}
    for row in Payment.objects.filter(status="succeeded"):
        assert len(at_stripe(standin, row.id)) == 1


def test_who_started_it_does_not_approve_it(cancelled: Campaign) -> None:
    batch = started(cancelled)
    work_all()
    with pytest.raises(SecondPersonNeeded):
        batches.approve(batch_id=batch.id, by=MAKER)
    assert queries.progress(batch) == {"pending_approval": 3}


def test_it_is_approved_once_and_only_when_it_is_complete(cancelled: Campaign) -> None:
    batch = started(cancelled)
    with pytest.raises(RefundDecided):
        batches.approve(batch_id=batch.id, by=CHECKER)
    work_all()
    batches.approve(batch_id=batch.id, by=CHECKER)
    with pytest.raises(RefundDecided):
        batches.approve(batch_id=batch.id, by=uuid.uuid4())


def test_a_crash_in_the_middle_is_taken_up_where_it_was(standin: StandIn, cancelled: Campaign) -> None:
    batch = started(cancelled)
    (claimed,) = batches.claim()
    batches._ask(batch, batch.items.order_by("id").first().id)  # type: ignore[union-attr]
    # The worker died here: its lease holds the batch for a minute, and then the next one goes on.
    assert claimed == batch.id
    assert work_batches() == 0
    work_all()
    assert queries.progress(batch) == {"pending_approval": 3}
    assert Refund.objects.filter(source="staff").count() == 3
    batches.approve(batch_id=batch.id, by=CHECKER)
    batches._agree(RefundBatch.objects.get(), batch.items.order_by("id").first().id)  # type: ignore[union-attr]
    work_all()
    assert queries.progress(batch) == {"approved": 3}


def test_a_crash_between_refund_and_note_of_it_asks_once(cancelled: Campaign) -> None:
    batch = started(cancelled)
    work_all()
    # As if the item's own row had been restored from before: the refund is found by its digest.
    item = batch.items.first()
    assert item is not None
    BatchItem.objects.filter(id=item.id).update(outcome="waiting", refund=None)
    RefundBatch.objects.update(due_at=clock.now())
    work_all()
    item.refresh_from_db()
    assert (item.outcome, item.refund is not None) == ("asked", True)
    assert Refund.objects.filter(source="staff").count() == 3


def test_what_stands_in_the_way_of_one_is_its_result_and_holds_up_no_other(
    standin: StandIn, cancelled: Campaign
) -> None:
    batch = started(cancelled)
    first, second, third = batch.items.order_by("id")
    Payment.objects.filter(id=first.payment_id).update(dispute_status="open")
    work_all()
    assert queries.progress(batch) == {"refused": 1, "pending_approval": 2}
    Payment.objects.filter(id=second.payment_id).update(dispute_status="open")
    batches.approve(batch_id=batch.id, by=CHECKER)
    work_all()
    assert queries.progress(batch) == {"refused": 1, "pending_approval": 1, "approved": 1}
    assert [item.id for item in queries.left_out(batch, 10)] == [first.id, second.id]
    assert all("disputes" in item.why for item in queries.left_out(batch, 10))
    third.refresh_from_db()
    assert third.why == ""


def test_only_a_cancelled_campaign_is_given_back_whole(standin: StandIn, donor: Caller, campaign: Any) -> None:
    donor.give(campaign, "10.00")
    with pytest.raises(CampaignNotCancelled):
        batches.start(campaign_id=campaign.id, by=MAKER)
    assert not RefundBatch.objects.exists()


def test_one_without_gifts_has_nothing_to_give_back(campaign: Any) -> None:
    Campaign.objects.update(status="CANCELLED")
    with pytest.raises(PaymentNotRefundable):
        batches.start(campaign_id=campaign.id, by=MAKER)


def test_two_batches_of_one_campaign_do_not_run_at_once(cancelled: Campaign) -> None:
    first = started(cancelled)
    with pytest.raises(Conflict, match=f"Batch {str(first.id)[:8]} .* is still at work"):
        started(cancelled)
    assert RefundBatch.objects.count() == 1


def test_nor_does_another_begin_while_the_first_waits_for_approval(cancelled: Campaign) -> None:
    first = started(cancelled)
    work_all()
    with pytest.raises(Conflict, match=rf"Batch {str(first.id)[:8]} .* waits for approval \(3 refunds\)") as refused:
        batches.start(campaign_id=cancelled.id, by=CHECKER)
    assert refused.value.facts["batch_id"] == str(first.id)
    assert RefundBatch.objects.count() == 1
    for refund in first.refunds.all():
        commands.reject_refund(refund_id=refund.id, by=CHECKER, notes="The campaign goes on")
    again = batches.start(campaign_id=cancelled.id, by=CHECKER)
    work_all()
    assert queries.progress(again) == {"pending_approval": 3}
    batches.approve(batch_id=again.id, by=MAKER)
    work_all()
    assert queries.progress(again) == {"approved": 3}
