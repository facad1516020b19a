"""The database holds what an override is: its words never change, its states only go forward, nobody takes one away.

The table of moves is frozen here as it was when the migration was written; a test holds it against `rules.MOVES`.
"""

from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from trust_svc.policies import OVERRIDES

MOVES = (("waiting", "active"), ("waiting", "rejected"), ("waiting", "withdrawn"), ("active", "ended"))
PAIRS = ", ".join(f"('{before}', '{after}')" for before, after in MOVES)

GUARD = """
CREATE FUNCTION trust_overrides_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (:PAIRS:) THEN
        RAISE EXCEPTION 'an override does not move from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.id, NEW.entity_kind, NEW.entity_id, NEW.owner_id, NEW.what, NEW.value, NEW.tier, NEW.factor, NEW.reason,
        NEW.note, NEW.days, NEW.computed, NEW.cap, NEW.change, NEW.over_cap, NEW.second_person, NEW.requested_by,
        NEW.requested_at, NEW.replaces_id)
       IS DISTINCT FROM
       (OLD.id, OLD.entity_kind, OLD.entity_id, OLD.owner_id, OLD.what, OLD.value, OLD.tier, OLD.factor, OLD.reason,
        OLD.note, OLD.days, OLD.computed, OLD.cap, OLD.change, OLD.over_cap, OLD.second_person, OLD.requested_by,
        OLD.requested_at, OLD.replaces_id) THEN
        RAISE EXCEPTION 'what an override says does not change' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.approved_by IS DISTINCT FROM OLD.approved_by
       AND (OLD.state, NEW.state) IS DISTINCT FROM ('waiting', 'active') THEN
        RAISE EXCEPTION 'an override is agreed to once, while it waits for it' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.placed_at IS NOT NULL
       AND (NEW.placed_at, NEW.expires_at) IS DISTINCT FROM (OLD.placed_at, OLD.expires_at) THEN
        RAISE EXCEPTION 'an override in force lasts as long as was said' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION trust_overrides_guard_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'waiting' OR NEW.approved_by IS NOT NULL THEN
        RAISE EXCEPTION 'an override begins by being asked for' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER trust_override_begins BEFORE INSERT ON trust_overrides_override
   FOR EACH ROW EXECUTE FUNCTION trust_overrides_guard_new();
CREATE TRIGGER trust_override_stays BEFORE UPDATE ON trust_overrides_override
   FOR EACH ROW EXECUTE FUNCTION trust_overrides_guard();
CREATE TRIGGER trust_override_remains BEFORE DELETE ON trust_overrides_override
   FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- Not for what is put back out of a backup: an override in force comes back as one. The checks of the table hold for it too.
ALTER TABLE trust_overrides_override ENABLE ALWAYS TRIGGER trust_override_stays;
ALTER TABLE trust_overrides_override ENABLE ALWAYS TRIGGER trust_override_remains;
""".replace(":PAIRS:", PAIRS)
UNGUARD = """
DROP TRIGGER trust_override_begins ON trust_overrides_override;
DROP TRIGGER trust_override_stays ON trust_overrides_override;
DROP TRIGGER trust_override_remains ON trust_overrides_override;
DROP FUNCTION trust_overrides_guard();
DROP FUNCTION trust_overrides_guard_new();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("trust_overrides", "0001_initial"),
        ("bh_events", "0001_road"),
        ("bh_access", "0003_policies"),
    ]
    operations = [
        migrations.RunSQL(GUARD, UNGUARD),
        migrations.RunPython(partial(seed_policies, policies=OVERRIDES), migrations.RunPython.noop),
    ]
