"""Lines of a case's log are only ever added, and who may do what with cases, as it is shipped."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from trust_svc.policies import CASES

# As for facts: a session that plays replica does not get past the first; TRUNCATE is the owner's alone.
GUARD = """
CREATE TRIGGER trust_case_log_stays BEFORE UPDATE OR DELETE ON trust_cases_logline
   FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE trust_cases_logline ENABLE ALWAYS TRIGGER trust_case_log_stays;
CREATE TRIGGER trust_case_log_stays_whole BEFORE TRUNCATE ON trust_cases_logline
   FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
UNGUARD = """
DROP TRIGGER trust_case_log_stays ON trust_cases_logline;
DROP TRIGGER trust_case_log_stays_whole ON trust_cases_logline;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("trust_cases", "0001_initial"),
        ("bh_events", "0001_road"),
        ("bh_access", "0003_policies"),
    ]
    operations = [
        migrations.RunSQL(GUARD, UNGUARD),
        migrations.RunPython(partial(seed_policies, policies=CASES), migrations.RunPython.noop),
    ]
