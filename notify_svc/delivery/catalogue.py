"""Every type of message: who gets it, why, once per what, by which channels, of which category, how urgent, for how long.

This table decides: consumers listen to the facts it names, orders take their keys, channels, urgency and expiry from it,
and the words a new database starts with (`wording/templates_seed/<type>.toml`, in every language) are checked against
it. `docs/messages.md` is made from it. A type that is not here is told nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from bh_sdk import events as facts
from bh_sdk.events import Fact
from notify_svc.delivery import rules
from notify_svc.wording.rules import Category

# donors: who gave with an account. followers: those too, and who asked for news, without those who left.
To = Literal["donor", "owner", "donors", "followers", "reporter", "appellant", "person", "reader"]
AUDIENCES: tuple[To, ...] = ("donors", "followers")
Urgency = Literal["low", "normal", "high", "urgent"]
# What causes a message that no fact causes: a call of /send, a deadline we know of, a window of gathered news, staff.
SEND, DEADLINE, GATHERED, BROADCAST = "/send", "a deadline", "gathered news", "a broadcast"
APP, MAIL, BOTH = ("in_app",), ("email",), ("email", "in_app")
PUSHED, ALL = ("email", "in_app", "push"), ("email", "in_app", "push", "sms")
EVENT = "event"
Kind = type[Fact]


@dataclass(frozen=True, slots=True)
class Row:
    """One type of message.

    `once_per` names what its key is made of: fields of the fact, or of the data where no fact has them; `event` is the
    fact's own id. What /send asks for is unique by the caller's key or fact instead.
    """

    type: str
    to: tuple[To, ...]
    cause: Kind | str
    once_per: str
    category: Category
    channels: tuple[str, ...]
    urgency: Urgency = "normal"
    # After so long it is not sent any more.
    lasts: timedelta | None = None
    # Another type about the same: once that was told, this one is pointless.
    overtaken_by: str = ""
    # Another type about the same: without it, this one is no news.
    only_after: str = ""
    # What the leaving mail opens by a link that is not stored.
    opens: Literal["", "gift", "receipt"] = ""

    def key(self, fact: Fact | None, data: Mapping[str, Any], *, event_id: UUID | None = None) -> str:
        """What makes one message of this type unique."""
        return f"{self.type}:{'/'.join(str(_part(name, fact, data, event_id)) for name in self.once_per.split('/'))}"

    @property
    def audience(self) -> To | None:
        """The audience that is told besides, or instead of, one person."""
        return next((one for one in self.to if one in AUDIENCES), None)


def _part(name: str, fact: Fact | None, data: Mapping[str, Any], event_id: UUID | None) -> Any:
    found = event_id if name == EVENT else getattr(fact, name, None) or data.get(name)
    # Some older facts lack the id of what they are about.
    return found or event_id


_WEEK, _DAY = timedelta(days=7), timedelta(days=1)
_DONOR: tuple[To, ...] = ("donor",)
_OWNER: tuple[To, ...] = ("owner",)
_GIFT: Any = {"opens": "gift"}

TABLE: tuple[Row, ...] = (
    # Gifts
    Row("gift.thank_you", _DONOR, facts.DonationSucceeded, "payment_id", "transactional", BOTH, "high", **_GIFT),
    Row("gift.received", _OWNER, facts.DonationSucceeded, "payment_id", "social", PUSHED),
    # Once a day at most, and in the app alone: a campaign that many give to is not to drown those who follow it.
    Row(
        "gift.followed",
        ("followers",),
        facts.DonationSucceeded,
        "campaign_id/day",
        "subscription",
        APP,
        "low",
        lasts=_DAY,
    ),
    Row(
        "gift.failed",
        _DONOR,
        facts.DonationFailed,
        "payment_id",
        "transactional",
        PUSHED,
        lasts=_WEEK,
        overtaken_by="gift.thank_you",
    ),
    # Receipts
    Row("receipt.issued", _DONOR, facts.ReceiptIssued, EVENT, "transactional", BOTH, opens="receipt"),
    Row("receipt.voided", _DONOR, facts.ReceiptVoided, "receipt_id", "transactional", BOTH),
    # Recurring gifts; `started` comes with the thanks for the first
    Row("recurring_processed", _DONOR, facts.DonationSucceeded, "payment_id", "transactional", BOTH, **_GIFT),
    Row("recurring.changed", _DONOR, facts.RecurringChanged, EVENT, "transactional", BOTH),
    Row("recurring.started", _DONOR, facts.RecurringStarted, "recurring_id", "transactional", BOTH),
    Row("recurring.charge_failed", _DONOR, facts.RecurringChargeFailed, "payment_id/tries", "transactional", PUSHED),
    Row("recurring.card_expiring", _DONOR, facts.RecurringCardExpiring, EVENT, "transactional", BOTH),
    Row("recurring.ended", _DONOR, facts.RecurringEnded, "recurring_id", "transactional", BOTH),
    # Refunds; what is approved at once is told when it is on its way
    Row(
        "refund.requested",
        _DONOR,
        facts.RefundRequested,
        "refund_id",
        "transactional",
        BOTH,
        overtaken_by="refund.succeeded",
        **_GIFT,
    ),
    Row(
        "refund.approved",
        _DONOR,
        facts.RefundApproved,
        "refund_id",
        "transactional",
        BOTH,
        overtaken_by="refund.succeeded",
        only_after="refund.requested",
        **_GIFT,
    ),
    Row(
        "refund.rejected",
        _DONOR,
        facts.RefundRejected,
        "refund_id",
        "transactional",
        BOTH,
        only_after="refund.requested",
        **_GIFT,
    ),
    Row(
        "refund.succeeded",
        _DONOR,
        facts.RefundSucceeded,
        "refund_id",
        "transactional",
        BOTH,
        overtaken_by="refund.failed",
        **_GIFT,
    ),
    Row(
        "refund.failed",
        _DONOR,
        facts.RefundFailed,
        "refund_id",
        "transactional",
        BOTH,
        only_after="refund.succeeded",
        **_GIFT,
    ),
    # Disputes and payouts
    Row(
        "dispute.opened",
        _OWNER,
        facts.DisputeOpened,
        "dispute_id",
        "transactional",
        BOTH,
        overtaken_by="dispute.closed",
    ),
    Row("dispute.closed", _OWNER, facts.DisputeClosed, "dispute_id", "transactional", BOTH),
    Row("payout.paid", _OWNER, facts.PayoutPaid, "payout_id", "transactional", BOTH, overtaken_by="payout.failed"),
    Row("payout.rejected", _OWNER, facts.PayoutRejected, "payout_id", "transactional", BOTH),
    Row("payout.failed", _OWNER, facts.PayoutFailed, "payout_id", "transactional", ALL, "high"),
    # Campaigns
    Row("campaign_update", ("donors", "followers"), SEND, "", "subscription", PUSHED),
    # At 25, 50 and 75 percent of the goal, as the gifts we heard of say; no step twice, and none below one that was told.
    Row(
        "milestone_reached",
        ("owner", "followers"),
        facts.DonationSucceeded,
        "campaign_id/progress_percentage",
        "subscription",
        BOTH,
    ),
    Row("goal_reached", ("owner", "donors"), facts.DonationSucceeded, "campaign_id", "subscription", PUSHED, "high"),
    # Two days before; not after it has ended.
    Row(
        "campaign_ending", ("owner", "followers"), DEADLINE, "campaign_id/ends_on", "subscription", PUSHED, lasts=_WEEK
    ),
    Row("update_reminder", _OWNER, SEND, "", "social", BOTH),
    # Trust: the owner of a campaign, or the person whom it is about; never donors
    Row("trust.tier_changed", _OWNER, facts.ScoreChanged, EVENT, "transactional", BOTH),
    Row("hold.placed", _OWNER, facts.HoldPlaced, "hold_id", "transactional", ALL, "high", overtaken_by="hold.lifted"),
    Row("hold.lifted", _OWNER, facts.HoldLifted, "hold_id", "transactional", BOTH),
    Row("case.confirmed", _OWNER, facts.CaseDecided, "case_id", "transactional", BOTH),
    Row(
        "override.placed",
        _OWNER,
        facts.OverridePlaced,
        "override_id",
        "transactional",
        BOTH,
        overtaken_by="override.ended",
    ),
    Row("override.ended", _OWNER, facts.OverrideEnded, "override_id", "transactional", BOTH),
    # An appeal may change what was decided about a report; then the reporter hears what stands.
    Row("report.decided", ("reporter",), facts.ReportDecided, "report_id/outcome", "transactional", BOTH),
    Row(
        "appeal.filed",
        ("appellant",),
        facts.AppealFiled,
        "appeal_id",
        "transactional",
        BOTH,
        overtaken_by="appeal.decided",
    ),
    Row("appeal.decided", ("appellant",), facts.AppealDecided, "appeal_id", "transactional", BOTH),
    # Verification
    Row("verification.granted", _OWNER, facts.VerificationGranted, EVENT, "transactional", BOTH),
    Row("verification.refused", _OWNER, facts.VerificationRefused, EVENT, "transactional", BOTH),
    Row("verification.ending", _OWNER, facts.VerificationEnding, EVENT, "transactional", BOTH),
    Row("verification.ended", _OWNER, facts.VerificationEnded, EVENT, "transactional", BOTH),
    # Accounts and the house
    Row("welcome", ("person",), SEND, "", "transactional", BOTH),
    Row("account_security", ("person",), SEND, "", "security", ALL, "urgent"),
    Row("maintenance", ("person",), SEND, "", "transactional", BOTH, lasts=_WEEK),
    # What staff write to many in words of their own
    Row("broadcast.news", ("donors", "followers"), BROADCAST, "", "subscription", BOTH, "low"),
    Row("broadcast.notice", ("donors", "followers"), BROADCAST, "", "transactional", BOTH),
    # What was gathered
    Row("digest.subscription", ("reader",), GATHERED, "window_id", "subscription", MAIL),
    Row("digest.social", ("reader",), GATHERED, "window_id", "social", MAIL),
)
BY_TYPE: Mapping[str, Row] = {row.type: row for row in TABLE}
# The facts that somebody is told of.
FACTS: tuple[Kind, ...] = tuple(dict.fromkeys(row.cause for row in TABLE if isinstance(row.cause, type)))


def overtaken_by(key: str) -> str | None:
    """The key of the message that makes the one with this key pointless."""
    return _related(key, "overtaken_by")


def only_after(key: str) -> str | None:
    """The key of the message without which the one with this key is no news."""
    return _related(key, "only_after")


def _related(key: str, how: Literal["overtaken_by", "only_after"]) -> str | None:
    type, _, about = key.partition(":")
    other = getattr(BY_TYPE[type], how) if type in BY_TYPE else ""
    return f"{other}:{about}" if other else None


def priority(type: str, asked: str | None = None) -> int:
    """How urgent one message is: as its caller says, else as its type is."""
    return rules.PRIORITIES[asked or (BY_TYPE[type].urgency if type in BY_TYPE else "normal")]


def channels(type: str) -> tuple[str, ...]:
    """By which ways a type goes when its caller does not say."""
    return BY_TYPE[type].channels if type in BY_TYPE else rules.CHANNELS


def expiry(type: str, start: datetime) -> datetime | None:
    """From when a message that goes out at `start` is not sent any more."""
    lasts = BY_TYPE[type].lasts if type in BY_TYPE else None
    return start + lasts if lasts else None
