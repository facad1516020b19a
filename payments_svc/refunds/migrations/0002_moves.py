"""Refunds and disputes move forward only, whoever writes."""

from __future__ import annotations

from django.db import migrations

GUARD = """
CREATE FUNCTION payments_refunds_guard_refund() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER refund_moves BEFORE UPDATE ON payments_refunds_refund
    FOR EACH ROW EXECUTE FUNCTION payments_refunds_guard_refund();
ALTER TABLE payments_refunds_refund ENABLE ALWAYS TRIGGER refund_moves;

CREATE FUNCTION payments_refunds_guard_dispute() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (('open', 'won'), ('open', 'lost')) THEN
        RAISE EXCEPTION 'a dispute does not move from % to %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER dispute_moves BEFORE UPDATE ON payments_refunds_dispute
    FOR EACH ROW EXECUTE FUNCTION payments_refunds_guard_dispute();
ALTER TABLE payments_refunds_dispute ENABLE ALWAYS TRIGGER dispute_moves;
"""
UNGUARD = """
DROP TRIGGER dispute_moves ON payments_refunds_dispute;
DROP FUNCTION payments_refunds_guard_dispute();
DROP TRIGGER refund_moves ON payments_refunds_refund;
DROP FUNCTION payments_refunds_guard_refund();
"""


class Migration(migrations.Migration):
    dependencies = [("payments_refunds", "0001_initial")]
    operations = [migrations.RunSQL(GUARD, UNGUARD)]
