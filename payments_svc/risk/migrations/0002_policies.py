"""Who sees refused tries and works the block list; and nobody deletes a block."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from payments_svc.policies import RISK

KEEP = """
CREATE FUNCTION payments_risk_keep_block() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a block is lifted, never deleted' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER payments_risk_keep_block BEFORE DELETE ON payments_risk_block
    FOR EACH ROW EXECUTE FUNCTION payments_risk_keep_block();
"""
LEAVE = """
DROP TRIGGER payments_risk_keep_block ON payments_risk_block;
DROP FUNCTION payments_risk_keep_block();
"""


class Migration(migrations.Migration):
    dependencies = [("payments_risk", "0001_initial"), ("bh_access", "0003_policies")]
    operations = [
        migrations.RunSQL(KEEP, LEAVE),
        migrations.RunPython(partial(seed_policies, policies=RISK), migrations.RunPython.noop),
    ]
