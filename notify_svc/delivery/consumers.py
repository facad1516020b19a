"""Facts of payments and trust become notifications."""

from __future__ import annotations

from bh_sdk.events import (
    AppealDecided,
    AppealFiled,
    CaseDecided,
    DisputeClosed,
    DisputeOpened,
    DonationFailed,
    DonationSucceeded,
    HoldLifted,
    HoldPlaced,
    OverrideEnded,
    OverridePlaced,
    PayoutFailed,
    PayoutPaid,
    PayoutRejected,
    ReceiptIssued,
    RecurringCardExpiring,
    RecurringChargeFailed,
    RecurringEnded,
    RecurringStarted,
    RefundFailed,
    RefundSucceeded,
    ReportDecided,
    ScoreChanged,
    VerificationEnded,
    VerificationEnding,
    VerificationGranted,
    VerificationRefused,
)
from bh_sdk.server.events import Delivered, handles
from notify_svc.delivery import commands


@handles(DonationSucceeded)
def tell_of_gift(event: Delivered[DonationSucceeded]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(DonationFailed)
def tell_of_failed_gift(event: Delivered[DonationFailed]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(RefundSucceeded)
def tell_of_refund(event: Delivered[RefundSucceeded]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(RefundFailed)
def tell_of_failed_refund(event: Delivered[RefundFailed]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(ScoreChanged)
def tell_of_score(event: Delivered[ScoreChanged]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(PayoutPaid)
def tell_of_payout(event: Delivered[PayoutPaid]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(PayoutRejected)
def tell_of_rejected_payout(event: Delivered[PayoutRejected]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(PayoutFailed)
def tell_of_failed_payout(event: Delivered[PayoutFailed]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(DisputeOpened)
def tell_of_dispute(event: Delivered[DisputeOpened]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(DisputeClosed)
def tell_of_decided_dispute(event: Delivered[DisputeClosed]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(RecurringStarted)
def tell_of_recurring_gift(event: Delivered[RecurringStarted]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(RecurringChargeFailed)
def tell_of_failed_charge(event: Delivered[RecurringChargeFailed]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(RecurringCardExpiring)
def tell_of_card_that_ends(event: Delivered[RecurringCardExpiring]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(RecurringEnded)
def tell_of_recurring_end(event: Delivered[RecurringEnded]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(ReceiptIssued)
def tell_of_receipt(event: Delivered[ReceiptIssued]) -> None:
    commands.tell_of_receipt(event.data, event_id=event.id)


@handles(ReportDecided)
def tell_of_report(event: Delivered[ReportDecided]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(CaseDecided)
def tell_of_case(event: Delivered[CaseDecided]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(HoldPlaced)
def tell_of_hold(event: Delivered[HoldPlaced]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(HoldLifted)
def tell_of_lifted_hold(event: Delivered[HoldLifted]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(VerificationGranted)
def tell_of_verification(event: Delivered[VerificationGranted]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(VerificationRefused)
def tell_of_refused_verification(event: Delivered[VerificationRefused]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(VerificationEnding)
def tell_of_verification_that_ends(event: Delivered[VerificationEnding]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(VerificationEnded)
def tell_of_ended_verification(event: Delivered[VerificationEnded]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(AppealFiled)
def tell_of_appeal(event: Delivered[AppealFiled]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(AppealDecided)
def tell_of_decided_appeal(event: Delivered[AppealDecided]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(OverridePlaced)
def tell_of_override(event: Delivered[OverridePlaced]) -> None:
    commands.tell(event.data, event_id=event.id)


@handles(OverrideEnded)
def tell_of_ended_override(event: Delivered[OverrideEnded]) -> None:
    commands.tell(event.data, event_id=event.id)
