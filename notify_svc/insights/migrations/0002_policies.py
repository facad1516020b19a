"""Who may look at figures, as it is shipped."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from notify_svc.policies import INSIGHTS


class Migration(migrations.Migration):
    dependencies = [("notify_insights", "0001_initial"), ("bh_access", "0003_policies")]
    operations = [migrations.RunPython(partial(seed_policies, policies=INSIGHTS), migrations.RunPython.noop)]
