"""What must hold after any storm: nothing that was answered is lost, nothing is doubled, and the books balance."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pytest

from bh_sdk.money import Money
from deploy.local.stack import SERVICES
from tests.faults.conftest import SEED
from tests.faults.news import wrongs
from tests.faults.storm import Gift, Storm
from tests.stack import House


def none_of(offenders: Iterable[Any], what: str) -> None:
    """Fail with the seed and the offending ids."""
    found = list(offenders)
    if found:
        shown = "\n  ".join(str(one) for one in found[:20])
        pytest.fail(f"BH_FAULTS_SEED={SEED}: {len(found)} {what}\n  {shown}", pytrace=False)


@pytest.fixture(scope="module")
def payments(house: House, storm: Storm) -> dict[UUID, dict[str, Any]]:
    """Every payment there is, by id."""
    columns = [
        "id",
        "campaign_id",
        "donor_id",
        "user_id",
        "currency",
        "amount",
        "charged",
        "refunded",
        "status",
        "intent_id",
    ]
    rows = house.rows("payments", f"SELECT {', '.join(columns)} FROM payments_donations_payment")
    return {row[0]: dict(zip(columns, row, strict=True)) for row in rows}


@pytest.fixture(scope="module")
def succeeded(payments: dict[UUID, dict[str, Any]]) -> set[UUID]:
    return {payment_id for payment_id, payment in payments.items() if payment["status"] == "succeeded"}


@pytest.fixture(scope="module")
def at_stripe(house: House, storm: Storm) -> list[Any]:
    """Every intent at Stripe."""
    return list(house.doors.stripe.v1.payment_intents.list({"limit": 100}).auto_paging_iter())


def known(storm: Storm, **wanted: bool) -> list[Gift]:
    return [gift for gift in storm.gifts if all(getattr(gift, name) == value for name, value in wanted.items())]


def test_the_storm_was_one(storm: Storm) -> None:
    """Otherwise the tests below prove nothing."""
    assert len(known(storm, succeeded=True)) >= 5, f"BH_FAULTS_SEED={SEED}: {storm.outcomes}"
    assert sum(storm.kills.values()) >= 5, f"BH_FAULTS_SEED={SEED}: {storm.kills}"


def test_nothing_that_was_answered_is_lost(storm: Storm, payments: dict[UUID, dict[str, Any]]) -> None:
    none_of(
        (g for g in storm.gifts if g.payment_id and g.payment_id not in payments), "answered payments are not there"
    )
    wrong = []
    for gift in storm.gifts:
        if gift.payment_id is None:
            continue
        row = payments[gift.payment_id]
        told = (gift.campaign, gift.currency, Money.parse(gift.amount, gift.currency).minor, gift.user, gift.intent_id)
        kept = (row["campaign_id"], row["currency"], row["amount"], row["user_id"], row["intent_id"])
        if told != kept or row["charged"] != Money.parse(str(gift.charged), gift.currency).minor:
            wrong.append((gift, row))
    none_of(wrong, "payments are not what was answered")


def test_every_answered_success_is_a_success(storm: Storm, succeeded: set[UUID]) -> None:
    none_of((g for g in storm.gifts if g.succeeded and g.payment_id not in succeeded), "answered gifts did not arrive")
    none_of((g for g in storm.gifts if g.is_meant_to_fail and g.payment_id in succeeded), "declined cards were charged")


def test_one_key_made_one_payment(storm: Storm, payments: dict[UUID, dict[str, Any]]) -> None:
    """A guest of the storm gives once; a user as often as the history says."""
    guests = Counter(row["donor_id"] for row in payments.values() if row["user_id"] is None)
    none_of(((donor, n) for donor, n in guests.items() if n > 1), "guests gave more than once")
    begun = Counter(gift.user for gift in storm.gifts if gift.user and gift.campaign != storm.ground.strict)
    made = Counter(row["user_id"] for row in payments.values() if row["user_id"])
    none_of(((user, n, begun[user]) for user, n in made.items() if n > begun[user]), "users gave more than they did")


def test_what_was_refused_left_no_trace(house: House, storm: Storm, payments: dict[UUID, dict[str, Any]]) -> None:
    refused = [gift for gift in storm.gifts if gift.refused]
    none_of((g for g in refused if g.campaign != storm.ground.strict), "gifts were refused without a reason")
    none_of((g for g in known(storm) if g.campaign == storm.ground.strict and g.payment_id), "refusals were forgotten")
    none_of(
        (p for p, row in payments.items() if row["campaign_id"] == storm.ground.strict), "refused gifts are payments"
    )
    alone = "SELECT id FROM payments_donations_guest g WHERE NOT EXISTS"
    alone += " (SELECT FROM payments_donations_payment p WHERE p.donor_id = g.id)"
    none_of(house.rows("payments", alone), "guests are there who gave nothing")


def test_every_gift_that_arrived_has_exactly_one_journal(house: House, succeeded: set[UUID]) -> None:
    booked = Counter(
        row[0]
        for row in house.rows("payments", "SELECT payment_id FROM payments_ledger_journal WHERE kind = 'donation'")
    )
    none_of(succeeded - booked.keys(), "gifts without a journal")
    none_of(booked.keys() - succeeded, "journals without a gift")
    none_of(((payment, n) for payment, n in booked.items() if n != 1), "gifts with several journals")


def test_the_ledger_balances(house: House, storm: Storm) -> None:
    per_journal = (
        "SELECT j.id, sum(e.amount), count(e.id), j.entry_count FROM payments_ledger_journal j"
        " LEFT JOIN payments_ledger_entry e ON e.journal_id = j.id GROUP BY j.id"
        " HAVING coalesce(sum(e.amount), 1) <> 0 OR count(e.id) <> j.entry_count"
    )
    none_of(house.rows("payments", per_journal), "journals do not balance")
    per_currency = (
        "SELECT j.currency, sum(e.amount) FROM payments_ledger_journal j"
        " JOIN payments_ledger_entry e ON e.journal_id = j.id GROUP BY j.currency HAVING sum(e.amount) <> 0"
    )
    none_of(house.rows("payments", per_currency), "currencies do not sum to zero")


def test_every_gift_that_arrived_is_evidence_exactly_once(house: House, succeeded: set[UUID]) -> None:
    rows = house.rows("trust", "SELECT data->>'payment_id' FROM trust_evidence_fact WHERE type = 'payment.succeeded'")
    taken = Counter(UUID(row[0]) for row in rows)
    none_of(succeeded - taken.keys(), "gifts are no evidence")
    none_of(taken.keys() - succeeded, "evidence without a gift")
    none_of(((payment, n) for payment, n in taken.items() if n != 1), "gifts are evidence more than once")


def test_every_giver_is_thanked_exactly_once(house: House, storm: Storm, succeeded: set[UUID]) -> None:
    """A mail of unknown fate may come again, with the same Message-ID; another one may not."""
    thanks: defaultdict[UUID, set[str]] = defaultdict(set)
    to: defaultdict[UUID, set[str]] = defaultdict(set)
    copies = 0
    for mail in house.mails():
        link = re.search(r"/gifts/([0-9a-f-]{36})", mail["text"] or "")
        if mail["subject"].startswith("Thank you") and link:
            thanks[UUID(link[1])].add(mail["headers"]["Message-ID"])
            to[UUID(link[1])].update(mail["to"])
            copies += 1
    storm.say(f"{len(thanks)} thank-yous, {copies - len(thanks)} sent again")
    none_of(succeeded - thanks.keys(), "givers were not thanked")
    none_of(thanks.keys() - succeeded, "thank-yous for nothing")
    none_of(((payment, ids) for payment, ids in thanks.items() if len(ids) != 1), "givers were thanked twice")
    for gift in storm.gifts:
        if gift.payment_id in succeeded:
            address = gift.email or storm.ground.address_of(gift.user or UUID(int=0))
            assert to[gift.payment_id] == {address}, f"BH_FAULTS_SEED={SEED}: {gift}"


def test_the_feeds_of_people_say_the_same(house: House, storm: Storm, payments: dict[UUID, dict[str, Any]]) -> None:
    rows = house.rows(
        "notify",
        "SELECT data->>'payment_id', recipient_id FROM notify_delivery_notification WHERE type = 'gift.thank_you'",
    )
    told = Counter((UUID(payment), recipient) for payment, recipient in rows)
    wanted = {(p, row["donor_id"]) for p, row in payments.items() if row["status"] == "succeeded"}
    none_of(told.keys() ^ wanted, "notifications and gifts differ")
    none_of((key for key, n in told.items() if n != 1), "notifications came twice")
    failed = house.rows(
        "notify",
        # Of news that may have left nobody knows more after a day.
        "SELECT id, reason FROM notify_delivery_delivery WHERE status = 'failed' AND reason <> 'fate_unknown'",
    )
    none_of(failed, "deliveries failed")


def test_news_came_to_everybody_once_and_to_nobody_twice(storm: Storm) -> None:
    told, arrived = storm.news.told, storm.news.arrived()
    storm.say(
        f"{len(told)} pieces of news to {sum(len(one.people) for one in told)} people,"
        f" {sum(found.in_the_sink for found in arrived.values())} mails arrived"
    )
    assert any(one.answered for one in told), f"BH_FAULTS_SEED={SEED}: {storm.outcomes}"
    none_of(wrongs(told, arrived), "things are wrong with the news")


def test_refunds_are_what_stripe_says(house: House, storm: Storm, payments: dict[UUID, dict[str, Any]]) -> None:
    by_intent = {row["intent_id"]: row for row in payments.values()}
    at_stripe: Counter[str] = Counter()
    seen = set()
    for refund in house.doors.stripe.v1.refunds.list({"limit": 100}).auto_paging_iter():
        seen.add(refund.id)
        if refund.status == "succeeded":
            at_stripe[str(refund.payment_intent)] += refund.amount
    none_of((r for gift in storm.gifts for r in gift.refunds if r not in seen), "answered refunds are not at Stripe")
    wrong = []
    for intent, row in by_intent.items():
        if row["refunded"] != at_stripe[str(intent)]:
            wrong.append((row["id"], row["refunded"], at_stripe[str(intent)]))
    none_of(wrong, "payments are refunded by another sum than at Stripe")
    booked = dict(
        house.rows(
            "payments",
            "SELECT j.payment_id, sum(e.amount)::bigint FROM payments_ledger_journal j"
            " JOIN payments_ledger_entry e ON e.journal_id = j.id"
            " WHERE e.account = 'campaign_payable' AND j.kind = 'refund' GROUP BY j.payment_id",
        )
    )
    none_of(
        ((p, row["refunded"], booked.get(p, 0)) for p, row in payments.items() if row["refunded"] != booked.get(p, 0)),
        "refunds are booked by another sum",
    )


def test_stripe_and_we_know_the_same_payments(at_stripe: list[Any], payments: dict[UUID, dict[str, Any]]) -> None:
    intents: defaultdict[str, list[Any]] = defaultdict(list)
    for intent in at_stripe:
        intents[intent.metadata["payment_id"]].append(intent)
    none_of(
        ((p, [i.id for i in many]) for p, many in intents.items() if len(many) != 1), "payments have several intents"
    )
    by_id = {intent.id: intent for intent in at_stripe}
    wrong: list[Any] = []
    for payment_id, row in payments.items():
        intent = by_id.get(row["intent_id"])
        if intent is None or intent.metadata["payment_id"] != str(payment_id):
            wrong.append((payment_id, row["status"], row["intent_id"]))
        elif intent.amount != row["charged"] or (intent.status == "succeeded") != (row["status"] == "succeeded"):
            wrong.append((payment_id, row, intent.status, intent.amount))
    none_of(wrong, "payments differ from their intents")
    none_of((i.id for i in at_stripe if UUID(i.metadata["payment_id"]) not in payments), "intents without a payment")


def test_no_payment_is_left_in_doubt(payments: dict[UUID, dict[str, Any]]) -> None:
    doubtful = ("unknown", "created", "processing")
    none_of(((p, row["status"]) for p, row in payments.items() if row["status"] in doubtful), "payments are in doubt")


@pytest.mark.parametrize("service", SERVICES)
def test_the_feed_has_no_gap_and_the_chain_holds(house: House, storm: Storm, service: str) -> None:
    ((count, first, last),) = house.rows(service, "SELECT count(*), min(number), max(number) FROM feed")
    events = house.value(service, "SELECT count(*) FROM event")
    assert (count, events) == (last or 0, last or 0), (
        f"BH_FAULTS_SEED={SEED}: {count} numbers up to {last}, {events} facts"
    )
    assert first in (None, 1)
    assert house.value(service, "SELECT count(DISTINCT epoch) FROM epoch") <= 1
    verdict = house.manage(service, "verify_chain")
    assert verdict.returncode == 0, f"BH_FAULTS_SEED={SEED}: {verdict.stdout}{verdict.stderr}"


@pytest.mark.parametrize("service", SERVICES)
def test_there_are_no_dead_letters(house: House, storm: Storm, service: str) -> None:
    none_of(house.rows(service, "SELECT type, subject, number, reason FROM dead_letter"), "dead letters")


def test_the_totals_are_the_sum_of_the_gifts(house: House, payments: dict[UUID, dict[str, Any]]) -> None:
    arrived = [row for row in payments.values() if row["status"] == "succeeded"]
    for campaign in {row["campaign_id"] for row in payments.values()}:
        here = [row for row in arrived if row["campaign_id"] == campaign]
        # A gift of which nothing is left is no gift.
        left = [row for row in here if row["amount"] > row["refunded"]]
        ours = (
            sum(row["amount"] for row in here),
            sum(min(row["amount"], row["refunded"]) for row in here),
            len({row["donor_id"] for row in left}),
            len(left),
        )
        query = "SELECT raised, refunded, donors, gifts FROM payments_insights_campaigntotal WHERE campaign_id = %s"
        assert house.rows("payments", query, campaign) == ([ours] if here else []), f"BH_FAULTS_SEED={SEED}: {campaign}"


def test_no_good_token_was_refused(storm: Storm) -> None:
    none_of(storm.refusals, "calls with a good token were refused")
