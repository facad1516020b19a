"""The desk of messages: what was sent, to whom, and what became of it."""

from __future__ import annotations

from notify_svc.delivery.admin import deliveries, mailings

__all__ = ["deliveries", "mailings"]
