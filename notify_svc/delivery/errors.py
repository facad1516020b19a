"""Why a notification is refused."""

from __future__ import annotations

from bh_sdk.errors import Invalid, NotFound


class ScheduleInvalid(Invalid):
    code, title = "schedule_invalid", "A message can be scheduled up to a year ahead"


class ExpiryInvalid(Invalid):
    code, title = "expiry_invalid", "A message expires after it is sent, and in the future"


class MailingNotFound(NotFound):
    code, title = "mailing_not_found", "There is no such mailing, or it is not yours"


class NotificationNotFound(NotFound):
    code, title = "notification_not_found", "There is no such notification, or it is not yours"
