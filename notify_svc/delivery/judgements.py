"""What people hear of trust: a change of tier, and decisions about them. Pure.

The owner is told, and whoever reported or appealed; nobody ever hears who reported, and no reporter what was found.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from bh_sdk.events import (
    AppealDecided,
    AppealFiled,
    CaseDecided,
    Fact,
    HoldLifted,
    HoldPlaced,
    OverrideEnded,
    OverridePlaced,
    ReportDecided,
    ScoreChanged,
    VerificationEnded,
    VerificationEnding,
    VerificationGranted,
    VerificationRefused,
)
from notify_svc.delivery.orders import Said, Scene

TIERS = ("NEW", "RISING", "STEADY", "TRUSTED", "STAR")
Judgement = (
    ReportDecided
    | CaseDecided
    | HoldPlaced
    | HoldLifted
    | VerificationGranted
    | VerificationRefused
    | VerificationEnding
    | VerificationEnded
    | AppealFiled
    | AppealDecided
    | OverridePlaced
    | OverrideEnded
)


def is_news(fact: Fact) -> bool:
    """Whether somebody hears of it."""
    if isinstance(fact, ScoreChanged):
        # What staff set by hand is told by its own facts, and only campaigns have owners who follow a tier.
        moved = fact.previous_tier is not None and fact.previous_tier != fact.tier
        return fact.entity_kind == "campaign" and moved and not fact.by_hand
    if isinstance(fact, CaseDecided):
        return fact.outcome == "confirmed"
    # What takes the place of an override is told by itself.
    return not (isinstance(fact, OverrideEnded) and fact.because == "replaced")


def tier(fact: ScoreChanged, scene: Scene) -> list[Said]:
    """A campaign's new tier, to its owner alone."""
    data = {
        "campaign_id": str(fact.entity_id),
        "campaign_title": scene.title,
        "tier": fact.tier,
        "previous_tier": fact.previous_tier,
        "risen": TIERS.index(fact.tier) > TIERS.index(fact.previous_tier or fact.tier),
        "rated": fact.rated,
    }
    return [Said("trust.tier_changed", scene.owner, data)]


def said(fact: Judgement, scene: Scene) -> list[Said]:
    """What is told of a decision, to whom. About a person nothing is named: the words know how to speak of them."""
    type, more = _words(fact)
    data: dict[str, Any] = {"is_campaign": fact.entity_kind == "campaign", "entity_id": str(fact.entity_id)}
    if scene.title:
        data["about"] = scene.title
    return [Said(type, _recipient(fact, scene), data | more)]


def _recipient(fact: Judgement, scene: Scene) -> UUID:
    if isinstance(fact, ReportDecided):
        return fact.reporter_id
    return fact.filed_by if isinstance(fact, AppealFiled | AppealDecided) else scene.owner


def _words(fact: Judgement) -> tuple[str, dict[str, Any]]:
    """The type and what only its words need."""
    match fact:
        case ReportDecided():
            return "report.decided", {"upheld": fact.outcome == "upheld"}
        case CaseDecided():
            return "case.confirmed", {}
        case HoldPlaced():
            return "hold.placed", {}
        case HoldLifted():
            return "hold.lifted", {}
        case VerificationGranted() | VerificationRefused() | VerificationEnding() | VerificationEnded():
            return _verification(fact)
        case AppealFiled():
            return "appeal.filed", {"against": fact.against, "due_on": _day(fact.due_at)}
        case AppealDecided():
            outcome = {"changed": fact.outcome != "upheld", "in_full": fact.outcome == "reversed"}
            return "appeal.decided", {"against": fact.against} | outcome
        case OverridePlaced():
            return "override.placed", {"what": fact.what, "until": _day(fact.expires_at)}
        case OverrideEnded():
            return "override.ended", {}


def _verification(
    fact: VerificationGranted | VerificationRefused | VerificationEnding | VerificationEnded,
) -> tuple[str, dict[str, Any]]:
    item = {"item": fact.item}
    match fact:
        case VerificationGranted():
            # Without an end it holds until further notice.
            return "verification.granted", item | ({"ends_on": _day(fact.expires_at)} if fact.expires_at else {})
        case VerificationRefused():
            return "verification.refused", item
        case VerificationEnding():
            return "verification.ending", item | {"ends_on": _day(fact.expires_at)}
        case VerificationEnded():
            return "verification.ended", item | {"revoked": fact.revoked}


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"
