"""A payer may give a payment up, in databases that are older than the route."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from payments_svc.policies import CANCELING


class Migration(migrations.Migration):
    dependencies = [("payments_donations", "0004_method_and_series"), ("bh_access", "0003_policies")]
    operations = [migrations.RunPython(partial(seed_policies, policies=CANCELING), migrations.RunPython.noop)]
