"""Who may do what with verifications, and finding those that run out without reading all facts."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from trust_svc.policies import VERIFICATION

# Times in facts always name their zone, so reading one is the same everywhere and for ever; PostgreSQL cannot know that.
INDEX = """
CREATE FUNCTION trust_moment(written text) RETURNS timestamptz
   LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET timezone = 'UTC' AS 'SELECT written::timestamptz';
CREATE INDEX trust_fact_ends ON trust_evidence_fact (trust_moment(data->>'expires_at'))
 WHERE type = 'verification.granted';
"""
NO_INDEX = """
DROP INDEX trust_fact_ends;
DROP FUNCTION trust_moment(text);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("trust_verification", "0001_initial"),
        ("trust_evidence", "0003_given_again"),
        ("bh_access", "0003_policies"),
    ]
    operations = [
        migrations.RunSQL(INDEX, NO_INDEX),
        migrations.RunPython(partial(seed_policies, policies=VERIFICATION), migrations.RunPython.noop),
    ]
