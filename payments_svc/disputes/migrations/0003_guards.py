"""A dispute moves forward only, what it is does not change, and what moved is never forgotten, whoever writes."""

from __future__ import annotations

from django.db import migrations

# Frozen here as it was when the migration was written; a test holds it against `rules.DISPUTE_MOVES`.
MOVES = {
    "inquiry": ["answered", "closed", "lost", "open", "won"],
    "open": ["answered", "lost", "won"],
    "answered": ["lost", "won"],
}
PAIRS = ", ".join(f"('{now}', '{to}')" for now, onward in MOVES.items() for to in onward)

GUARD = f"""
CREATE OR REPLACE FUNCTION payments_refunds_guard_dispute() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN ({PAIRS}) THEN
        RAISE EXCEPTION 'a dispute does not move from % to %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.id, NEW.payment_id, NEW.stripe_id, NEW.amount, NEW.currency)
       IS DISTINCT FROM (OLD.id, OLD.payment_id, OLD.stripe_id, OLD.amount, OLD.currency) THEN
        RAISE EXCEPTION 'what a dispute is does not change' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.wanted IS NOT NULL AND NEW.wanted IS DISTINCT FROM OLD.wanted AND NEW.status NOT IN ('inquiry', 'open') THEN
        RAISE EXCEPTION 'a dispute that is % takes no answer', NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION payments_disputes_keep_movement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.written_off AND NOT OLD.written_off
       AND (NEW.stripe_id, NEW.dispute_id, NEW.amount, NEW.fee, NEW.created_at)
           IS NOT DISTINCT FROM (OLD.stripe_id, OLD.dispute_id, OLD.amount, OLD.fee, OLD.created_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'what moved for a dispute is kept as it was booked' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER movement_kept BEFORE UPDATE OR DELETE ON payments_disputes_movement
    FOR EACH ROW EXECUTE FUNCTION payments_disputes_keep_movement();
ALTER TABLE payments_disputes_movement ENABLE ALWAYS TRIGGER movement_kept;
"""
UNGUARD = """
DROP TRIGGER movement_kept ON payments_disputes_movement;
DROP FUNCTION payments_disputes_keep_movement();
CREATE OR REPLACE FUNCTION payments_refunds_guard_dispute() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (('open', 'won'), ('open', 'lost')) THEN
        RAISE EXCEPTION 'a dispute does not move from % to %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("payments_disputes", "0002_cases")]
    operations = [migrations.RunSQL(GUARD, UNGUARD)]
