"""The database holds the rules of refunds too: no path through the code, the admin or a shell can leave them.

The table of moves is frozen here as it was when the migration was written; a test holds it against `rules.REFUND_MOVES`.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations

from bh_sdk.server.access import seed_policies
from payments_svc.policies import REFUNDS

MOVES = {
    "requested": ["approved", "canceled", "pending_approval", "rejected"],
    "pending_approval": ["approved", "canceled", "rejected"],
    "approved": ["canceled", "rejected", "submitting"],
    "submitting": ["canceled", "failed", "pending", "rejected", "succeeded"],
    "pending": ["canceled", "failed", "succeeded"],
    "succeeded": ["failed"],
}
PAIRS = ", ".join(f"('{now}', '{to}')" for now, onward in MOVES.items() for to in onward)
COUNTING = "'requested', 'pending_approval', 'approved', 'submitting', 'pending', 'succeeded'"

# What was booked before the ledger knew of refunds in flight.
BOOKED = "UPDATE payments_refunds_refund SET booked = 'taken' WHERE status = 'succeeded'"
GUARD = """
CREATE OR REPLACE FUNCTION payments_refunds_guard_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (:PAIRS:) THEN
        RAISE EXCEPTION 'a refund does not move from % to %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.id, NEW.payment_id, NEW.amount, NEW.currency, NEW.source, NEW.reason, NEW.notes, NEW.request_digest,
        NEW.requested_by, NEW.second_person, NEW.alone_up_to, NEW.batch_id, NEW.retry_of_id, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.payment_id, OLD.amount, OLD.currency, OLD.source, OLD.reason, OLD.notes, OLD.request_digest,
        OLD.requested_by, OLD.second_person, OLD.alone_up_to, OLD.batch_id, OLD.retry_of_id, OLD.created_at)
       OR (OLD.stripe_id IS NOT NULL AND NEW.stripe_id IS DISTINCT FROM OLD.stripe_id) THEN
        RAISE EXCEPTION 'what a refund is does not change' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.approved_by IS DISTINCT FROM OLD.approved_by
       AND (OLD.status, NEW.status) IS DISTINCT FROM ('pending_approval', 'approved') THEN
        RAISE EXCEPTION 'a refund is approved once, while it waits for it' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.status IN ('pending', 'succeeded') AND OLD.status NOT IN ('pending', 'succeeded') THEN
        PERFORM payments_refunds_fits(NEW.payment_id, NEW.id, NEW.amount, ARRAY['pending', 'succeeded']);
    END IF;
    RETURN NEW;
END $$;

-- Everything of these states on a payment, and `amount` with it, stays within what was charged. Holds the payment's lock.
CREATE FUNCTION payments_refunds_fits(payment uuid, refund uuid, amount bigint, states text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    most bigint;
    others bigint;
BEGIN
    SELECT p.charged INTO most FROM payments_donations_payment p WHERE p.id = payment FOR UPDATE;
    SELECT coalesce(sum(r.amount), 0) INTO others FROM payments_refunds_refund r
     WHERE r.payment_id = payment AND r.id <> refund AND r.status = ANY(states);
    IF others + amount > most THEN
        RAISE EXCEPTION 'more than was charged would be refunded on payment %', payment USING ERRCODE = 'check_violation';
    END IF;
END $$;

CREATE FUNCTION payments_refunds_guard_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM payments_donations_payment p
                    WHERE p.id = NEW.payment_id AND p.currency = NEW.currency AND p.status = 'succeeded') THEN
        RAISE EXCEPTION 'only a payment that succeeded is refunded, in its currency' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.approved_by IS NOT NULL OR NEW.rejected_by IS NOT NULL THEN
        RAISE EXCEPTION 'a refund is decided after it was asked for' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.source = 'staff' THEN
        IF NEW.status <> 'requested' OR NEW.stripe_id IS NOT NULL THEN
            RAISE EXCEPTION 'a refund of ours begins by being requested' USING ERRCODE = 'check_violation';
        END IF;
        PERFORM payments_refunds_fits(NEW.payment_id, NEW.id, NEW.amount, ARRAY[:COUNTING:]);
    ELSE
        -- One that was made at Stripe is taken in as it is there, whatever we had reserved meanwhile.
        IF NEW.status <> 'pending' THEN
            RAISE EXCEPTION 'a refund made at Stripe begins by being pending' USING ERRCODE = 'check_violation';
        END IF;
        PERFORM payments_refunds_fits(NEW.payment_id, NEW.id, NEW.amount, ARRAY['pending', 'succeeded']);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_new BEFORE INSERT ON payments_refunds_refund
    FOR EACH ROW EXECUTE FUNCTION payments_refunds_guard_new();
ALTER TABLE payments_refunds_refund ENABLE ALWAYS TRIGGER refund_new;

CREATE FUNCTION payments_refunds_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is kept as it was written', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER refund_kept BEFORE DELETE ON payments_refunds_refund
    FOR EACH ROW EXECUTE FUNCTION payments_refunds_keep();
ALTER TABLE payments_refunds_refund ENABLE ALWAYS TRIGGER refund_kept;
CREATE TRIGGER step_kept BEFORE UPDATE OR DELETE ON payments_refunds_refundstep
    FOR EACH ROW EXECUTE FUNCTION payments_refunds_keep();
ALTER TABLE payments_refunds_refundstep ENABLE ALWAYS TRIGGER step_kept;
""".replace(":PAIRS:", PAIRS).replace(":COUNTING:", COUNTING)
UNGUARD = """
DROP TRIGGER step_kept ON payments_refunds_refundstep;
DROP TRIGGER refund_kept ON payments_refunds_refund;
DROP FUNCTION payments_refunds_keep();
DROP TRIGGER refund_new ON payments_refunds_refund;
DROP FUNCTION payments_refunds_guard_new();
DROP FUNCTION payments_refunds_fits(uuid, uuid, bigint, text[]);
CREATE OR REPLACE FUNCTION payments_refunds_guard_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (
        ('pending', 'succeeded'), ('pending', 'failed'), ('pending', 'canceled'), ('succeeded', 'failed')) THEN
        RAISE EXCEPTION 'a refund does not move from % to %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.payment_id, NEW.stripe_id, NEW.amount, NEW.currency)
       IS DISTINCT FROM (OLD.payment_id, OLD.stripe_id, OLD.amount, OLD.currency) THEN
        RAISE EXCEPTION 'what a refund is does not change' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""


def seed(apps: Any, schema_editor: Any) -> None:
    seed_policies(apps, schema_editor, REFUNDS)


class Migration(migrations.Migration):
    dependencies = [("payments_refunds", "0004_cases"), ("bh_access", "0003_policies")]
    operations = [
        migrations.RunSQL(BOOKED, migrations.RunSQL.noop),
        migrations.RunSQL(GUARD, UNGUARD),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
