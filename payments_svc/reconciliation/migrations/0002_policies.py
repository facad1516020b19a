"""Who may look at reconciliation, and who works it."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access.seeds import seed_policies
from payments_svc.policies import RECONCILIATION


class Migration(migrations.Migration):
    dependencies = [("payments_reconciliation", "0001_initial"), ("bh_access", "0003_policies")]
    operations = [
        migrations.RunPython(partial(seed_policies, policies=RECONCILIATION), migrations.RunPython.noop),
        migrations.RunSQL(
            """
            CREATE FUNCTION payments_reconciliation_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'what was done about a break is only added to: % is refused', TG_OP
                    USING ERRCODE = 'restrict_violation';
            END $$;
            CREATE TRIGGER break_steps_stay BEFORE UPDATE OR DELETE ON payments_reconciliation_breakstep
                FOR EACH ROW EXECUTE FUNCTION payments_reconciliation_refuse();
            """,
            """
            DROP TRIGGER break_steps_stay ON payments_reconciliation_breakstep;
            DROP FUNCTION payments_reconciliation_refuse();
            """,
        ),
    ]
