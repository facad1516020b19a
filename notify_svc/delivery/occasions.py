"""Which fact is told to whom. Pure: a fact and what we know of its campaign go in, orders come out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import singledispatch
from uuid import UUID

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
    RecurringCardExpiring,
    RecurringChargeFailed,
    RecurringEnded,
    RecurringStarted,
    RefundFailed,
    RefundSucceeded,
    ScoreChanged,
)
from notify_svc.delivery import judgements
from notify_svc.delivery.orders import Order

TIERS = ("NEW", "RISING", "STEADY", "TRUSTED", "STAR")
ANONYMOUS = "Someone"
# Pointless once another about the same gift or refund exists: who has given need not hear of the try that failed, and
# nobody is promised money that has come back to us.
OVERTAKEN_BY = {
    "gift.failed": "gift.thank_you",
    "refund.succeeded": "refund.failed",
    "payout.paid": "payout.failed",
    "dispute.opened": "dispute.closed",
    "hold.placed": "hold.lifted",
    "override.placed": "override.ended",
    "appeal.filed": "appeal.decided",
}
# Messages that lead to the gift. Guests have no account to open it with: their mail carries a signed link.
ABOUT_A_GIFT = frozenset({"gift.thank_you", "refund.succeeded", "refund.failed"})


class Scene:
    """What the words need besides the fact. Names and gifts are looked up only when a message needs one."""

    def __init__(
        self, *, title: str, owner_id: UUID, name_of: Callable[[UUID], str], by_guest: Callable[[UUID], bool]
    ) -> None:
        self.title, self.owner_id, self.name_of, self.by_guest = title, owner_id, name_of, by_guest


def campaign_of(fact: Fact) -> UUID | None:
    """The campaign a fact is about, when it is one that people are told of."""
    if isinstance(fact, ScoreChanged):
        # What staff set by hand is told by its own facts.
        moved = fact.previous_tier is not None and fact.previous_tier != fact.tier and not fact.by_hand
        return fact.entity_id if fact.entity_kind == "campaign" and moved else None
    if isinstance(fact, judgements.Judgement):
        return fact.entity_id if fact.entity_kind == "campaign" and judgements.is_told(fact) else None
    if isinstance(fact, PayoutRejected) and fact.withdrawn:
        # They know: they took it back themselves.
        return None
    if isinstance(fact, DonationFailed) and fact.off_session:
        # A period of a recurring gift: its own fact says when it is tried again.
        return None
    if isinstance(fact, DonationSucceeded | DonationFailed | RefundSucceeded | RefundFailed):
        return fact.campaign_id
    if isinstance(fact, PayoutPaid | PayoutRejected | PayoutFailed):
        return fact.campaign_id
    if isinstance(fact, DisputeOpened | DisputeClosed):
        return fact.campaign_id
    if isinstance(fact, RecurringStarted | RecurringChargeFailed | RecurringCardExpiring | RecurringEnded):
        # After the last try the end itself tells it.
        last = isinstance(fact, RecurringChargeFailed) and fact.next_try_at is None
        return None if last else fact.campaign_id
    return None


def person_of(fact: Fact) -> UUID | None:
    """The person a fact is about, when it is about no campaign and somebody is told of it."""
    if isinstance(fact, judgements.Judgement) and fact.entity_kind == "user" and judgements.is_told(fact):
        return fact.entity_id
    return None


def overtaken_by(dedupe: str) -> str | None:
    """The key of the notification that makes the one with this key pointless."""
    kind, _, about = dedupe.partition(":")
    later = OVERTAKEN_BY.get(kind)
    return f"{later}:{about}" if later else None


def only_after(fact: Fact) -> str | None:
    """The key of the notification without which this fact is no news to anybody; None when it is news by itself."""
    # A refund that never left us was promised to nobody, unless we said so.
    if isinstance(fact, RefundFailed) and not fact.reversed:
        return f"refund.succeeded:{fact.refund_id}"
    return None


@singledispatch
def orders(fact: Fact, scene: Scene, *, event_id: UUID) -> list[Order]:
    """The notifications that a fact causes, one per person, each with the key that makes it unique."""
    raise TypeError(f"nobody is told of {fact.type}")


@orders.register
def _(fact: DonationSucceeded, scene: Scene, *, event_id: UUID) -> list[Order]:
    thanks = Order(
        recipient_id=fact.donor_id,
        guest=fact.guest,
        type="gift.thank_you",
        dedupe=f"gift.thank_you:{fact.payment_id}",
        priority="high",
        data={
            "campaign_id": str(fact.campaign_id),
            "campaign_title": scene.title,
            "payment_id": str(fact.payment_id),
            "amount": fact.amount,
            "charged": fact.charged,
            "currency": fact.currency,
            "covers_fees": fact.charged != fact.amount,
        },
    )
    received = Order(
        recipient_id=scene.owner_id,
        type="gift.received",
        dedupe=f"gift.received:{fact.payment_id}",
        mentions=None if fact.anonymous else fact.donor_id,
        data={
            "campaign_id": str(fact.campaign_id),
            "campaign_title": scene.title,
            "donor_name": ANONYMOUS if fact.anonymous else scene.name_of(fact.donor_id),
            "amount": fact.amount,
            "currency": fact.currency,
        },
    )
    return [thanks, received]


@orders.register
def _(fact: DonationFailed, scene: Scene, *, event_id: UUID) -> list[Order]:
    # One message per payment, however often the card is tried.
    return [
        Order(
            recipient_id=fact.donor_id,
            guest=fact.guest,
            type="gift.failed",
            dedupe=f"gift.failed:{fact.payment_id}",
            data={
                "campaign_id": str(fact.campaign_id),
                "campaign_title": scene.title,
                "amount": fact.amount,
                "currency": fact.currency,
                "cause": fact.reason,
            },
        )
    ]


@orders.register
def _(fact: RefundSucceeded, scene: Scene, *, event_id: UUID) -> list[Order]:
    return [
        Order(
            recipient_id=fact.donor_id,
            guest=fact.guest,
            type="refund.succeeded",
            dedupe=f"refund.succeeded:{fact.refund_id}",
            data={
                "campaign_id": str(fact.campaign_id),
                "campaign_title": scene.title,
                "payment_id": str(fact.payment_id),
                "amount": fact.amount,
                "currency": fact.currency,
                "full": fact.full,
            },
        )
    ]


@orders.register
def _(fact: RefundFailed, scene: Scene, *, event_id: UUID) -> list[Order]:
    return [
        Order(
            recipient_id=fact.donor_id,
            # This fact does not say it; the gift that was to be refunded does.
            guest=scene.by_guest(fact.payment_id),
            type="refund.failed",
            dedupe=f"refund.failed:{fact.refund_id}",
            data={
                "campaign_id": str(fact.campaign_id),
                "campaign_title": scene.title,
                "payment_id": str(fact.payment_id),
                "amount": fact.amount,
                "currency": fact.currency,
            },
        )
    ]


@orders.register
def _(fact: ScoreChanged, scene: Scene, *, event_id: UUID) -> list[Order]:
    return [
        Order(
            recipient_id=scene.owner_id,
            type="trust.tier_changed",
            dedupe=f"trust.tier_changed:{event_id}",
            data={
                "campaign_id": str(fact.entity_id),
                "campaign_title": scene.title,
                "tier": fact.tier,
                "previous_tier": fact.previous_tier,
                "risen": TIERS.index(fact.tier) > TIERS.index(fact.previous_tier or fact.tier),
                "rated": fact.rated,
            },
        )
    ]


def _payout(fact: PayoutPaid | PayoutRejected | PayoutFailed, kind: str, scene: Scene, **more: bool) -> list[Order]:
    return [
        Order(
            recipient_id=fact.owner_id,
            type=kind,
            dedupe=f"{kind}:{fact.payout_id}",
            data={
                "campaign_id": str(fact.campaign_id),
                "campaign_title": scene.title,
                "payout_id": str(fact.payout_id),
                "amount": fact.amount,
                "currency": fact.currency,
                **more,
            },
        )
    ]


@orders.register
def _(fact: PayoutPaid, scene: Scene, *, event_id: UUID) -> list[Order]:
    return _payout(fact, "payout.paid", scene, by_bank=fact.method == "bank_transfer")


@orders.register
def _(fact: PayoutRejected, scene: Scene, *, event_id: UUID) -> list[Order]:
    return _payout(fact, "payout.rejected", scene)


@orders.register
def _(fact: PayoutFailed, scene: Scene, *, event_id: UUID) -> list[Order]:
    return _payout(fact, "payout.failed", scene)


def _dispute(fact: DisputeOpened | DisputeClosed, kind: str, scene: Scene, event_id: UUID, **more: bool) -> list[Order]:
    # Only the organiser is told: the donor, or whoever used their card, has asked the bank themselves.
    return [
        Order(
            recipient_id=scene.owner_id,
            type=kind,
            dedupe=f"{kind}:{fact.dispute_id or event_id}",
            data={
                "campaign_id": str(fact.campaign_id),
                "campaign_title": scene.title,
                "amount": fact.amount,
                "currency": fact.currency,
                **more,
            },
        )
    ]


@orders.register
def _(fact: DisputeOpened, scene: Scene, *, event_id: UUID) -> list[Order]:
    return _dispute(fact, "dispute.opened", scene, event_id)


@orders.register
def _(fact: DisputeClosed, scene: Scene, *, event_id: UUID) -> list[Order]:
    return _dispute(fact, "dispute.closed", scene, event_id, won=fact.outcome == "won")


RHYTHMS = {"weekly": "every week", "monthly": "every month", "quarterly": "every three months", "yearly": "every year"}
_Recurring = RecurringStarted | RecurringChargeFailed | RecurringCardExpiring | RecurringEnded


def _recurring(fact: _Recurring, kind: str, about: object, scene: Scene, **more: str) -> list[Order]:
    return [
        Order(
            recipient_id=fact.donor_id,
            type=kind,
            dedupe=f"{kind}:{about}",
            data={
                "campaign_id": str(fact.campaign_id),
                "campaign_title": scene.title,
                "recurring_id": str(fact.recurring_id),
                "amount": fact.amount,
                "currency": fact.currency,
                "rhythm": RHYTHMS[fact.interval],
                **more,
            },
        )
    ]


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"


@orders.register
def _(fact: RecurringStarted, scene: Scene, *, event_id: UUID) -> list[Order]:
    return _recurring(fact, "recurring.started", fact.recurring_id, scene, next_on=_day(fact.next_at))


@orders.register
def _(fact: RecurringChargeFailed, scene: Scene, *, event_id: UUID) -> list[Order]:
    if fact.next_try_at is None:
        raise ValueError("after the last try nobody is told of another")
    again = _day(fact.next_try_at)
    about = f"{fact.payment_id}/{fact.tries}"
    return _recurring(fact, "recurring.charge_failed", about, scene, cause=fact.reason, again_on=again)


@orders.register
def _(fact: RecurringCardExpiring, scene: Scene, *, event_id: UUID) -> list[Order]:
    year, _, month = fact.expires.partition("-")
    return _recurring(fact, "recurring.card_expiring", event_id, scene, expires=f"{month}/{year}")


@orders.register
def _(fact: RecurringEnded, scene: Scene, *, event_id: UUID) -> list[Order]:
    return _recurring(fact, "recurring.ended", fact.recurring_id, scene, why=fact.why)


@orders.register
def _(fact: judgements.Judgement, scene: Scene, *, event_id: UUID) -> list[Order]:
    return judgements.orders(fact, title=scene.title, owner_id=scene.owner_id, event_id=event_id)


def of_receipt(fact: ReceiptIssued, *, event_id: UUID) -> Order:
    """A donor's mail about a tax receipt: when it was issued, and each time it is asked for again. It is about no campaign."""
    return Order(
        recipient_id=fact.donor_id,
        guest=fact.guest,
        type="receipt.issued",
        dedupe=f"receipt.issued:{event_id}",
        data={
            "receipt_id": str(fact.receipt_id),
            "number": fact.number,
            "year": str(fact.year),
            "amount": fact.amount,
            "currency": fact.currency,
            "resent": fact.resent,
        },
    )
