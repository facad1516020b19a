"""What the desk of appeals refuses."""

from __future__ import annotations

from bh_sdk.errors import Conflict, Forbidden


class AppealDecidedAlready(Conflict):
    code, title = "appeal_decided", "Somebody has decided on this appeal already"


class AppealTaken(Conflict):
    code, title = "appeal_taken", "A colleague works on this appeal; take it over first"


class OwnAppeal(Forbidden):
    code, title = "own_appeal", "Nobody decides on an appeal of their own"


class DecidedByYou(Forbidden):
    code, title = "appeal_against_you", "The decision appealed against was yours: somebody else looks at it"


class OutcomeUnfit(Conflict):
    code, title = "appeal_outcome_unfit", "An appeal against this cannot end so"
