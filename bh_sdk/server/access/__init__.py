"""Who may: one policy table for every door, one principal per person, tokens of people and of services.

from bh_sdk.server.access import GUEST, Principal, may, seed_policies

@router.post("/refund", auth=may("refund", "request"), ...)
"""

from __future__ import annotations

from bh_sdk.server.access.doors import may
from bh_sdk.server.access.principals import GUEST, Principal
from bh_sdk.server.access.seeds import seed_policies

__all__ = ["GUEST", "Principal", "may", "seed_policies"]
