"""The database holds the rules of broadcasts too. The table of moves and the writing steps are those of `rules`, frozen here;
tests keep them equal."""

from __future__ import annotations

from django.db import migrations

GUARD = """
CREATE FUNCTION notify_broadcasts_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> OLD.status AND (OLD.status || '>' || NEW.status) NOT IN (
        'draft>asked', 'draft>dropped', 'asked>draft', 'asked>approved', 'asked>dropped'
    ) THEN
        RAISE EXCEPTION 'a broadcast does not go from % to %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.id, NEW.type, NEW.category, NEW.created_by, NEW.created_at)
       IS DISTINCT FROM (OLD.id, OLD.type, OLD.category, OLD.created_by, OLD.created_at)
       OR OLD.status <> 'draft' AND (NEW.title, NEW.data, NEW.channels, NEW.audience, NEW.campaign_id, NEW.list_id,
           NEW.languages, NEW.start_at, NEW.expires_at, NEW.per_minute)
           IS DISTINCT FROM (OLD.title, OLD.data, OLD.channels, OLD.audience, OLD.campaign_id, OLD.list_id,
           OLD.languages, OLD.start_at, OLD.expires_at, OLD.per_minute)
       OR OLD.status <> 'draft' AND NEW.status <> 'draft' AND NEW.versions IS DISTINCT FROM OLD.versions
       OR OLD.status IN ('approved', 'dropped') AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'what was asked for does not change' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.approved_by <> OLD.approved_by AND (OLD.status <> 'asked' OR EXISTS (
        SELECT FROM notify_broadcasts_step s WHERE s.broadcast_id = NEW.id AND s.by = NEW.approved_by
            AND s.kind IN ('composed', 'written', 'addressed', 'timed', 'asked'))) THEN
        RAISE EXCEPTION 'who wrote a broadcast does not approve it' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER broadcast_moves BEFORE UPDATE ON notify_broadcasts_broadcast
    FOR EACH ROW EXECUTE FUNCTION notify_broadcasts_guard();
ALTER TABLE notify_broadcasts_broadcast ENABLE ALWAYS TRIGGER broadcast_moves;

CREATE FUNCTION notify_broadcasts_guard_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> 'draft' THEN
        RAISE EXCEPTION 'a broadcast begins as a draft' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER broadcast_new BEFORE INSERT ON notify_broadcasts_broadcast
    FOR EACH ROW EXECUTE FUNCTION notify_broadcasts_guard_new();
ALTER TABLE notify_broadcasts_broadcast ENABLE ALWAYS TRIGGER broadcast_new;

CREATE FUNCTION notify_broadcasts_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is kept as it was written', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER step_kept BEFORE UPDATE OR DELETE ON notify_broadcasts_step
    FOR EACH ROW EXECUTE FUNCTION notify_broadcasts_keep();
ALTER TABLE notify_broadcasts_step ENABLE ALWAYS TRIGGER step_kept;
"""
UNGUARD = """
DROP TRIGGER step_kept ON notify_broadcasts_step;
DROP FUNCTION notify_broadcasts_keep();
DROP TRIGGER broadcast_new ON notify_broadcasts_broadcast;
DROP FUNCTION notify_broadcasts_guard_new();
DROP TRIGGER broadcast_moves ON notify_broadcasts_broadcast;
DROP FUNCTION notify_broadcasts_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("notify_broadcasts", "0001_initial")]
    operations = [migrations.RunSQL(GUARD, UNGUARD)]
