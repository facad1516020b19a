"""Why something about a feed is refused."""

from __future__ import annotations

from bh_sdk.errors import NotFound


class NotificationNotFound(NotFound):
    code, title = "notification_not_found", "There is no such notification, or it is not yours"
