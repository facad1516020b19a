from __future__ import annotations

from django.db import migrations

# Words that were sent must be readable for ever as they were: only where a version stands in its life may change.
WORDS_STAY = """
CREATE FUNCTION notify_words_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - '{state,published_by,published_at}'::text[])
        IS DISTINCT FROM (to_jsonb(OLD) - '{state,published_by,published_at}'::text[]) THEN
        RAISE EXCEPTION 'the words of a version never change' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state IS DISTINCT FROM NEW.state AND (OLD.state, NEW.state) NOT IN
        (('draft', 'live'), ('draft', 'retired'), ('live', 'retired'), ('retired', 'live')) THEN
        RAISE EXCEPTION 'a version does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER notify_words_stay BEFORE UPDATE ON notify_wording_templateversion
    FOR EACH ROW EXECUTE FUNCTION notify_words_stay();
CREATE FUNCTION notify_layout_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a layout never changes; write the next one' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER notify_layout_stays BEFORE UPDATE ON notify_wording_layout
    FOR EACH ROW EXECUTE FUNCTION notify_layout_stays();
"""
BACK = """
DROP TRIGGER notify_words_stay ON notify_wording_templateversion;
DROP FUNCTION notify_words_stay();
DROP TRIGGER notify_layout_stays ON notify_wording_layout;
DROP FUNCTION notify_layout_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("notify_wording", "0001_initial")]
    operations = [migrations.RunSQL(WORDS_STAY, BACK)]
