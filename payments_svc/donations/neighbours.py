"""The calls to trust and notify: the only ones payments makes to its neighbours."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from bh_sdk.clients import Notify, Trust
from bh_sdk.money import Money
from bh_sdk.tokens import ServiceAuth
from payments_svc.donations.models import Campaign, Guest, Handoff
from payments_svc.donations.rules import GIFTS_TAKEN_IN


def tell(row: Handoff) -> None:
    """Make the call that a handoff stands for, with what is true now. Raises BHError when it was not taken."""
    if row.kind == Handoff.CONTACT_TO_NOTIFY:
        guest = Guest.objects.get(id=row.entity_id)
        _notify().describe_contact(guest.id, email=guest.email.open(), name=guest.name.open())
        return
    campaign = Campaign.objects.get(id=row.entity_id)
    about: dict[str, Any] = {
        "title": campaign.title,
        "owner_id": campaign.owner_id,
        "currency": campaign.currency,
        "category": campaign.category,
    }
    if row.kind == Handoff.CAMPAIGN_TO_TRUST:
        _trust().describe_campaign(campaign.id, **about)
        return
    # Nobody is told of the last days of a campaign that takes no gifts.
    ends_at = campaign.ends_at if campaign.status in GIFTS_TAKEN_IN else None
    goal = Money(campaign.goal, campaign.currency).decimal
    _notify().describe_campaign(campaign.id, **about, goal=goal, ends_at=ends_at)


def _auth(base_url: str, audience: str) -> ServiceAuth:
    return ServiceAuth(
        token_url=f"{base_url}/oauth2/token",
        client_id="payments",
        signing_key_pem=Path(settings.BH_SIGNING_KEY_FILE).read_text(),
        audience=audience,
    )


@lru_cache(maxsize=1)
def _trust() -> Trust:
    return Trust(settings.BH_TRUST_URL, auth=_auth(settings.BH_TRUST_URL, "trust"))


@lru_cache(maxsize=1)
def _notify() -> Notify:
    return Notify(settings.BH_NOTIFY_URL, auth=_auth(settings.BH_NOTIFY_URL, "notify"))
