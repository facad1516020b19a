"""What the desk of overrides refuses."""

from __future__ import annotations

from bh_sdk.errors import Conflict, Forbidden


class OverrideStands(Conflict):
    """`override_id` is the one in force: name it to replace it."""

    code, title = "override_stands", "There is an override in force already"


class OverrideWaits(Conflict):
    code, title = "override_waits", "Another override of this waits for a second person"


class OverrideDecided(Conflict):
    code, title = "override_decided", "Somebody has decided on this override already"


class OverrideOver(Conflict):
    code, title = "override_over", "The override is not in force"


class OverrideChangesNothing(Conflict):
    code, title = "override_changes_nothing", "This factor does not count here, so setting it would change nothing"


class OwnScore(Forbidden):
    code, title = "own_score", "Nobody decides on a score of their own"
