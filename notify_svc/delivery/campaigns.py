"""What we know ourselves of how a campaign goes: milestones, its goal, its last days, and that gifts come in.

Each is told once, by its key: the owner has a notification of that key, the audience a mailing. Whatever is gathered from
facts later, such as refunds or another goal, tells nothing again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction

from bh_sdk.events import DonationSucceeded
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.logs import log
from notify_svc.audience import queries as audience
from notify_svc.audience.queries import Progress
from notify_svc.delivery import catalogue, mailings
from notify_svc.delivery.audiences import Audience
from notify_svc.delivery.commands import accept
from notify_svc.delivery.models import Mailing, Notification
from notify_svc.delivery.orders import Order

if TYPE_CHECKING:
    from notify_svc.audience.models import Campaign

# Percent of the goal. The last one is the goal itself, and has words of its own.
STEPS = (25, 50, 75, 100)
GOAL = STEPS[-1]
# So long before its end the followers of a campaign hear of it.
AHEAD = timedelta(hours=48)
BY = "system"


def highest(raised: int, goal: int) -> int | None:
    """The highest step that so much has reached. Pure."""
    return max((step for step in STEPS if raised * GOAL >= goal * step), default=None) if goal > 0 else None


def tell(campaign: Campaign, gift: DonationSucceeded) -> None:
    """What a gift that arrived means for its campaign: that gifts come in, and how far it is now."""
    progress = audience.progress(campaign)
    _tell_followers(campaign, gift, progress)
    if progress.goal is None:
        return
    step = highest(progress.raised.minor, progress.goal.minor)
    # After a large gift only the highest step is told, and after a refund none again.
    if step is None or _told([_key(campaign, one) for one in STEPS if one >= step]):
        return
    data = _shown(campaign) | {
        "current_amount": progress.raised.decimal,
        "goal_amount": progress.goal.decimal,
        "currency": campaign.currency,
    }
    if step == GOAL:
        _announce("goal_reached", campaign, data | {"donor_count": audience.count_donors(campaign.campaign_id)})
    else:
        _announce("milestone_reached", campaign, data | {"progress_percentage": step})


def tell_endings() -> int:
    """Tell of the campaigns whose last days have begun; returns how many. A deadline that is moved is another one."""
    now = clock.now()
    told = 0
    for campaign in audience.ending(now, now + AHEAD):
        try:
            told += _tell_ending(campaign)
        except Exception as error:
            # Whatever is wrong with one campaign, the others are told; it comes round again.
            log().error("ending_not_told", campaign_id=str(campaign.campaign_id), exc_info=error)
    return told


@transaction.atomic
def _tell_ending(campaign: Campaign) -> bool:
    if campaign.ends_at is None:
        return False
    data = _shown(campaign) | {"ends_on": f"{campaign.ends_at:%Y-%m-%d}"}
    if _told([catalogue.BY_TYPE["campaign_ending"].key(None, data)]):
        return False
    progress = audience.progress(campaign)
    data |= _raised(progress)
    if progress.goal is not None:
        data |= {
            "goal_amount": progress.goal.decimal,
            "currency": campaign.currency,
            "is_goal_reached": progress.missing is None,
        }
        if progress.missing is not None:
            data["amount_needed"] = progress.missing.decimal
    _announce("campaign_ending", campaign, data, expires_at=campaign.ends_at)
    return True


def _tell_followers(campaign: Campaign, gift: DonationSucceeded, progress: Progress) -> None:
    """That gifts come in, once a day at most, however many come; not to whoever gave just now."""
    row = catalogue.BY_TYPE["gift.followed"]
    data = _shown(campaign) | _raised(progress)
    key = row.key(None, data | {"day": f"{clock.now():%Y-%m-%d}"})
    if not Mailing.objects.filter(dedupe=key).exists():
        _mail(row, campaign, data, key, without=[campaign.owner_id, gift.donor_id])


def _announce(type: str, campaign: Campaign, data: dict[str, Any], *, expires_at: datetime | None = None) -> None:
    """Tell the owner, and the audience that the catalogue names."""
    row = catalogue.BY_TYPE[type]
    key = row.key(None, data)
    order = Order(
        recipient_id=campaign.owner_id,
        type=type,
        data=data | {"is_recipient": True},
        dedupe=key,
        expires_at=expires_at,
    )
    accept([order], by=BY)
    _mail(row, campaign, data, key, without=[campaign.owner_id], expires_at=expires_at)


def _mail(
    row: catalogue.Row,
    campaign: Campaign,
    data: dict[str, Any],
    key: str,
    *,
    without: list[UUID],
    expires_at: datetime | None = None,
) -> None:
    people = Audience(str(row.audience), campaign.campaign_id)
    order = {
        "type": row.type,
        "data": data,
        "channels": None,
        "priority": None,
        "group": "",
        "schedule_at": None,
        "expires_at": expires_at.isoformat() if expires_at else None,
        "test": False,
        "without": [str(one) for one in without],
    }
    mailings.begin(people, order, expected=people.count(), dedupe=key, by=BY)


def _shown(campaign: Campaign) -> dict[str, Any]:
    return {"campaign_id": str(campaign.campaign_id), "campaign_title": audience.shown_title(campaign)}


def _raised(progress: Progress) -> dict[str, Any]:
    """What was given so far; nothing is no amount."""
    raised = progress.raised
    return {"current_amount": raised.decimal, "currency": raised.code} if raised.minor else {}


def _key(campaign: Campaign, step: int) -> str:
    type = "goal_reached" if step == GOAL else "milestone_reached"
    about = {"campaign_id": campaign.campaign_id, "progress_percentage": step}
    return catalogue.BY_TYPE[type].key(None, about)


def _told(keys: list[str]) -> bool:
    return Notification.objects.filter(dedupe__in=keys).exists()
