"""Why something about a break or a run was refused."""

from __future__ import annotations

from bh_sdk.errors import Conflict


class BreakSettled(Conflict):
    code, title = "break_settled", "The break is settled already; reopen it first"


class BreakOpen(Conflict):
    code, title = "break_open", "The break is open"


class NothingProposed(Conflict):
    code, title = "nothing_proposed", "No correction waits for a second person"


class CorrectionWaits(Conflict):
    code, title = "correction_waits", "A correction waits for a second person; decide on it first"


class NothingToCorrect(Conflict):
    code, title = "nothing_to_correct", "Both sides come to the same: there is nothing to book"
