"""The database keeps receipts: what was issued stays as it was, a void is final, no number comes twice or goes back."""

from __future__ import annotations

from django.db import migrations

GUARD = """
CREATE FUNCTION payments_receipts_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: receipts are kept', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

-- The sealed columns may be sealed anew with another key; what they say is bound by the digest.
CREATE FUNCTION payments_receipts_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.number, NEW.kind, NEW.year, NEW.donor_id, NEW.user_id, NEW.currency, NEW.amount, NEW.content,
        NEW.digest, NEW.request_digest, NEW.run_row_id, NEW.issued_at, NEW.issued_by)
       IS DISTINCT FROM
       (OLD.id, OLD.number, OLD.kind, OLD.year, OLD.donor_id, OLD.user_id, OLD.currency, OLD.amount, OLD.content,
        OLD.digest, OLD.request_digest, OLD.run_row_id, OLD.issued_at, OLD.issued_by) THEN
        RAISE EXCEPTION 'receipt % was issued: it can be voided, not changed', OLD.number USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.voided_at IS NOT NULL AND (NEW.voided_at, NEW.voided_by, NEW.void_reason)
       IS DISTINCT FROM (OLD.voided_at, OLD.voided_by, OLD.void_reason) THEN
        RAISE EXCEPTION 'receipt % is voided for good', OLD.number USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER receipt_frozen BEFORE UPDATE ON payments_receipts_receipt
    FOR EACH ROW EXECUTE FUNCTION payments_receipts_guard();
ALTER TABLE payments_receipts_receipt ENABLE ALWAYS TRIGGER receipt_frozen;
CREATE TRIGGER receipt_kept BEFORE DELETE ON payments_receipts_receipt
    FOR EACH ROW EXECUTE FUNCTION payments_receipts_kept();
ALTER TABLE payments_receipts_receipt ENABLE ALWAYS TRIGGER receipt_kept;

CREATE FUNCTION payments_receipts_line_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.receipt_id, NEW.payment_id, NEW.amount, NEW.given_at)
       IS DISTINCT FROM (OLD.id, OLD.receipt_id, OLD.payment_id, OLD.amount, OLD.given_at)
       OR (OLD.voided AND NOT NEW.voided) THEN
        RAISE EXCEPTION 'a line of a receipt does not change' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER receipt_line_frozen BEFORE UPDATE ON payments_receipts_receiptline
    FOR EACH ROW EXECUTE FUNCTION payments_receipts_line_guard();
ALTER TABLE payments_receipts_receiptline ENABLE ALWAYS TRIGGER receipt_line_frozen;
CREATE TRIGGER receipt_line_kept BEFORE DELETE ON payments_receipts_receiptline
    FOR EACH ROW EXECUTE FUNCTION payments_receipts_kept();
ALTER TABLE payments_receipts_receiptline ENABLE ALWAYS TRIGGER receipt_line_kept;

-- Asked at the commit: a receipt says what its lines say, its number is one that was taken, its lines are void as it is.
CREATE FUNCTION payments_receipts_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    receipt payments_receipts_receipt%ROWTYPE;
    lines integer;
    total numeric;
    astray integer;
    taken integer;
BEGIN
    IF TG_TABLE_NAME = 'payments_receipts_receipt' THEN
        SELECT * INTO STRICT receipt FROM payments_receipts_receipt WHERE id = NEW.id;
    ELSE
        SELECT * INTO STRICT receipt FROM payments_receipts_receipt WHERE id = NEW.receipt_id;
    END IF;
    SELECT count(*), coalesce(sum(l.amount), 0),
           count(*) FILTER (WHERE p.currency <> receipt.currency OR p.donor_id <> receipt.donor_id
                            OR l.voided <> (receipt.voided_at IS NOT NULL))
        INTO lines, total, astray
        FROM payments_receipts_receiptline l JOIN payments_donations_payment p ON p.id = l.payment_id
        WHERE l.receipt_id = receipt.id;
    IF lines = 0 OR total <> receipt.amount OR astray > 0 THEN
        RAISE EXCEPTION 'receipt % does not fit its lines', receipt.number USING ERRCODE = 'check_violation';
    END IF;
    SELECT last INTO taken FROM payments_receipts_numberrow WHERE year = substr(receipt.number, 4, 4)::integer;
    IF receipt.number !~ '^BH-[0-9]{4}-[0-9]{6}$' OR taken IS NULL OR substr(receipt.number, 9)::integer > taken THEN
        RAISE EXCEPTION 'receipt number % was not taken from its row', receipt.number USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER receipt_whole AFTER INSERT OR UPDATE ON payments_receipts_receipt
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_receipts_whole();
ALTER TABLE payments_receipts_receipt ENABLE ALWAYS TRIGGER receipt_whole;
CREATE CONSTRAINT TRIGGER receipt_line_whole AFTER INSERT OR UPDATE ON payments_receipts_receiptline
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_receipts_whole();
ALTER TABLE payments_receipts_receiptline ENABLE ALWAYS TRIGGER receipt_line_whole;

CREATE FUNCTION payments_receipts_onward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.year <> OLD.year OR NEW.last < OLD.last THEN
        RAISE EXCEPTION 'receipt numbers only go on' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER receipt_numbers_onward BEFORE UPDATE ON payments_receipts_numberrow
    FOR EACH ROW EXECUTE FUNCTION payments_receipts_onward();
ALTER TABLE payments_receipts_numberrow ENABLE ALWAYS TRIGGER receipt_numbers_onward;
CREATE TRIGGER receipt_numbers_kept BEFORE DELETE ON payments_receipts_numberrow
    FOR EACH ROW EXECUTE FUNCTION payments_receipts_kept();
ALTER TABLE payments_receipts_numberrow ENABLE ALWAYS TRIGGER receipt_numbers_kept;
"""

UNGUARD = """
DROP TRIGGER receipt_numbers_kept ON payments_receipts_numberrow;
DROP TRIGGER receipt_numbers_onward ON payments_receipts_numberrow;
DROP TRIGGER receipt_line_whole ON payments_receipts_receiptline;
DROP TRIGGER receipt_whole ON payments_receipts_receipt;
DROP TRIGGER receipt_line_kept ON payments_receipts_receiptline;
DROP TRIGGER receipt_line_frozen ON payments_receipts_receiptline;
DROP TRIGGER receipt_kept ON payments_receipts_receipt;
DROP TRIGGER receipt_frozen ON payments_receipts_receipt;
DROP FUNCTION payments_receipts_onward();
DROP FUNCTION payments_receipts_whole();
DROP FUNCTION payments_receipts_line_guard();
DROP FUNCTION payments_receipts_guard();
DROP FUNCTION payments_receipts_kept();
"""


class Migration(migrations.Migration):
    dependencies = [("payments_receipts", "0001_initial")]
    operations = [migrations.RunSQL(GUARD, UNGUARD)]
