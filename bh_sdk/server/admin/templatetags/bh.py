"""Template filters of the admin pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.utils.timesince import timesince, timeuntil

from bh_sdk.server.admin import ways
from bh_sdk.server.ops import clock

if TYPE_CHECKING:
    from datetime import datetime

register = template.Library()


@register.filter
def ago(when: datetime) -> str:
    """`21 hours ago`, `in 3 hours`: by the clock of the stack, which may be moved."""
    now = clock.now()
    if when > now:
        return f"in {timeuntil(when, now, depth=1)}"
    past = timesince(when, now, depth=1)
    return "now" if past.startswith("0") else f"{past} ago"


@register.inclusion_tag("bh/trail.html", takes_context=True)
def trail(context: Any) -> dict[str, Any]:
    """Where the page stands, and the way up."""
    return {"trail": ways.trail(context)}
