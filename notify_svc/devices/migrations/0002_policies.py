"""Who may do what with devices, as it is shipped."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from notify_svc.policies import DEVICES


class Migration(migrations.Migration):
    dependencies = [("notify_devices", "0001_initial"), ("bh_access", "0003_policies")]
    operations = [migrations.RunPython(partial(seed_policies, policies=DEVICES), migrations.RunPython.noop)]
