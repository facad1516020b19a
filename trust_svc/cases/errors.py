"""What the review desk refuses."""

from __future__ import annotations

from bh_sdk.errors import Conflict, Forbidden


class CaseTaken(Conflict):
    """`assignee` is who works on it."""

    code, title = "case_taken", "A colleague works on this case"


class CaseMoved(Conflict):
    """Somebody was faster, or something new came in: what was looked at is not what stands now."""

    code, title = "case_moved", "The case has changed since you opened it; look at it again"


class CaseOver(Conflict):
    """`outcome` is how it was decided."""

    code, title = "case_over", "The case is closed already"


class CaseOpen(Conflict):
    code, title = "case_open", "The case has not been decided yet"


class OwnCase(Forbidden):
    code, title = "own_case", "Nobody works on a case about themselves, or one that they reported"
