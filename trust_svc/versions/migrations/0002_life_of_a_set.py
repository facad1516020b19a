"""The database repeats the life of a set, logs stay, the sets there are get their first lines; who may do what."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import migrations

from bh_sdk.server.access import seed_policies
from trust_svc.policies import VERSIONS

# A set begins as a draft, unless none is live (the first one, or one that a migration puts in its place). Going live from
# shadow or A/B takes a proposal that somebody else approved; a retired set comes back only when it was live before.
MOVES = """
CREATE FUNCTION trust_parameters_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' AND (NEW.state <> 'live'
                OR EXISTS (SELECT FROM trust_scoring_parameterset WHERE state = 'live')) THEN
            RAISE EXCEPTION 'a parameter set begins as a draft' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state = OLD.state THEN
        RETURN NEW;
    END IF;
    IF (OLD.state, NEW.state) NOT IN (('draft', 'shadow'), ('draft', 'retired'), ('shadow', 'trial'), ('shadow', 'live'),
            ('shadow', 'retired'), ('trial', 'shadow'), ('trial', 'live'), ('trial', 'retired'), ('live', 'retired'),
            ('retired', 'live')) THEN
        RAISE EXCEPTION 'a parameter set does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'live' AND OLD.state <> 'retired' AND NOT EXISTS (
            SELECT FROM trust_versions_proposal WHERE parameters_id = NEW.version AND state = 'approved') THEN
        RAISE EXCEPTION 'a parameter set goes live by two people' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'live' AND OLD.state = 'retired' AND NOT EXISTS (
            SELECT FROM trust_versions_change
             WHERE parameters_id = NEW.version AND from_state = 'live' AND to_state = 'retired') THEN
        RAISE EXCEPTION 'a parameter set that never was live cannot come back' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
-- Rows that come out of a backup are put back as they were, so this one is no ALWAYS trigger.
CREATE TRIGGER trust_parameters_begin BEFORE INSERT ON trust_scoring_parameterset
   FOR EACH ROW EXECUTE FUNCTION trust_parameters_move();
CREATE TRIGGER trust_parameters_move BEFORE UPDATE OF state ON trust_scoring_parameterset
   FOR EACH ROW EXECUTE FUNCTION trust_parameters_move();
ALTER TABLE trust_scoring_parameterset ENABLE ALWAYS TRIGGER trust_parameters_move;

CREATE FUNCTION trust_parameters_live() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM trust_scoring_parameterset WHERE state = 'live') THEN
        RAISE EXCEPTION 'one parameter set is live' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER trust_parameters_live AFTER UPDATE ON trust_scoring_parameterset
   DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.state = 'live' AND NEW.state <> 'live')
   EXECUTE FUNCTION trust_parameters_live();
"""
NO_MOVES = """
DROP TRIGGER trust_parameters_live ON trust_scoring_parameterset;
DROP FUNCTION trust_parameters_live();
DROP TRIGGER trust_parameters_begin ON trust_scoring_parameterset;
DROP TRIGGER trust_parameters_move ON trust_scoring_parameterset;
DROP FUNCTION trust_parameters_move();
"""

# Tables of which a row never changes, and what stays of those whose rows do.
STAY = ("change", "version", "dryrunreport", "trialcase")
PARTLY = {
    "proposal": "id, parameters_id, replaces_id, note, proposed_by, proposed_at",
    "trial": "id, challenger_id, control_id, share, seed, started_by, started_at, ends_at",
}
GUARD = "".join(
    f"""
CREATE TRIGGER trust_{table}_stays BEFORE UPDATE OR DELETE ON trust_versions_{table}
   FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE trust_versions_{table} ENABLE ALWAYS TRIGGER trust_{table}_stays;
CREATE TRIGGER trust_{table}_stays_whole BEFORE TRUNCATE ON trust_versions_{table}
   FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
    for table in STAY
) + "".join(
    f"""
CREATE TRIGGER trust_{table}_stays BEFORE UPDATE OF {columns} OR DELETE ON trust_versions_{table}
   FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE trust_versions_{table} ENABLE ALWAYS TRIGGER trust_{table}_stays;
"""
    for table, columns in PARTLY.items()
)
UNGUARD = "".join(
    f"DROP TRIGGER trust_{table}_stays ON trust_versions_{table};\n" for table in (*STAY, *PARTLY)
) + "".join(f"DROP TRIGGER trust_{table}_stays_whole ON trust_versions_{table};\n" for table in STAY)


def tell_of_shipped_sets(apps: Any, schema_editor: Any) -> None:
    """A shipped set went live with a migration, and made the one before it retire."""
    alias = schema_editor.connection.alias
    sets = apps.get_model("trust_scoring", "ParameterSet").objects.using(alias)
    version = apps.get_model("trust_versions", "Version").objects.using(alias)
    change = apps.get_model("trust_versions", "Change").objects.using(alias)
    before = None
    for row in sets.order_by("version"):
        told = {"made_by": "shipped", "made_at": row.created_at, "note": "Shipped with the service"}
        version.create(parameters=row, origin="first", **told)
        line = {"actor": "shipped", "at": row.created_at}
        if before is not None:
            did = f"replaced by version {row.version}"
            change.create(parameters=before, did=did, from_state="live", to_state="retired", **line)
        change.create(parameters=row, did="went live", to_state="live", **line)
        before = row


class Migration(migrations.Migration):
    dependencies = [
        ("trust_versions", "0001_initial"),
        ("trust_scoring", "0007_what_is_tried_out"),
        ("bh_events", "0001_road"),
        ("bh_access", "0003_policies"),
    ]
    operations = [
        migrations.RunSQL(MOVES, NO_MOVES),
        migrations.RunSQL(GUARD, UNGUARD),
        migrations.RunPython(tell_of_shipped_sets, migrations.RunPython.noop),
        migrations.RunPython(partial(seed_policies, policies=VERSIONS), migrations.RunPython.noop),
    ]
