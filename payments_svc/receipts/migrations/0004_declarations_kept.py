"""A Gift Aid declaration is evidence: it can be cancelled, and nothing else happens to it."""

from __future__ import annotations

from django.db import migrations

GUARD = """
CREATE FUNCTION payments_receipts_declared() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.donor_id, NEW.statement, NEW.valid_from, NEW.past_years, NEW.made_at)
       IS DISTINCT FROM (OLD.id, OLD.donor_id, OLD.statement, OLD.valid_from, OLD.past_years, OLD.made_at)
       OR (OLD.canceled_at IS NOT NULL AND NEW.canceled_at IS DISTINCT FROM OLD.canceled_at) THEN
        RAISE EXCEPTION 'a Gift Aid declaration can be cancelled, not changed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER gift_aid_frozen BEFORE UPDATE ON payments_receipts_giftaiddeclaration
    FOR EACH ROW EXECUTE FUNCTION payments_receipts_declared();
ALTER TABLE payments_receipts_giftaiddeclaration ENABLE ALWAYS TRIGGER gift_aid_frozen;
CREATE TRIGGER gift_aid_kept BEFORE DELETE ON payments_receipts_giftaiddeclaration
    FOR EACH ROW EXECUTE FUNCTION payments_receipts_kept();
ALTER TABLE payments_receipts_giftaiddeclaration ENABLE ALWAYS TRIGGER gift_aid_kept;
"""

UNGUARD = """
DROP TRIGGER gift_aid_kept ON payments_receipts_giftaiddeclaration;
DROP TRIGGER gift_aid_frozen ON payments_receipts_giftaiddeclaration;
DROP FUNCTION payments_receipts_declared();
"""


class Migration(migrations.Migration):
    dependencies = [("payments_receipts", "0003_policies")]
    operations = [migrations.RunSQL(GUARD, UNGUARD)]
