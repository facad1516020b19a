"""Who may stop and let go, as it is shipped."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from trust_svc.policies import HOLDS


class Migration(migrations.Migration):
    dependencies = [("trust_holds", "0001_initial"), ("bh_access", "0003_policies")]
    operations = [migrations.RunPython(partial(seed_policies, policies=HOLDS), migrations.RunPython.noop)]
