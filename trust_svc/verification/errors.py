"""What the desk of verifications refuses."""

from __future__ import annotations

from bh_sdk.errors import Conflict, Forbidden, Invalid


class RequestDecided(Conflict):
    code, title = "verification_decided", "Somebody decided this already, or it was withdrawn"


class NothingToRevoke(Conflict):
    code, title = "verification_not_standing", "There is nothing to take back: it was never granted, or has run out"


class OwnRequest(Forbidden):
    code, title = "verification_own_request", "Nobody decides on a request of their own; somebody else has to"


class ExpiryOutOfBounds(Invalid):
    code, title = "verification_expiry_out_of_bounds", "The verification cannot last until then"


class DocumentsGone(Conflict):
    code, title = "verification_documents_gone", "The documents are deleted; ask for new ones by a new request"
