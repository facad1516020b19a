from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from notify_svc.policies import PREFERENCES

# What was said is proof of consent. It goes only as a whole, when a person is erased.
HISTORY_STAYS = """
CREATE FUNCTION notify_preference_history_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was said stays as it was said' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER notify_preference_history_stays BEFORE UPDATE ON notify_preferences_change
    FOR EACH ROW EXECUTE FUNCTION notify_preference_history_stays();
"""
BACK = """
DROP TRIGGER notify_preference_history_stays ON notify_preferences_change;
DROP FUNCTION notify_preference_history_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("notify_preferences", "0001_initial"), ("bh_access", "0003_policies")]
    operations = [
        migrations.RunSQL(HISTORY_STAYS, BACK),
        migrations.RunPython(partial(seed_policies, policies=PREFERENCES), migrations.RunPython.noop),
    ]
