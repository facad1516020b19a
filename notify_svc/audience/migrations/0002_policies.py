from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from notify_svc.policies import POLICIES


class Migration(migrations.Migration):
    dependencies = [("notify_audience", "0001_initial"), ("bh_access", "0003_policies")]
    operations = [migrations.RunPython(partial(seed_policies, policies=POLICIES), migrations.RunPython.noop)]
