"""Why a wish is refused."""

from __future__ import annotations

from bh_sdk.errors import NotFound


class LinkUnknown(NotFound):
    """The same for a link that we never made, a broken one and one whose key is gone: it tells nothing apart."""

    code, title = "link_unknown", "This link is not complete, or too old"


class CampaignUnknown(NotFound):
    code, title = "campaign_unknown", "We do not know this campaign"


class NothingSaid(NotFound):
    code, title = "nothing_said", "This person has never set a preference"
