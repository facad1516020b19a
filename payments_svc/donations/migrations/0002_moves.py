"""The database knows the table of moves too: no path through the code, the admin or a shell can leave it."""

from __future__ import annotations

from django.db import migrations

# Frozen here as it was when the migration was written; a test holds it against `rules.MOVES`.
MOVES = {
    "created": ["canceled", "processing", "requires_action", "requires_payment_method", "succeeded", "unknown"],
    "requires_payment_method": ["canceled", "processing", "requires_action", "succeeded", "unknown"],
    "requires_action": ["canceled", "processing", "requires_payment_method", "succeeded", "unknown"],
    "processing": ["canceled", "requires_action", "requires_payment_method", "succeeded", "unknown"],
    "unknown": ["canceled", "processing", "requires_action", "requires_payment_method", "succeeded"],
}
PAIRS = ", ".join(f"('{now}', '{to}')" for now, onward in MOVES.items() for to in onward)

GUARD = f"""
CREATE FUNCTION payments_donations_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN ({PAIRS}) THEN
        RAISE EXCEPTION 'a payment does not move from % to %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.id, NEW.campaign_id, NEW.donor_id, NEW.currency, NEW.amount, NEW.charged, NEW.platform_fee)
       IS DISTINCT FROM
       (OLD.id, OLD.campaign_id, OLD.donor_id, OLD.currency, OLD.amount, OLD.charged, OLD.platform_fee) THEN
        RAISE EXCEPTION 'what was agreed on a payment does not change' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.intent_id IS NOT NULL AND NEW.intent_id IS DISTINCT FROM OLD.intent_id THEN
        RAISE EXCEPTION 'a payment keeps its intent' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payment_moves BEFORE UPDATE ON payments_donations_payment
    FOR EACH ROW EXECUTE FUNCTION payments_donations_guard();
ALTER TABLE payments_donations_payment ENABLE ALWAYS TRIGGER payment_moves;

CREATE FUNCTION payments_donations_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a payment is never deleted' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER payment_kept BEFORE DELETE ON payments_donations_payment
    FOR EACH ROW EXECUTE FUNCTION payments_donations_keep();
ALTER TABLE payments_donations_payment ENABLE ALWAYS TRIGGER payment_kept;

-- Asked when the transaction commits: money that arrived is in the ledger, or it did not arrive.
CREATE FUNCTION payments_donations_booked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM payments_ledger_journal WHERE reference = 'payment:' || NEW.id || ':succeeded') THEN
        RAISE EXCEPTION 'payment % succeeded without a journal', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER payment_booked AFTER UPDATE OF status ON payments_donations_payment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status = 'succeeded' AND OLD.status <> 'succeeded') EXECUTE FUNCTION payments_donations_booked();
ALTER TABLE payments_donations_payment ENABLE ALWAYS TRIGGER payment_booked;
"""
UNGUARD = """
DROP TRIGGER payment_booked ON payments_donations_payment;
DROP FUNCTION payments_donations_booked();
DROP TRIGGER payment_kept ON payments_donations_payment;
DROP FUNCTION payments_donations_keep();
DROP TRIGGER payment_moves ON payments_donations_payment;
DROP FUNCTION payments_donations_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("payments_donations", "0001_initial"), ("payments_ledger", "0001_initial")]
    operations = [migrations.RunSQL(GUARD, UNGUARD)]
