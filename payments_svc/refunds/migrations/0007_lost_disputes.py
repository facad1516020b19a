"""What a donor's bank took back for good is not promised to the donor a second time, whoever writes."""

from __future__ import annotations

from django.db import migrations

COUNTING = "'requested', 'pending_approval', 'approved', 'submitting', 'pending', 'succeeded'"

GUARD = f"""
CREATE FUNCTION payments_refunds_guard_lost() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    lost bigint;
    most bigint;
    others bigint;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.status = OLD.status THEN
        RETURN NEW;
    END IF;
    SELECT p.charged INTO most FROM payments_donations_payment p WHERE p.id = NEW.payment_id FOR UPDATE;
    SELECT coalesce(sum(d.amount), 0) INTO lost FROM payments_disputes_dispute d
     WHERE d.payment_id = NEW.payment_id AND d.status = 'lost';
    SELECT coalesce(sum(r.amount), 0) INTO others FROM payments_refunds_refund r
     WHERE r.payment_id = NEW.payment_id AND r.id <> NEW.id AND r.status IN ({COUNTING});
    IF lost > 0 AND lost + others + NEW.amount > most THEN
        RAISE EXCEPTION 'a lost dispute has taken what refund % is asked for', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_not_lost BEFORE INSERT OR UPDATE OF status ON payments_refunds_refund
    FOR EACH ROW WHEN (NEW.source = 'staff' AND NEW.status IN ('requested', 'approved', 'submitting'))
    EXECUTE FUNCTION payments_refunds_guard_lost();
ALTER TABLE payments_refunds_refund ENABLE ALWAYS TRIGGER refund_not_lost;
"""  # noqa: S608
UNGUARD = """
DROP TRIGGER refund_not_lost ON payments_refunds_refund;
DROP FUNCTION payments_refunds_guard_lost();
"""


class Migration(migrations.Migration):
    dependencies = [("payments_refunds", "0006_one_batch_at_work"), ("payments_disputes", "0003_guards")]
    operations = [migrations.RunSQL(GUARD, UNGUARD)]
