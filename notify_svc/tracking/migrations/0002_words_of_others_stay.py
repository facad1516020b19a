from __future__ import annotations

from django.db import migrations

# What a provider said is evidence: it is neither changed nor taken back.
STAY = """
CREATE FUNCTION notify_event_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what a provider said stays as it is' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER notify_event_stays BEFORE UPDATE OR DELETE ON notify_tracking_providerevent
    FOR EACH ROW EXECUTE FUNCTION notify_event_stays();
CREATE FUNCTION notify_suppression_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.released_at IS NOT NULL OR (to_jsonb(NEW) - '{released_at,released_by,release_note}'::text[])
        IS DISTINCT FROM (to_jsonb(OLD) - '{released_at,released_by,release_note}'::text[]) THEN
        RAISE EXCEPTION 'a suppression can only be released, and only once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER notify_suppression_stays BEFORE UPDATE ON notify_tracking_suppression
    FOR EACH ROW EXECUTE FUNCTION notify_suppression_stays();
"""
BACK = """
DROP TRIGGER notify_event_stays ON notify_tracking_providerevent;
DROP FUNCTION notify_event_stays();
DROP TRIGGER notify_suppression_stays ON notify_tracking_suppression;
DROP FUNCTION notify_suppression_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("notify_tracking", "0001_initial")]
    operations = [migrations.RunSQL(STAY, BACK)]
