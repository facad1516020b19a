"""Why a notification is refused."""

from __future__ import annotations

from bh_sdk.errors import Conflict, Invalid, NotFound


class ScheduleInvalid(Invalid):
    code, title = "schedule_invalid", "A message can be scheduled up to a year ahead"


class ExpiryInvalid(Invalid):
    code, title = "expiry_invalid", "A message expires after it is sent, and in the future"


class DeliveryNotFound(NotFound):
    code, title = "delivery_not_found", "There is no such delivery"


class NotResendable(Conflict):
    """`reason` is its state, or why it has become pointless."""

    code, title = "not_resendable", "This delivery is not over yet, or there is nothing to send again"


class AddressSuppressed(Conflict):
    code, title = "address_suppressed", "Nothing goes to this address until it is released"


class NotWanted(Conflict):
    code, title = "not_wanted", "Its reader wants none of this by this way, or only gathered in a digest"


class MailingNotFound(NotFound):
    code, title = "mailing_not_found", "There is no such mailing, or it is not yours"


class MailingOver(Conflict):
    code, title = "mailing_over", "The mailing is not in a state in which this can be done"


class NotificationNotFound(NotFound):
    code, title = "notification_not_found", "There is no such notification, or it is not yours"
