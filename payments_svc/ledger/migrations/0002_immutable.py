"""The database keeps the ledger: every journal balances when its transaction commits, and no row ever changes."""

from __future__ import annotations

from django.db import migrations

GUARD = """
CREATE FUNCTION payments_ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE ON payments_ledger_journal
    FOR EACH ROW EXECUTE FUNCTION payments_ledger_refuse();
ALTER TABLE payments_ledger_journal ENABLE ALWAYS TRIGGER journal_append_only;
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE ON payments_ledger_entry
    FOR EACH ROW EXECUTE FUNCTION payments_ledger_refuse();
ALTER TABLE payments_ledger_entry ENABLE ALWAYS TRIGGER entry_append_only;
CREATE TRIGGER journal_never_emptied BEFORE TRUNCATE ON payments_ledger_journal
    FOR EACH STATEMENT EXECUTE FUNCTION payments_ledger_refuse();
CREATE TRIGGER entry_never_emptied BEFORE TRUNCATE ON payments_ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION payments_ledger_refuse();

-- Deferred to the commit, when all lines of a journal are there. The count closes a journal for good: a balanced pair
-- added later does not fit it.
CREATE FUNCTION payments_ledger_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    journal payments_ledger_journal%ROWTYPE;
    lines integer;
    total numeric;
BEGIN
    IF TG_TABLE_NAME = 'payments_ledger_journal' THEN
        journal := NEW;
    ELSE
        SELECT * INTO STRICT journal FROM payments_ledger_journal WHERE id = NEW.journal_id;
    END IF;
    SELECT count(*), coalesce(sum(amount), 0) INTO lines, total
        FROM payments_ledger_entry WHERE journal_id = journal.id;
    IF total <> 0 OR lines < 2 OR lines <> journal.entry_count THEN
        RAISE EXCEPTION 'journal % does not balance: % lines of %, sum %',
            journal.id, lines, journal.entry_count, total USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER journal_balanced AFTER INSERT ON payments_ledger_journal
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_ledger_balance();
ALTER TABLE payments_ledger_journal ENABLE ALWAYS TRIGGER journal_balanced;
CREATE CONSTRAINT TRIGGER entry_balanced AFTER INSERT ON payments_ledger_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_ledger_balance();
ALTER TABLE payments_ledger_entry ENABLE ALWAYS TRIGGER entry_balanced;
"""

UNGUARD = """
DROP TRIGGER entry_balanced ON payments_ledger_entry;
DROP TRIGGER journal_balanced ON payments_ledger_journal;
DROP TRIGGER entry_never_emptied ON payments_ledger_entry;
DROP TRIGGER journal_never_emptied ON payments_ledger_journal;
DROP TRIGGER entry_append_only ON payments_ledger_entry;
DROP TRIGGER journal_append_only ON payments_ledger_journal;
DROP FUNCTION payments_ledger_balance();
DROP FUNCTION payments_ledger_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("payments_ledger", "0001_initial")]
    operations = [migrations.RunSQL(GUARD, UNGUARD)]
