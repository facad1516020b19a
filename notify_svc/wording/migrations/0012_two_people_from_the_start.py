"""Words about money and accounts are marked for two people when they are written, so that no row gets around the second."""

from __future__ import annotations

from django.db import migrations

# The same categories as `rules.TWO_PEOPLE`; a test keeps the two equal. What ships with the product has no author.
FROM_THE_START = """
CREATE FUNCTION notify_words_two_people() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.created_by <> 'seed' AND NEW.two_people IS DISTINCT FROM (
        SELECT category IN ('transactional', 'security') FROM notify_wording_template WHERE id = NEW.template_id
    ) THEN
        RAISE EXCEPTION 'whether words take two people is a question of their category' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER notify_words_two_people BEFORE INSERT ON notify_wording_templateversion
    FOR EACH ROW EXECUTE FUNCTION notify_words_two_people();
"""
BACK = """
DROP TRIGGER notify_words_two_people ON notify_wording_templateversion;
DROP FUNCTION notify_words_two_people();
"""


class Migration(migrations.Migration):
    dependencies = [("notify_wording", "0011_policies")]
    operations = [migrations.RunSQL(FROM_THE_START, BACK)]
