"""Why a change of a provider is refused."""

from __future__ import annotations

from bh_sdk.errors import Conflict


class LastProvider(Conflict):
    code, title = "last_provider", "Nothing else carries this channel's messages; give another provider a weight first"
