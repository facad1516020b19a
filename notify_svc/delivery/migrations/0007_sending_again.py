"""Who may send something again, as it is shipped."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from notify_svc.policies import DELIVERY


class Migration(migrations.Migration):
    dependencies = [("notify_delivery", "0006_mailings"), ("bh_access", "0003_policies")]
    operations = [migrations.RunPython(partial(seed_policies, policies=DELIVERY), migrations.RunPython.noop)]
