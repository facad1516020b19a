"""The database keeps the rules of payouts too: no path through the code, the admin or a shell can leave them."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from bh_sdk.server.access import seed_policies
from payments_svc.policies import PAYOUTS

# Frozen here as it was when the migration was written; a test holds it against `rules.MOVES`.
MOVES = {
    "requested": ["approved", "approved_once", "canceled", "rejected"],
    "approved_once": ["approved", "canceled", "rejected"],
    "approved": ["rejected", "submitting"],
    "submitting": ["approved", "failed", "paid"],
    "paid": ["failed"],
}
PAIRS = ", ".join(f"('{now}', '{to}')" for now, onward in MOVES.items() for to in onward)

GUARD = f"""
CREATE FUNCTION payments_payouts_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a payout is never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'requested' OR NEW.first_approved_by IS NOT NULL OR NEW.second_approved_by IS NOT NULL THEN
            RAISE EXCEPTION 'a payout begins by being asked for' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN ({PAIRS}) THEN
        RAISE EXCEPTION 'a payout does not move from % to %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.id, NEW.campaign_id, NEW.owner_id, NEW.amount, NEW.currency, NEW.requested_by, NEW.approvals_needed,
        NEW.second_person_above, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.campaign_id, OLD.owner_id, OLD.amount, OLD.currency, OLD.requested_by, OLD.approvals_needed,
        OLD.second_person_above, OLD.created_at) THEN
        RAISE EXCEPTION 'what was asked for does not change' USING ERRCODE = 'check_violation';
    END IF;
    IF (OLD.first_approved_by IS NOT NULL AND NEW.first_approved_by IS DISTINCT FROM OLD.first_approved_by)
       OR (OLD.second_approved_by IS NOT NULL AND NEW.second_approved_by IS DISTINCT FROM OLD.second_approved_by)
       OR (OLD.first_approved_by IS NULL AND NEW.second_approved_by IS NOT NULL) THEN
        RAISE EXCEPTION 'approvals come one by one and stay' USING ERRCODE = 'check_violation';
    END IF;
    IF (OLD.method IS NOT NULL AND NEW.method IS DISTINCT FROM OLD.method)
       OR (OLD.first_approved_by IS NOT NULL AND NEW.destination IS DISTINCT FROM OLD.destination)
       OR (OLD.transfer_id IS NOT NULL AND NEW.transfer_id IS DISTINCT FROM OLD.transfer_id) THEN
        RAISE EXCEPTION 'where a payout goes was approved with it' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.status IN ('approved_once', 'approved', 'submitting') AND NEW.status <> OLD.status
       AND OLD.status <> 'submitting' AND EXISTS (
           SELECT FROM payments_payouts_hold WHERE lifted_at IS NULL
              AND (entity_kind = 'campaign' AND entity_id = NEW.campaign_id
                OR entity_kind = 'user' AND entity_id = NEW.owner_id)) THEN
        RAISE EXCEPTION 'a hold stops payout %', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payout_moves BEFORE INSERT OR UPDATE OR DELETE ON payments_payouts_payout
    FOR EACH ROW EXECUTE FUNCTION payments_payouts_guard();
ALTER TABLE payments_payouts_payout ENABLE ALWAYS TRIGGER payout_moves;

-- Asked when the transaction commits: what is in flight, paid or given back stands in the ledger.
CREATE FUNCTION payments_payouts_booked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wanted text := 'payout:' || NEW.id || ':' || CASE NEW.status WHEN 'paid' THEN 'paid' ELSE 'approved' END;
BEGIN
    IF NOT EXISTS (SELECT FROM payments_ledger_journal WHERE reference = wanted) THEN
        RAISE EXCEPTION 'payout % is % without a journal', NEW.id, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER payout_booked AFTER UPDATE OF status ON payments_payouts_payout
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status IN ('approved', 'submitting', 'paid') AND OLD.status <> NEW.status)
    EXECUTE FUNCTION payments_payouts_booked();
ALTER TABLE payments_payouts_payout ENABLE ALWAYS TRIGGER payout_booked;

CREATE FUNCTION payments_payouts_returned() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    back numeric;
BEGIN
    SELECT coalesce(-sum(entry.amount), 0) INTO back
      FROM payments_ledger_entry entry JOIN payments_ledger_journal journal ON journal.id = entry.journal_id
     WHERE journal.reference LIKE 'payout:' || NEW.id || ':%' AND entry.account = 'campaign_payable';
    IF back <> 0 THEN
        RAISE EXCEPTION 'payout % came to nothing and % is not given back', NEW.id, -back
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER payout_returned AFTER UPDATE OF status ON payments_payouts_payout
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status IN ('failed', 'rejected', 'canceled') AND OLD.status <> NEW.status)
    EXECUTE FUNCTION payments_payouts_returned();
ALTER TABLE payments_payouts_payout ENABLE ALWAYS TRIGGER payout_returned;
"""  # noqa: S608
UNGUARD = """
DROP TRIGGER payout_returned ON payments_payouts_payout;
DROP FUNCTION payments_payouts_returned();
DROP TRIGGER payout_booked ON payments_payouts_payout;
DROP FUNCTION payments_payouts_booked();
DROP TRIGGER payout_moves ON payments_payouts_payout;
DROP FUNCTION payments_payouts_guard();
"""


def seed(apps: Any, schema_editor: Any) -> None:
    seed_policies(apps, schema_editor, PAYOUTS)


class Migration(migrations.Migration):
    dependencies = [
        ("payments_payouts", "0001_initial"),
        ("payments_ledger", "0001_initial"),
        ("bh_access", "0003_policies"),
    ]
    operations = [migrations.RunSQL(GUARD, UNGUARD), migrations.RunPython(seed, migrations.RunPython.noop)]
