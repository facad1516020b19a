"""What people hear of money: payments' facts in words. Pure."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from bh_sdk.events import (
    DisputeClosed,
    DisputeOpened,
    DonationFailed,
    DonationSucceeded,
    Fact,
    PayoutFailed,
    PayoutPaid,
    PayoutRejected,
    ReceiptIssued,
    ReceiptVoided,
    RecurringCardExpiring,
    RecurringChanged,
    RecurringChargeFailed,
    RecurringEnded,
    RecurringStarted,
    RefundApproved,
    RefundFailed,
    RefundRejected,
    RefundRequested,
    RefundSucceeded,
)
from notify_svc.delivery.orders import Said, Scene


@singledispatch
def said(fact: Fact, scene: Scene) -> list[Said]:
    """What is told of a fact of payments, to whom."""
    raise TypeError(f"nobody is told of {fact.type}")


def is_news(fact: Fact) -> bool:
    """Whether somebody hears of it, rather than of something else that says the same."""
    if isinstance(fact, PayoutRejected):
        # Who took it back knows that.
        return not fact.withdrawn
    if isinstance(fact, DonationFailed):
        # A period of a recurring gift: its own fact says when it is tried again.
        return not fact.off_session
    if isinstance(fact, RefundRequested):
        # Without a second person there is nothing to wait for: the next word is that it is on its way.
        return fact.second_person
    # After the last try the end itself tells it.
    return not (isinstance(fact, RecurringChargeFailed) and fact.next_try_at is None)


def _of_campaign(fact: Any, scene: Scene) -> dict[str, Any]:
    return {
        "campaign_id": str(fact.campaign_id),
        "campaign_title": scene.title,
        "amount": fact.amount,
        "currency": fact.currency,
    }


@said.register
def _(fact: DonationSucceeded, scene: Scene) -> list[Said]:
    about = _of_campaign(fact, scene)
    thanks = {"payment_id": str(fact.payment_id), "charged": fact.charged, "covers_fees": fact.charged != fact.amount}
    # Who gives again without standing before a form is thanked for that.
    again = fact.recurring_id is not None and fact.off_session
    if again:
        thanks["recurring_id"] = str(fact.recurring_id)
    # Words say "someone" in the reader's language where nobody may be named.
    donor = {} if fact.anonymous else {"donor_name": scene.name_of(fact.donor_id)}
    return [
        Said("recurring_processed" if again else "gift.thank_you", fact.donor_id, about | thanks, guest=fact.guest),
        Said("gift.received", scene.owner, about | donor, mentions=None if fact.anonymous else fact.donor_id),
    ]


@said.register
def _(fact: DonationFailed, scene: Scene) -> list[Said]:
    # One message per payment, however often the card is tried.
    data = _of_campaign(fact, scene) | {"cause": fact.reason}
    return [Said("gift.failed", fact.donor_id, data, guest=fact.guest)]


_Refund = RefundRequested | RefundApproved | RefundRejected | RefundSucceeded | RefundFailed


def _refund(type: str, fact: _Refund, scene: Scene, *, guest: bool | None = None, **more: bool) -> list[Said]:
    data = _of_campaign(fact, scene) | {"payment_id": str(fact.payment_id)} | more
    # Not every fact says it; the gift that is to be refunded does.
    return [Said(type, fact.donor_id, data, guest=scene.by_guest(fact.payment_id) if guest is None else guest)]


@said.register
def _(fact: RefundRequested, scene: Scene) -> list[Said]:
    return _refund("refund.requested", fact, scene)


@said.register
def _(fact: RefundApproved, scene: Scene) -> list[Said]:
    return _refund("refund.approved", fact, scene)


@said.register
def _(fact: RefundRejected, scene: Scene) -> list[Said]:
    return _refund("refund.rejected", fact, scene)


@said.register
def _(fact: RefundSucceeded, scene: Scene) -> list[Said]:
    return _refund("refund.succeeded", fact, scene, guest=fact.guest, full=fact.full)


@said.register
def _(fact: RefundFailed, scene: Scene) -> list[Said]:
    return _refund("refund.failed", fact, scene, guest=fact.guest)


def _receipt(fact: ReceiptIssued | ReceiptVoided) -> dict[str, Any]:
    """A receipt is about no campaign."""
    return {
        "receipt_id": str(fact.receipt_id),
        "number": fact.number,
        "year": str(fact.year),
        "amount": fact.amount,
        "currency": fact.currency,
    }


@said.register
def _(fact: ReceiptIssued, scene: Scene) -> list[Said]:
    # When it was issued, and each time it is asked for again.
    return [Said("receipt.issued", fact.donor_id, _receipt(fact) | {"resent": fact.resent}, guest=fact.guest)]


@said.register
def _(fact: ReceiptVoided, scene: Scene) -> list[Said]:
    return [Said("receipt.voided", fact.donor_id, _receipt(fact), guest=scene.is_guest(fact.donor_id))]


_Payout = PayoutPaid | PayoutRejected | PayoutFailed


def _payout(type: str, fact: _Payout, scene: Scene, **more: bool) -> list[Said]:
    return [Said(type, fact.owner_id, _of_campaign(fact, scene) | {"payout_id": str(fact.payout_id)} | more)]


@said.register
def _(fact: PayoutPaid, scene: Scene) -> list[Said]:
    return _payout("payout.paid", fact, scene, by_bank=fact.method == "bank_transfer")


@said.register
def _(fact: PayoutRejected, scene: Scene) -> list[Said]:
    return _payout("payout.rejected", fact, scene)


@said.register
def _(fact: PayoutFailed, scene: Scene) -> list[Said]:
    return _payout("payout.failed", fact, scene)


# Of a dispute only the organiser is told: the donor, or whoever used their card, has asked the bank themselves.
@said.register
def _(fact: DisputeOpened, scene: Scene) -> list[Said]:
    return [Said("dispute.opened", scene.owner, _of_campaign(fact, scene))]


@said.register
def _(fact: DisputeClosed, scene: Scene) -> list[Said]:
    return [Said("dispute.closed", scene.owner, _of_campaign(fact, scene) | {"won": fact.outcome == "won"})]


_Recurring = RecurringStarted | RecurringChanged | RecurringChargeFailed | RecurringCardExpiring | RecurringEnded


def _recurring(type: str, fact: _Recurring, scene: Scene, **more: str) -> list[Said]:
    about = {"recurring_id": str(fact.recurring_id), "rhythm": fact.interval}
    return [Said(type, fact.donor_id, _of_campaign(fact, scene) | about | more)]


@said.register
def _(fact: RecurringStarted, scene: Scene) -> list[Said]:
    return _recurring("recurring.started", fact, scene, next_on=f"{fact.next_at:%Y-%m-%d}")


@said.register
def _(fact: RecurringChanged, scene: Scene) -> list[Said]:
    next_on = {"next_on": f"{fact.next_at:%Y-%m-%d}"} if fact.next_at is not None else {}
    return _recurring("recurring.changed", fact, scene, change=fact.change, **next_on)


@said.register
def _(fact: RecurringChargeFailed, scene: Scene) -> list[Said]:
    if fact.next_try_at is None:
        raise ValueError("after the last try nobody is told of another")
    again_on = f"{fact.next_try_at:%Y-%m-%d}"
    return _recurring("recurring.charge_failed", fact, scene, cause=fact.reason, again_on=again_on)


@said.register
def _(fact: RecurringCardExpiring, scene: Scene) -> list[Said]:
    year, _, month = fact.expires.partition("-")
    return _recurring("recurring.card_expiring", fact, scene, expires=f"{month}/{year}")


@said.register
def _(fact: RecurringEnded, scene: Scene) -> list[Said]:
    return _recurring("recurring.ended", fact, scene, why=fact.why)
