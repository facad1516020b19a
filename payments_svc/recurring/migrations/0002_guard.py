"""The database knows the moves too: an ended series never lives again, and a period that was paid stays paid."""

from __future__ import annotations

from django.db import migrations

# Frozen here as it was when the migration was written; a test holds it against `rules`.
MOVES = {"starting": ["active", "ended"], "active": ["ended", "paused"], "paused": ["active", "ended"]}
PERIOD_MOVES = {"open": ["dropped", "failed", "paid"], "failed": ["paid"], "dropped": ["paid"]}


def _pairs(moves: dict[str, list[str]]) -> str:
    return ", ".join(f"('{now}', '{to}')" for now, onward in moves.items() for to in onward)


GUARD = f"""
CREATE FUNCTION payments_recurring_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN ({_pairs(MOVES)}) THEN
        RAISE EXCEPTION 'a series does not move from % to %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.id, NEW.donor_id, NEW.campaign_id, NEW.currency, NEW."interval")
       IS DISTINCT FROM (OLD.id, OLD.donor_id, OLD.campaign_id, OLD.currency, OLD."interval")
       OR OLD.anchor_at IS NOT NULL AND NEW.anchor_at IS DISTINCT FROM OLD.anchor_at THEN
        RAISE EXCEPTION 'what was agreed on a series does not change' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.next_number < OLD.next_number THEN
        RAISE EXCEPTION 'the calendar of a series does not run backwards' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER recurring_moves BEFORE UPDATE ON payments_recurring_recurringgift
    FOR EACH ROW EXECUTE FUNCTION payments_recurring_guard();
ALTER TABLE payments_recurring_recurringgift ENABLE ALWAYS TRIGGER recurring_moves;

CREATE FUNCTION payments_recurring_period_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN ({_pairs(PERIOD_MOVES)}) THEN
        RAISE EXCEPTION 'a period does not move from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.id, NEW.recurring_id, NEW.number, NEW.amount) IS DISTINCT FROM (OLD.id, OLD.recurring_id, OLD.number, OLD.amount)
       OR OLD.payment_id IS NOT NULL AND NEW.payment_id IS DISTINCT FROM OLD.payment_id THEN
        RAISE EXCEPTION 'a period keeps its payment' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER period_moves BEFORE UPDATE ON payments_recurring_period
    FOR EACH ROW EXECUTE FUNCTION payments_recurring_period_guard();
ALTER TABLE payments_recurring_period ENABLE ALWAYS TRIGGER period_moves;

CREATE FUNCTION payments_recurring_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'series and periods are never deleted' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER recurring_kept BEFORE DELETE ON payments_recurring_recurringgift
    FOR EACH ROW EXECUTE FUNCTION payments_recurring_keep();
CREATE TRIGGER period_kept BEFORE DELETE ON payments_recurring_period
    FOR EACH ROW EXECUTE FUNCTION payments_recurring_keep();
ALTER TABLE payments_recurring_recurringgift ENABLE ALWAYS TRIGGER recurring_kept;
ALTER TABLE payments_recurring_period ENABLE ALWAYS TRIGGER period_kept;
"""
UNGUARD = """
DROP TRIGGER period_kept ON payments_recurring_period;
DROP TRIGGER recurring_kept ON payments_recurring_recurringgift;
DROP FUNCTION payments_recurring_keep();
DROP TRIGGER period_moves ON payments_recurring_period;
DROP FUNCTION payments_recurring_period_guard();
DROP TRIGGER recurring_moves ON payments_recurring_recurringgift;
DROP FUNCTION payments_recurring_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("payments_recurring", "0001_initial")]
    operations = [migrations.RunSQL(GUARD, UNGUARD)]
