"""Whoever shows a feed hears what moved in it, and each change gets its place among those of its reader.

Nobody who writes an entry has to think of it: a row that changes for its reader loses its number, and the stream gives it
the next one. Numbers are given after the commit of what they number, under the lock of the reader's row, so that a number
once seen is followed by higher ones alone, however late a transaction ends.
"""

from __future__ import annotations

from django.db import migrations

# A notification holds 8,000 bytes: 150 names of 42. Of thousands at once nobody wants to hear each.
TELL = """
CREATE FUNCTION notify_feed_unnumber() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.revision := NULL;
    RETURN NEW;
END
$$;
CREATE TRIGGER notify_feed_unnumber BEFORE UPDATE ON notify_delivery_notification FOR EACH ROW
    WHEN ((OLD.shown_at, OLD.seen_at, OLD.read_at, OLD.archived_at, OLD.deleted_at, OLD.canceled_at, OLD.test,
           OLD.title, OLD.body, OLD.action_url, OLD.data, OLD."group")
          IS DISTINCT FROM
          (NEW.shown_at, NEW.seen_at, NEW.read_at, NEW.archived_at, NEW.deleted_at, NEW.canceled_at, NEW.test,
           NEW.title, NEW.body, NEW.action_url, NEW.data, NEW."group"))
    EXECUTE FUNCTION notify_feed_unnumber();

CREATE FUNCTION notify_feed_tell() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    people uuid[];
BEGIN
    IF TG_OP = 'DELETE' THEN
        people := ARRAY(SELECT DISTINCT recipient_id FROM moved WHERE shown_at IS NOT NULL);
    ELSE
        people := ARRAY(SELECT DISTINCT recipient_id FROM moved WHERE revision IS NULL AND shown_at IS NOT NULL);
    END IF;
    IF cardinality(people) > 3000 THEN
        PERFORM pg_notify('bh_kept_feed', '*');
    ELSE
        PERFORM pg_notify('bh_kept_feed', told.names)
           FROM (SELECT string_agg('user/' || person, ' ') AS names
                   FROM unnest(people) WITH ORDINALITY AS numbered(person, place) GROUP BY place / 150) AS told;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER notify_feed_added AFTER INSERT ON notify_delivery_notification
   REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION notify_feed_tell();
CREATE TRIGGER notify_feed_moved AFTER UPDATE ON notify_delivery_notification
   REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION notify_feed_tell();
CREATE TRIGGER notify_feed_removed AFTER DELETE ON notify_delivery_notification
   REFERENCING OLD TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION notify_feed_tell();

-- Readers are locked in one order and entries never waited for, so that no two of these, and none of these and a reader who
-- marks everything read, wait for each other. An entry that somebody holds gets its number the next time.
CREATE FUNCTION notify_feed_number(people uuid[], moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    person uuid;
    held bigint;
    added bigint;
BEGIN
    FOR person IN SELECT DISTINCT p FROM unnest(people) AS p ORDER BY p LOOP
        CONTINUE WHEN NOT EXISTS (
            SELECT FROM notify_delivery_notification
            WHERE recipient_id = person AND revision IS NULL AND shown_at <= moment AND NOT test
        );
        INSERT INTO notify_feed_reader (person_id, revision) VALUES (person, 0) ON CONFLICT DO NOTHING;
        SELECT revision INTO held FROM notify_feed_reader WHERE person_id = person FOR UPDATE;
        WITH fresh AS (
            SELECT id, shown_at FROM notify_delivery_notification
            WHERE recipient_id = person AND revision IS NULL AND shown_at <= moment AND NOT test
            FOR UPDATE SKIP LOCKED
        ), numbered AS (
            SELECT id, row_number() OVER (ORDER BY shown_at, id) AS place FROM fresh
        )
        UPDATE notify_delivery_notification AS entry SET revision = held + numbered.place
        FROM numbered WHERE entry.id = numbered.id;
        GET DIAGNOSTICS added = ROW_COUNT;
        UPDATE notify_feed_reader SET revision = held + added WHERE person_id = person AND added > 0;
    END LOOP;
END
$$;
"""
TELL_NOT = """
DROP FUNCTION notify_feed_number(uuid[], timestamptz);
DROP TRIGGER notify_feed_added ON notify_delivery_notification;
DROP TRIGGER notify_feed_moved ON notify_delivery_notification;
DROP TRIGGER notify_feed_removed ON notify_delivery_notification;
DROP FUNCTION notify_feed_tell();
DROP TRIGGER notify_feed_unnumber ON notify_delivery_notification;
DROP FUNCTION notify_feed_unnumber();
"""


class Migration(migrations.Migration):
    dependencies = [("notify_feed", "0002_streams"), ("notify_delivery", "0005_feed_of_its_own")]
    operations = [migrations.RunSQL(TELL, TELL_NOT)]
