"""Who may read the feed, push facts, and look after parked events."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access.seeds import seed_policies

POLICIES = (
    *((f"service:{name}", "event", "read") for name in ("payments", "trust", "notify", "monolith")),
    ("service:monolith", "event", "push"),
    *(("admin", "dead_letter", verb) for verb in ("view", "replay", "discard")),
    *((role, "fact", "view") for role in ("admin", "auditor")),
    ("auditor", "dead_letter", "view"),
)


class Migration(migrations.Migration):
    dependencies = [("bh_events", "0001_road"), ("bh_access", "0003_policies")]

    operations = [migrations.RunPython(partial(seed_policies, policies=POLICIES), migrations.RunPython.noop)]
