"""Whoever made a decision does not decide on the appeal against it, and who may do what with appeals."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from trust_svc.policies import APPEALS

GUARD = """
ALTER TABLE trust_appeals_appeal ADD CONSTRAINT trust_appeal_by_somebody_else
 CHECK (decided_by IS NULL OR decided_by <> ALL (not_by)) NOT VALID;
ALTER TABLE trust_appeals_appeal VALIDATE CONSTRAINT trust_appeal_by_somebody_else;
"""
UNGUARD = "ALTER TABLE trust_appeals_appeal DROP CONSTRAINT trust_appeal_by_somebody_else;"


class Migration(migrations.Migration):
    dependencies = [("trust_appeals", "0001_initial"), ("bh_access", "0003_policies")]
    operations = [
        migrations.RunSQL(GUARD, UNGUARD),
        migrations.RunPython(partial(seed_policies, policies=APPEALS), migrations.RunPython.noop),
    ]
