"""How much of a payment one person may refund stands in the database, where no row and no setting can raise it.

A function, not a table: the service's role may use it, and only the owner of the schema, in a migration, can replace it.
`BH_REFUND_ALONE_UP_TO` may be stricter, per environment; a test holds its defaults against these figures.
"""

from __future__ import annotations

from django.db import migrations

COUNTING = "'requested', 'pending_approval', 'approved', 'submitting', 'pending', 'succeeded'"

GUARD = f"""
-- In minor units: 500.00, 500 or 500.000 as the currency is written, where nothing else is said.
CREATE FUNCTION payments_refunds_alone_up_to(currency text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN currency = 'JPY' THEN 75000
        WHEN currency = 'KRW' THEN 700000
        WHEN currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'KMF', 'PYG', 'RWF', 'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF')
            THEN 500
        WHEN currency IN ('BHD', 'JOD', 'KWD', 'OMR', 'TND') THEN 500000
        ELSE 50000
    END::bigint
$$;

CREATE FUNCTION payments_refunds_guard_alone() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    most bigint := payments_refunds_alone_up_to(NEW.currency);
    before bigint;
BEGIN
    PERFORM FROM payments_donations_payment p WHERE p.id = NEW.payment_id FOR UPDATE;
    SELECT coalesce(sum(r.amount), 0) INTO before FROM payments_refunds_refund r
     WHERE r.payment_id = NEW.payment_id AND r.id <> NEW.id AND r.source = 'staff' AND NOT r.second_person
       AND r.status IN ({COUNTING});
    IF NEW.alone_up_to > most OR before + NEW.amount > most THEN
        RAISE EXCEPTION 'above % a refund takes a second person', most USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_within_alone BEFORE INSERT ON payments_refunds_refund
    FOR EACH ROW WHEN (NEW.source = 'staff' AND NOT NEW.second_person)
    EXECUTE FUNCTION payments_refunds_guard_alone();
ALTER TABLE payments_refunds_refund ENABLE ALWAYS TRIGGER refund_within_alone;
"""  # noqa: S608
UNGUARD = """
DROP TRIGGER refund_within_alone ON payments_refunds_refund;
DROP FUNCTION payments_refunds_guard_alone();
DROP FUNCTION payments_refunds_alone_up_to(text);
"""


class Migration(migrations.Migration):
    dependencies = [("payments_refunds", "0007_lost_disputes")]
    operations = [migrations.RunSQL(GUARD, UNGUARD)]
