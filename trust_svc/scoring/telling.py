"""What a piece of evidence says, in words for the owner of a score: what happened and which factor it feeds which way.

Never who gave or reported, what a report says or weighs, and which givers belong together. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

Effect = Literal["raises", "lowers", "waits", "ends"]


class Told(NamedTuple):
    """One line: `factor` None when it feeds none, `effect` None when it moves nothing by itself."""

    text: str
    factor: str | None = None
    effect: Effect | None = None


_ITEMS = {
    "email": "Mail address",
    "phone": "Phone number",
    "identity": "Identity",
    "bank": "Bank account",
    "registry": "Registration",
    "beneficiary": "Beneficiary",
    "endorsement": "Endorsement",
    "address": "Address",
}
_DISPUTES = {
    "early_warning": Told("A bank warned that a gift may be fraud", "history", "lowers"),
    "opened": Told("A bank disputed a gift", "history", "lowers"),
    "won": Told("A disputed gift was confirmed", "history", "ends"),
    "lost": Told("A disputed gift went back", "history", "lowers"),
}
_CASES = {
    "confirmed": Told("A review confirmed a concern", "history", "lowers"),
    "valuable": Told("A review found nothing wrong, but was right to look"),
    "false": Told("A review found nothing wrong", "history", "ends"),
}

_TOLD: dict[str, Callable[[Mapping[str, Any]], Told]] = {
    "user.joined": lambda _: Told("Joined the platform", "history", "raises"),
    "verification.granted": lambda data: Told(f"{_item(data)} verified{_until(data)}", "verification", "raises"),
    "verification.revoked": lambda data: Told(f"{_item(data)} no longer verified", "verification", "lowers"),
    "campaign.created": lambda _: Told("Campaign created"),
    "campaign.progress": lambda data: Told(f"Progress reported: {data['progress']:.0%}", "completion", "raises"),
    "campaign.update_posted": lambda _: Told("Update posted", "updates", "raises"),
    "campaign.question_asked": lambda _: Told(
        "A question was asked; an answer within three days helps", "engagement", "waits"
    ),
    "campaign.question_answered": lambda _: Told("A question was answered", "engagement", "raises"),
    "campaign.milestone": lambda data: (
        Told("Milestone reached", "completion", "raises")
        if data["kept"]
        else Told("Milestone missed", "completion", "lowers")
    ),
    "campaign.ended": lambda data: (
        Told("Campaign delivered what it promised", "completion", "raises")
        if data["delivered"]
        else Told("Campaign ended without delivering", "completion", "lowers")
    ),
    "payment.succeeded": lambda _: Told("A gift arrived", "engagement", "raises"),
    "payment.refunded": lambda data: (
        Told("A gift was given back for cause", "history", "lowers")
        if data["for_cause"]
        else Told("A gift was given back, for no fault of the campaign")
    ),
    "payment.refund_reversed": lambda _: Told(
        "A refund did not reach the donor: the gift counts again", "history", "ends"
    ),
    "payment.disputed": lambda data: _DISPUTES[data["stage"]],
    "report.filed": lambda _: Told("Somebody reported a concern; it is reviewed", "history", "waits"),
    "report.decided": lambda data: (
        Told("A reported concern was upheld", "history", "lowers")
        if data["outcome"] == "upheld"
        else Told("A reported concern was dismissed", "history", "ends")
    ),
    "case.decided": lambda data: _CASES[data["outcome"]],
    "hold.placed": lambda _: Told("Put on hold by our staff", None, "lowers"),
    "hold.lifted": lambda _: Told("The hold was lifted", None, "ends"),
    "score.imported": lambda _: Told("The score of the former system was taken over", "completion", "raises"),
}

# Their moment to the second could tell who was there.
COARSE = frozenset({"report.filed", "report.decided"})

# Short public facts, each exactly so when the score was calculated.
BADGES: dict[str, str] = {
    "identity_verified": "Identity verified",
    "bank_verified": "Bank account verified",
    "registry_verified": "Registration verified",
    "steady_updates": "An update in at least five of the last six periods",
    "delivered_before": "Delivered a campaign before",
}
STEADY_OF, STEADY = 6, 5


def told(type: str, data: Mapping[str, Any]) -> Told:
    """What to say of a fact."""
    return _TOLD[type](data)


def _item(data: Mapping[str, Any]) -> str:
    return _ITEMS[data["item"]]


def _until(data: Mapping[str, Any]) -> str:
    return f" until {data['expires_at'][:10]}" if data.get("expires_at") else ""
