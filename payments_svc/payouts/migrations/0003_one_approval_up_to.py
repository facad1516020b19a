"""Up to how much one approval is enough for a payout stands in the database, where no row and no setting can raise it.

A function, not a table: the service's role may use it, and only the owner of the schema, in a migration, can replace it.
`PAYOUT_SECOND_PERSON_ABOVE` may be stricter; a test holds it against these figures.
"""

from __future__ import annotations

from django.db import migrations

GUARD = """
CREATE FUNCTION payments_payouts_second_above(currency text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN currency = 'JPY' THEN 80000
        WHEN currency = 'KRW' THEN 800000
        WHEN currency = 'HUF' THEN 20000000
        WHEN currency = 'CZK' THEN 1200000
        WHEN currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'KMF', 'PYG', 'RWF', 'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF')
            THEN 500
        WHEN currency IN ('BHD', 'JOD', 'KWD', 'OMR', 'TND') THEN 500000
        ELSE 50000
    END::bigint
$$;

CREATE FUNCTION payments_payouts_guard_second() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    most bigint := payments_payouts_second_above(NEW.currency);
BEGIN
    IF NEW.second_person_above > most OR NEW.amount > most THEN
        RAISE EXCEPTION 'above % a payout takes a second person', most USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payout_second BEFORE INSERT ON payments_payouts_payout
    FOR EACH ROW WHEN (NEW.approvals_needed < 2)
    EXECUTE FUNCTION payments_payouts_guard_second();
ALTER TABLE payments_payouts_payout ENABLE ALWAYS TRIGGER payout_second;
"""
UNGUARD = """
DROP TRIGGER payout_second ON payments_payouts_payout;
DROP FUNCTION payments_payouts_guard_second();
DROP FUNCTION payments_payouts_second_above(text);
"""


class Migration(migrations.Migration):
    dependencies = [("payments_payouts", "0002_guard")]
    operations = [migrations.RunSQL(GUARD, UNGUARD)]
