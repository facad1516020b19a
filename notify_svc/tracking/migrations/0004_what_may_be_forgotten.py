from __future__ import annotations

from django.db import migrations

# Evidence stays as it is, but not for ever and not about everybody: its address may be taken out of it, and once its time
# is over the function below, and nothing else, removes it. A suppression loses the words about a person who was erased.
MAY_GO = """
CREATE OR REPLACE FUNCTION notify_event_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF current_setting('notify.forgetting', true) = 'on' THEN
            RETURN OLD;
        END IF;
    ELSIF NEW.address_hash = '' AND to_jsonb(NEW) - 'address_hash' = to_jsonb(OLD) - 'address_hash' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'what a provider said stays as it is' USING ERRCODE = 'check_violation';
END $$;
CREATE OR REPLACE FUNCTION notify_suppression_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - '{note,release_note}'::text[] = to_jsonb(OLD) - '{note,release_note}'::text[]
        AND NEW.note IN (OLD.note, 'erased') AND NEW.release_note IN (OLD.release_note, 'erased') THEN
        RETURN NEW;
    END IF;
    IF OLD.released_at IS NOT NULL OR (to_jsonb(NEW) - '{released_at,released_by,release_note}'::text[])
        IS DISTINCT FROM (to_jsonb(OLD) - '{released_at,released_by,release_note}'::text[]) THEN
        RAISE EXCEPTION 'a suppression can only be released, and only once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION notify_forget_events(older_than timestamptz, most integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    removed integer;
    stripped integer;
BEGIN
    -- Given up long ago: nobody looks for their delivery any more.
    DELETE FROM notify_tracking_pendingevent AS pending USING notify_tracking_providerevent AS event
        WHERE event.id = pending.event_id AND pending.due_at IS NULL AND event.received_at < older_than;
    PERFORM set_config('notify.forgetting', 'on', true);
    WITH old AS (
        SELECT id FROM notify_tracking_providerevent AS event
        WHERE received_at < older_than
            AND NOT EXISTS (SELECT FROM notify_tracking_pendingevent AS pending WHERE pending.event_id = event.id)
            AND NOT EXISTS (SELECT FROM notify_tracking_suppression AS held WHERE held.event_id = event.id)
        ORDER BY received_at LIMIT most FOR UPDATE SKIP LOCKED
    )
    DELETE FROM notify_tracking_providerevent AS event USING old WHERE event.id = old.id;
    GET DIAGNOSTICS removed = ROW_COUNT;
    PERFORM set_config('notify.forgetting', 'off', true);
    WITH held AS (
        SELECT id FROM notify_tracking_providerevent
        WHERE received_at < older_than AND address_hash <> ''
            AND id IN (SELECT event_id FROM notify_tracking_suppression WHERE event_id IS NOT NULL)
        ORDER BY received_at LIMIT most - removed FOR UPDATE SKIP LOCKED
    )
    UPDATE notify_tracking_providerevent AS event SET address_hash = '' FROM held WHERE event.id = held.id;
    GET DIAGNOSTICS stripped = ROW_COUNT;
    RETURN removed + stripped;
END $$;
"""
BACK = """
DROP FUNCTION notify_forget_events(timestamptz, integer);
CREATE OR REPLACE FUNCTION notify_event_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what a provider said stays as it is' USING ERRCODE = 'check_violation';
END $$;
CREATE OR REPLACE FUNCTION notify_suppression_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.released_at IS NOT NULL OR (to_jsonb(NEW) - '{released_at,released_by,release_note}'::text[])
        IS DISTINCT FROM (to_jsonb(OLD) - '{released_at,released_by,release_note}'::text[]) THEN
        RAISE EXCEPTION 'a suppression can only be released, and only once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("notify_tracking", "0003_policies")]
    operations = [migrations.RunSQL(MAY_GO, BACK)]
