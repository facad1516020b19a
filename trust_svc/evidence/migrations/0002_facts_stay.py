"""Facts are only ever added, and who may do what in trust."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from trust_svc.policies import POLICIES

# As for the log of facts: a session that plays replica does not get past the first; TRUNCATE is the owner's alone.
GUARD = """
CREATE TRIGGER trust_fact_stays BEFORE UPDATE OR DELETE ON trust_evidence_fact
   FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE trust_evidence_fact ENABLE ALWAYS TRIGGER trust_fact_stays;
CREATE TRIGGER trust_fact_stays_whole BEFORE TRUNCATE ON trust_evidence_fact
   FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
UNGUARD = """
DROP TRIGGER trust_fact_stays ON trust_evidence_fact;
DROP TRIGGER trust_fact_stays_whole ON trust_evidence_fact;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("trust_evidence", "0001_initial"),
        ("bh_events", "0001_road"),
        ("bh_access", "0003_policies"),
    ]
    operations = [
        migrations.RunSQL(GUARD, UNGUARD),
        migrations.RunPython(partial(seed_policies, policies=POLICIES), migrations.RunPython.noop),
    ]
