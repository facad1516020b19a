"""What pricing refuses."""

from __future__ import annotations

from bh_sdk.errors import Conflict


class RateInForce(Conflict):
    code, title = "rate_in_force", "A rate that has begun does not change; plan another one from a later time"
