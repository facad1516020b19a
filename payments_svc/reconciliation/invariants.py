"""What must hold at every moment, each as one sentence and one question to the database.

The questions read the tables as they are, past the code they check, and answer the rows that break the sentence: a subject
and a detail. A slice adds a check by a line in CHECKS. Rows that other work is about to bring in order get some time first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

# So many rows of one check are told; who has more has one problem, not many.
LIMIT = 100
# As long as a second look, a retry or a relay that was restarted may take.
STUCK = timedelta(minutes=5)
HELD_UP = timedelta(minutes=30)
# Stripe tells of things before their payment is known to us; they are parked for days at most.
PARKED = timedelta(days=1)
A_DAY = timedelta(hours=26)

Broken = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Check:
    """`sentence` is what holds; `ask` answers whatever breaks it, at a time."""

    name: str
    sentence: str
    ask: Callable[[datetime], Broken]


def _rows(sql: str, **given: Any) -> Broken:
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} LIMIT {LIMIT}", given)
        return [(str(subject)[:120], str(detail)[:500]) for subject, detail in cursor.fetchall()]


# -- the ledger ----------------------------------------------------------------------------------------------------


def ledger_sums_to_zero(at: datetime) -> Broken:
    return _rows("""
        SELECT j.currency, 'sums to ' || sum(e.amount)
          FROM payments_ledger_entry e JOIN payments_ledger_journal j ON j.id = e.journal_id
         GROUP BY j.currency HAVING sum(e.amount) <> 0 ORDER BY 1""")


def journals_balance(at: datetime) -> Broken:
    return _rows("""
        SELECT j.id, j.reference || ' sums to ' || coalesce(sum(e.amount), 0) || ' in ' || count(e.id) || ' lines of '
               || j.entry_count
          FROM payments_ledger_journal j LEFT JOIN payments_ledger_entry e ON e.journal_id = j.id
         GROUP BY j.id HAVING coalesce(sum(e.amount), 0) <> 0 OR count(e.id) <> j.entry_count ORDER BY 1""")


def journals_are_sealed(at: datetime) -> Broken:
    return _rows("""
        SELECT j.id, j.reference || ' has no fact'
          FROM payments_ledger_journal j
         WHERE NOT EXISTS (SELECT FROM event e WHERE e.aggregatetype = 'journal' AND e.aggregateid = j.id) ORDER BY 1""")


def donor_funds_pass_through(at: datetime) -> Broken:
    return _rows("""
        SELECT coalesce(j.payment_id::text, j.currency), 'donor_funds holds ' || sum(e.amount) || ' ' || j.currency
          FROM payments_ledger_entry e JOIN payments_ledger_journal j ON j.id = e.journal_id
         WHERE e.account = 'donor_funds'
         GROUP BY j.payment_id, j.currency HAVING sum(e.amount) <> 0 ORDER BY 1""")


# -- states against the ledger -------------------------------------------------------------------------------------


def gifts_are_booked_once(at: datetime) -> Broken:
    return _rows("""
        WITH booked AS (
            SELECT j.payment_id, count(DISTINCT j.id) AS journals,
                   sum(e.amount) FILTER (WHERE e.account = 'stripe_balance' AND e.line = 'charge') AS charged,
                   coalesce(-sum(e.amount) FILTER (WHERE e.account = 'stripe_balance' AND e.line = 'processing_fee'), 0)
                       AS fee,
                   coalesce(-sum(e.amount) FILTER (WHERE e.account = 'platform_revenue'), 0) AS platform
              FROM payments_ledger_journal j JOIN payments_ledger_entry e ON e.journal_id = j.id
             WHERE j.kind = 'donation' GROUP BY j.payment_id)
        SELECT coalesce(p.id::text, b.payment_id::text),
               CASE WHEN p.id IS NULL OR p.status <> 'succeeded' THEN 'booked, but it did not succeed'
                    WHEN b.payment_id IS NULL THEN 'succeeded, but it is not booked'
                    WHEN b.journals <> 1 THEN 'booked ' || b.journals || ' times'
                    ELSE 'charged ' || p.charged || ', fee ' || p.processing_fee || ', platform ' || p.platform_fee
                         || '; booked ' || b.charged || ', ' || b.fee || ', ' || b.platform END
          FROM payments_donations_payment p FULL JOIN booked b ON b.payment_id = p.id
         WHERE (p.status = 'succeeded') IS DISTINCT FROM (b.payment_id IS NOT NULL)
            OR p.status = 'succeeded' AND (b.journals, b.charged, b.fee, b.platform)
               IS DISTINCT FROM (1, p.charged, p.processing_fee, p.platform_fee) ORDER BY 1""")


def refunds_are_booked(at: datetime) -> Broken:
    return _rows("""
        WITH booked AS (
            SELECT split_part(j.reference, ':', 2) AS stripe_id,
                   coalesce(-sum(e.amount) FILTER (WHERE e.account = 'stripe_balance'), 0) AS taken,
                   coalesce(-sum(e.amount) FILTER (WHERE e.account = 'refunds_in_flight'), 0) AS in_flight
              FROM payments_ledger_journal j JOIN payments_ledger_entry e ON e.journal_id = j.id
             WHERE j.reference LIKE 'refund:%%' GROUP BY 1)
        SELECT r.id, r.status || ' ' || r.amount || ' booked as ' || coalesce(nullif(r.booked, ''), 'nothing')
               || '; the ledger took ' || coalesce(b.taken, 0) || ' and holds ' || coalesce(b.in_flight, 0)
          FROM payments_refunds_refund r LEFT JOIN booked b ON b.stripe_id = r.stripe_id
         WHERE coalesce(b.taken, 0) <> CASE WHEN r.booked = 'taken' THEN r.amount ELSE 0 END
            OR coalesce(b.in_flight, 0) <> CASE WHEN r.booked = 'in_flight' THEN r.amount ELSE 0 END ORDER BY 1""")


def refunded_is_what_refunds_come_to(at: datetime) -> Broken:
    return _rows("""
        SELECT p.id, 'says ' || p.refunded || ' of ' || p.charged || ', its refunds come to ' || coalesce(sum(r.amount), 0)
          FROM payments_donations_payment p
          LEFT JOIN payments_refunds_refund r ON r.payment_id = p.id AND r.status = 'succeeded'
         WHERE p.refunded <> 0 OR r.id IS NOT NULL
         GROUP BY p.id HAVING p.refunded <> coalesce(sum(r.amount), 0) OR p.refunded > p.charged ORDER BY 1""")


def disputes_are_booked(at: datetime) -> Broken:
    return _rows("""
        WITH moved AS (
            SELECT d.stripe_id, sum(m.amount) AS amount, sum(m.fee) AS fee
              FROM payments_disputes_movement m JOIN payments_disputes_dispute d ON d.id = m.dispute_id GROUP BY 1),
        booked AS (
            SELECT j.source AS stripe_id,
                   coalesce(sum(e.amount) FILTER (WHERE e.line <> 'dispute_fee'), 0) AS amount,
                   coalesce(-sum(e.amount) FILTER (WHERE e.line = 'dispute_fee'), 0) AS fee
              FROM payments_ledger_journal j JOIN payments_ledger_entry e ON e.journal_id = j.id
             WHERE e.account = 'stripe_balance' AND j.reference LIKE 'dispute:%%' GROUP BY 1)
        SELECT coalesce(m.stripe_id, b.stripe_id), 'Stripe moved ' || coalesce(m.amount, 0) || ' and took '
               || coalesce(m.fee, 0) || '; booked ' || coalesce(b.amount, 0) || ' and ' || coalesce(b.fee, 0)
          FROM moved m FULL JOIN booked b ON b.stripe_id = m.stripe_id
         WHERE (coalesce(m.amount, 0), coalesce(m.fee, 0)) <> (coalesce(b.amount, 0), coalesce(b.fee, 0)) ORDER BY 1""")


def closed_disputes_hold_nothing(at: datetime) -> Broken:
    return _rows("""
        SELECT j.payment_id, 'disputes holds ' || sum(e.amount) || ' ' || j.currency || ', and no dispute is open'
          FROM payments_ledger_entry e JOIN payments_ledger_journal j ON j.id = e.journal_id
         WHERE e.account = 'disputes' AND j.kind <> 'correction' AND NOT EXISTS (
               SELECT FROM payments_disputes_dispute d
                WHERE d.payment_id = j.payment_id AND d.status IN ('inquiry', 'open', 'answered'))
         GROUP BY j.payment_id, j.currency HAVING sum(e.amount) <> 0 ORDER BY 1""")


def refunds_in_flight_belong_to_refunds(at: datetime) -> Broken:
    return _rows("""
        WITH held AS (
            SELECT j.currency, -sum(e.amount) AS amount FROM payments_ledger_entry e
              JOIN payments_ledger_journal j ON j.id = e.journal_id WHERE e.account = 'refunds_in_flight' GROUP BY 1),
        waiting AS (
            SELECT currency, sum(amount) AS amount FROM payments_refunds_refund WHERE booked = 'in_flight' GROUP BY 1)
        SELECT coalesce(h.currency, w.currency), 'the account holds ' || coalesce(h.amount, 0)
               || ', refunds on their way come to ' || coalesce(w.amount, 0)
          FROM held h FULL JOIN waiting w ON w.currency = h.currency
         WHERE coalesce(h.amount, 0) <> coalesce(w.amount, 0) ORDER BY 1""")


def payouts_are_booked(at: datetime) -> Broken:
    return _rows("""
        WITH held AS (
            SELECT split_part(j.reference, ':', 2) AS id, -sum(e.amount) AS amount
              FROM payments_ledger_entry e JOIN payments_ledger_journal j ON j.id = e.journal_id
             WHERE e.account = 'payouts_in_flight' GROUP BY 1)
        SELECT coalesce(p.id::text, h.id), coalesce(p.status, 'unknown') || ' ' || coalesce(p.amount, 0)
               || '; the ledger holds ' || coalesce(h.amount, 0) || ' in flight'
          FROM payments_payouts_payout p FULL JOIN held h ON h.id = p.id::text
         WHERE coalesce(h.amount, 0) <> CASE WHEN p.status IN ('approved', 'submitting') THEN p.amount ELSE 0 END
         ORDER BY 1""")


def series_charge_once_a_period(at: datetime) -> Broken:
    """Two gifts of one series within a day are one too many: the shortest interval is a week."""
    return _rows("""
        SELECT recurring_id, 'charged ' || count(*) || ' times on ' || (succeeded_at AT TIME ZONE 'UTC')::date
          FROM payments_donations_payment WHERE recurring_id IS NOT NULL AND status = 'succeeded'
         GROUP BY recurring_id, (succeeded_at AT TIME ZONE 'UTC')::date HAVING count(*) > 1 ORDER BY 1""")


def receipts_cover_what_was_given(at: datetime) -> Broken:
    return _rows("""
        SELECT r.number, 'covers ' || l.amount || ' of payment ' || p.id || ', which kept ' || p.charged - p.refunded
          FROM payments_receipts_receiptline l
          JOIN payments_receipts_receipt r ON r.id = l.receipt_id
          JOIN payments_donations_payment p ON p.id = l.payment_id
         WHERE NOT l.voided AND l.amount > p.charged - p.refunded ORDER BY 1""")


def totals_are_what_was_given(at: datetime) -> Broken:
    """Only asked when the read models have heard every fact."""
    return _rows("""
        WITH heard AS (
            SELECT NOT EXISTS (SELECT FROM outbox) AND coalesce(
                (SELECT c.number FROM checkpoint c WHERE c.consumer = 'payments' AND c.source = 'payments'), 0)
                = coalesce((SELECT number FROM feed_head), 0) AS everything),
        given AS (
            SELECT campaign_id, sum(amount) AS raised, sum(least(amount, refunded)) AS refunded
              FROM payments_donations_payment WHERE status = 'succeeded' GROUP BY 1)
        SELECT coalesce(t.campaign_id, g.campaign_id), 'shows ' || coalesce(t.raised, 0) || ' raised and '
               || coalesce(t.refunded, 0) || ' refunded; it is ' || coalesce(g.raised, 0) || ' and ' || coalesce(g.refunded, 0)
          FROM payments_insights_campaigntotal t FULL JOIN given g ON g.campaign_id = t.campaign_id, heard
         WHERE heard.everything
           AND (coalesce(t.raised, 0), coalesce(t.refunded, 0)) <> (coalesce(g.raised, 0), coalesce(g.refunded, 0))
         ORDER BY 1""")


def payouts_to_our_bank_are_booked(at: datetime) -> Broken:
    return _rows("""
        WITH booked AS (
            SELECT j.source AS id, sum(e.amount) AS amount
              FROM payments_ledger_journal j JOIN payments_ledger_entry e ON e.journal_id = j.id
             WHERE e.account = 'bank' AND j.kind LIKE 'stripe_payout%%' GROUP BY 1)
        SELECT coalesce(p.id, b.id), 'Stripe says ' || coalesce(p.status, 'nothing') || ' ' || coalesce(p.amount, 0)
               || '; booked ' || coalesce(b.amount, 0)
          FROM payments_reconciliation_bankpayout p FULL JOIN booked b ON b.id = p.id
         WHERE coalesce(b.amount, 0) <> CASE WHEN p.status IN ('failed', 'canceled') THEN 0 ELSE coalesce(p.amount, 0) END
         ORDER BY 1""")


# -- what is stuck -------------------------------------------------------------------------------------------------


def lost_answers_are_found_out(at: datetime) -> Broken:
    return _rows(
        """
        SELECT id, 'unknown, opened ' || to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')
          FROM payments_donations_payment WHERE status = 'unknown' AND created_at < %(before)s ORDER BY created_at""",
        before=at - STUCK,
    )


def refunds_reach_stripe(at: datetime) -> Broken:
    return _rows(
        """
        SELECT id, status || ' since ' || to_char(decided_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ', tried '
               || tries || ' times'
          FROM payments_refunds_refund WHERE status IN ('approved', 'submitting') AND decided_at < %(before)s
         ORDER BY decided_at""",
        before=at - STUCK,
    )


def events_of_stripe_are_worked(at: datetime) -> Broken:
    return _rows(
        """
        SELECT id, type || ', tried ' || attempts || ' times: ' || coalesce(note, '')
          FROM payments_gateway_stripeevent
         WHERE state = 'pending' AND received_at < CASE WHEN note LIKE 'parked%%' THEN %(parked)s ELSE %(before)s END
         ORDER BY received_at""",
        before=at - STUCK,
        parked=at - PARKED,
    )


def neighbours_are_told(at: datetime) -> Broken:
    return _rows("""
        SELECT kind || ' ' || entity_id, 'tried ' || attempts || ' times: ' || coalesce(last_error, '')
          FROM payments_donations_handoff WHERE done_at IS NULL AND attempts >= 8 ORDER BY 1""")


def facts_leave_the_outbox(at: datetime) -> Broken:
    return _rows(
        """
        SELECT 'outbox', count(*) || ' facts wait, the oldest since '
               || to_char(min(e.created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')
          FROM outbox o JOIN event e USING (position) HAVING min(e.created_at) < %(before)s""",
        before=at - STUCK,
    )


def runs_come_to_an_end(at: datetime) -> Broken:
    return _rows(
        """
        SELECT 'run ' || id, state || ' since ' || to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ': '
               || coalesce(note, '')
          FROM payments_reconciliation_run WHERE state <> 'done' AND started_at < %(before)s ORDER BY started_at""",
        before=at - HELD_UP,
    )


def every_day_is_reconciled(at: datetime) -> Broken:
    return _rows(
        """
        SELECT 'daily run', 'the last one ended '
               || coalesce(to_char(max(r.finished_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), 'never')
          FROM payments_reconciliation_run r
        HAVING coalesce(max(r.finished_at), '-infinity') < %(before)s
           AND EXISTS (SELECT FROM payments_ledger_journal WHERE created_at < %(before)s)""",
        before=at - A_DAY,
    )


CHECKS: tuple[Check, ...] = (
    Check("ledger_sums_to_zero", "The ledger sums to zero in every currency", ledger_sums_to_zero),
    Check("journals_balance", "Every journal balances, with all its lines", journals_balance),
    Check("journals_are_sealed", "A fact seals every journal", journals_are_sealed),
    Check("donor_funds_pass_through", "What donors paid has its place: donor_funds is empty", donor_funds_pass_through),
    Check("gifts_are_booked_once", "Every gift that succeeded is booked once, as it is", gifts_are_booked_once),
    Check("refunds_are_booked", "The ledger has every refund as far as it has come", refunds_are_booked),
    Check(
        "refunded_is_what_refunds_come_to",
        "What a payment says was refunded is the sum of its refunds, and no more than was charged",
        refunded_is_what_refunds_come_to,
    ),
    Check(
        "refunds_in_flight_belong_to_refunds",
        "What is reserved for refunds belongs to refunds on their way",
        refunds_in_flight_belong_to_refunds,
    ),
    Check("disputes_are_booked", "The ledger has every move and fee of a dispute", disputes_are_booked),
    Check("closed_disputes_hold_nothing", "A decided dispute holds no money", closed_disputes_hold_nothing),
    Check("payouts_are_booked", "What is reserved for payouts belongs to payouts on their way", payouts_are_booked),
    Check(
        "series_charge_once_a_period", "A recurring gift is charged once a period at most", series_charge_once_a_period
    ),
    Check(
        "payouts_to_our_bank_are_booked", "Every payout of Stripe to our bank is booked", payouts_to_our_bank_are_booked
    ),
    Check(
        "receipts_cover_what_was_given",
        "No receipt that holds covers more than the gift kept",
        receipts_cover_what_was_given,
    ),
    Check("totals_are_what_was_given", "Campaign totals show what was given", totals_are_what_was_given),
    Check("lost_answers_are_found_out", "No payment is unknown for more than five minutes", lost_answers_are_found_out),
    Check("refunds_reach_stripe", "An approved refund reaches Stripe within five minutes", refunds_reach_stripe),
    Check("events_of_stripe_are_worked", "Stripe's events are worked within five minutes", events_of_stripe_are_worked),
    Check("neighbours_are_told", "Trust and notify are told what they have to know", neighbours_are_told),
    Check("facts_leave_the_outbox", "Facts leave the outbox within five minutes", facts_leave_the_outbox),
    Check("runs_come_to_an_end", "A reconciliation comes to an end within half an hour", runs_come_to_an_end),
    Check("every_day_is_reconciled", "The ledger was laid beside Stripe's statement today", every_day_is_reconciled),
)
# Asked only on demand: it costs a call to Stripe, and money that moves meanwhile shows as a difference.
BALANCE = "balance_is_stripes"
BALANCE_SENTENCE = "Our Stripe balance is what Stripe reports"
SENTENCES: dict[str, str] = {check.name: check.sentence for check in CHECKS} | {BALANCE: BALANCE_SENTENCE}
