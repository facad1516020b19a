from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from notify_svc.policies import RETENTION

# Who took data along, and who had it erased, is proof.
STAY = """
CREATE FUNCTION notify_request_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a request about personal data stays as it was made' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER notify_request_stays BEFORE UPDATE OR DELETE ON notify_retention_request
    FOR EACH ROW EXECUTE FUNCTION notify_request_stays();
"""
BACK = """
DROP TRIGGER notify_request_stays ON notify_retention_request;
DROP FUNCTION notify_request_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("notify_retention", "0001_initial"), ("bh_access", "0003_policies")]
    operations = [
        migrations.RunSQL(STAY, BACK),
        migrations.RunPython(partial(seed_policies, policies=RETENTION), migrations.RunPython.noop),
    ]
