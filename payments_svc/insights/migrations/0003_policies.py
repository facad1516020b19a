"""Who may read analytics, for databases that are older than them."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from payments_svc.policies import INSIGHTS


class Migration(migrations.Migration):
    dependencies = [("payments_insights", "0002_daily_figures"), ("bh_access", "0003_policies")]
    operations = [migrations.RunPython(partial(seed_policies, policies=INSIGHTS), migrations.RunPython.noop)]
