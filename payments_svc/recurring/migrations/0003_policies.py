"""Who may do what with recurring gifts, as it is shipped."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from payments_svc.policies import RECURRING


class Migration(migrations.Migration):
    dependencies = [("payments_recurring", "0002_guard"), ("bh_access", "0003_policies")]
    operations = [migrations.RunPython(partial(seed_policies, policies=RECURRING), migrations.RunPython.noop)]
