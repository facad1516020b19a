"""Why a word from outside, or a wish of the staff, is refused."""

from __future__ import annotations

from bh_sdk.errors import BadRequest, Conflict, Forbidden, Invalid, NotFound, Unavailable


class ProviderUnknown(NotFound):
    code, title = "provider_unknown", "No such provider tells us anything here"


class WebhookUnproven(Forbidden):
    code, title = "webhook_unproven", "Nobody we know wrote this, or not just now, or not for us"


class WebhookUnreadable(BadRequest):
    code, title = "webhook_unreadable", "This is not what the provider's documents promise"


class WebhookUncheckable(Unavailable):
    code, title = "webhook_uncheckable", "The signature cannot be checked now; come again"


class AlreadyReleased(Conflict):
    code, title = "suppression_released", "This address has been released already"


class AlreadySuppressed(Conflict):
    code, title = "address_suppressed", "Nothing is sent to this address already"


class AddressInvalid(Invalid):
    code, title = "address_invalid", "This is no mail address"


class SuppressionNotFound(NotFound):
    code, title = "suppression_not_found", "There is no such suppression"
