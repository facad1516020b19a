"""Whoever keeps copies of scores hears which ones moved, from the transaction that moves them."""

from __future__ import annotations

from django.db import migrations

# A notification holds 8,000 bytes: 150 names of 46. Of thousands at once nobody wants to hear each.
TELL = """
CREATE FUNCTION trust_scoring_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM moved) > 3000 THEN
        PERFORM pg_notify('bh_kept_scores', '*');
    ELSE
        PERFORM pg_notify('bh_kept_scores', told.names)
           FROM (SELECT string_agg(kind || '/' || entity_id, ' ') AS names
                   FROM (SELECT kind, entity_id, row_number() OVER () / 150 AS part FROM moved) AS numbered
                  GROUP BY part) AS told;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER trust_score_added AFTER INSERT ON trust_scoring_score
   REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION trust_scoring_tell();
CREATE TRIGGER trust_score_moved AFTER UPDATE ON trust_scoring_score
   REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION trust_scoring_tell();
CREATE TRIGGER trust_score_removed AFTER DELETE ON trust_scoring_score
   REFERENCING OLD TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION trust_scoring_tell();
"""
TELL_NOT = """
DROP TRIGGER trust_score_added ON trust_scoring_score;
DROP TRIGGER trust_score_moved ON trust_scoring_score;
DROP TRIGGER trust_score_removed ON trust_scoring_score;
DROP FUNCTION trust_scoring_tell();
"""


class Migration(migrations.Migration):
    dependencies = [("trust_scoring", "0005_urgent_first")]
    operations = [migrations.RunSQL(TELL, TELL_NOT)]
