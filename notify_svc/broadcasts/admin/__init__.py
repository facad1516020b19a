"""The desk of broadcasts."""

from __future__ import annotations

from notify_svc.broadcasts.admin import broadcasts

__all__ = ["broadcasts"]
