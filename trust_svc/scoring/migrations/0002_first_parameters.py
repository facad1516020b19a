"""The history and the parameters stay as they were written; the first parameter set goes live."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import migrations

TURNS = "CREATE SEQUENCE trust_scoring_turn"
NO_TURNS = "DROP SEQUENCE trust_scoring_turn"

GUARD = """
CREATE TRIGGER trust_point_stays BEFORE UPDATE OR DELETE ON trust_scoring_scorepoint
   FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE trust_scoring_scorepoint ENABLE ALWAYS TRIGGER trust_point_stays;
CREATE TRIGGER trust_point_stays_whole BEFORE TRUNCATE ON trust_scoring_scorepoint
   FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER trust_parameters_stay BEFORE UPDATE OF version, digest, body, created_at OR DELETE
   ON trust_scoring_parameterset FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE trust_scoring_parameterset ENABLE ALWAYS TRIGGER trust_parameters_stay;
"""
UNGUARD = """
DROP TRIGGER trust_point_stays ON trust_scoring_scorepoint;
DROP TRIGGER trust_point_stays_whole ON trust_scoring_scorepoint;
DROP TRIGGER trust_parameters_stay ON trust_scoring_parameterset;
"""

# The canonical text of version 1. It never changes; a better set is another version.
V1 = (
    '{"anonymous_credibility":0.2,"case_severity":5.0,"clean_pivot":0.03,"clean_prior":0.01,'
    '"clean_prior_mass":30.0,"completion_half_life":365.0,"completion_prior":0.7,'
    '"completion_prior_ceiling":0.9,"completion_prior_floor":0.3,"completion_prior_mass":4.0,'
    '"confidence_floor":0.25,"elapsed_unknown":0.5,"engagement_half_life":120.0,"gifts_per_hand":3.0,'
    '"history_half_life":180.0,"identity_cap":69.0,"independence_mass":5.0,"inherited":0.5,'
    '"item_prior_mass":2.0,"items":[0.08,0.08,0.28,0.2,0.14,0.1,0.06,0.06],"long_campaign_days":365.0,'
    '"lost_mass":5.0,"lower_z":1.28,"milestone_mass":0.5,"reach_half":15.0,"refund_mass":1.0,'
    '"repeat_days":7.0,"report_half":3.0,"report_half_life":90.0,"report_points":3.0,"reporter_prior":0.4,'
    '"reporter_prior_mass":2.0,"response_hours":72.0,"response_prior":0.6,"response_prior_mass":6.0,'
    '"severities":[4.0,3.0,2.0,1.0,2.0],"standing_floor":0.25,"tenure_days_per_observation":30.0,'
    '"tenure_gap":0.4,"tenure_half_life":120.0,"tier_slack":2.0,"tiers":[0.0,25.0,50.0,75.0,90.0],'
    '"unknown_standing":0.6,"update_days":14.0,"update_days_emergency":7.0,"update_days_ended":90.0,'
    '"update_days_long":30.0,"update_prior":0.6,"update_prior_mass":2.0,"update_windows":6,'
    '"upheld_cap_depth":70.0,"upheld_half_life":365.0,"upheld_scale":3.0,"version":1,"warning_mass":3.0,'
    '"weights":[0.25,0.15,0.15,0.2,0.25]}'
)


def go_live(apps: Any, schema_editor: Any) -> None:
    sets = apps.get_model("trust_scoring", "ParameterSet").objects.using(schema_editor.connection.alias)
    sets.create(version=1, digest=hashlib.sha256(V1.encode()).hexdigest(), body=V1, state="live")


class Migration(migrations.Migration):
    dependencies = [("trust_scoring", "0001_initial"), ("bh_events", "0001_road")]
    operations = [
        migrations.RunPython(go_live, migrations.RunPython.noop),
        migrations.RunSQL(TURNS, NO_TURNS),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
