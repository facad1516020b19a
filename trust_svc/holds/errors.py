"""What the desk of holds refuses."""

from __future__ import annotations

from bh_sdk.errors import Conflict, Forbidden


class HoldAlreadyPlaced(Conflict):
    code, title = "hold_already_placed", "There is a hold on this already"


class HoldOver(Conflict):
    code, title = "hold_over", "The hold is lifted already"


class OwnHold(Forbidden):
    code, title = "own_hold", "Nobody places or lifts a hold on themselves or on a campaign of their own"
