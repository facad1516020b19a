"""Why a broadcast is refused."""

from __future__ import annotations

from bh_sdk.errors import Conflict, Invalid, NotFound


class BroadcastNotFound(NotFound):
    code, title = "broadcast_not_found", "There is no such broadcast"


class BroadcastFixed(Conflict):
    """`status` is where it stands."""

    code, title = "broadcast_fixed", "A broadcast can be changed only while it is a draft"


class BroadcastUnfinished(Conflict):
    """`missing` names what is still to be written."""

    code, title = "broadcast_unfinished", "The broadcast is not finished yet"


class BroadcastDecided(Conflict):
    """`status` is where it stands."""

    code, title = "broadcast_decided", "The broadcast does not wait for a decision any more"


class BroadcastChanged(Conflict):
    code, title = "broadcast_changed", "The broadcast was changed meanwhile; look at it again"


class SecondPersonNeeded(Conflict):
    code, title = "broadcast_needs_second_person", "Whoever wrote any of it does not approve it; somebody else does"


class NobodyToTell(Conflict):
    code, title = "broadcast_reaches_nobody", "Nobody would be told: everybody is left out, or there is nobody"


class TypeNotBroadcast(Invalid):
    code, title = "type_not_for_broadcasts", "Messages of this type are not for broadcasts"


class AudienceInvalid(Invalid):
    code, title = "audience_invalid", "The audience cannot be told like that"


class BroadcastNotRunning(Conflict):
    """`status` is where it stands."""

    code, title = "broadcast_not_running", "The broadcast is not in a state in which this can be done"
