"""Every money move tells who, through which door, from where and why; and nobody changes the ledger unnoticed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client, RequestFactory

from bh_sdk.server.access.models import Staff
from bh_sdk.server.events.leadership import direct_connection
from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.events.relay import Reign, Relay
from bh_sdk.server.ops import cause, clock
from bh_sdk.server.ops.address import client_block
from payments_svc.donations.models import Payment
from payments_svc.donations.tasks import look_again
from payments_svc.gateway.tasks import work_events
from payments_svc.ledger import audit, rules
from payments_svc.ledger.commands import post
from payments_svc.ledger.digests import digest_of
from payments_svc.ledger.models import Entry, Journal
from tests.payments.conftest import Caller, StandIn, deliver
from tests.payments.factories import PaymentFactory
from tests.payments.test_reports import signed_in

JOURNAL, ENTRY = "payments_ledger_journal", "payments_ledger_entry"


def book(amount: int = 100, **changes: Any) -> Journal:
    told: dict[str, Any] = {"reference": f"test:{uuid.uuid4()}", "kind": "refund", "currency": "GBP"}
    with transaction.atomic():
        return post(**told | changes, postings=rules.refund(amount=amount), at=clock.now())


class TestWhoFromWhereAndWhy:
    pytestmark = pytest.mark.django_db

    def test_a_call_of_the_api_is_its_caller_and_their_network(
        self, standin: StandIn, donor: Caller, campaign: Any
    ) -> None:
        donor.give(campaign)
        journal = Journal.objects.get()
        assert (journal.door, journal.actor, journal.address) == ("api", str(donor.sub), "127.0.0.0/24")
        assert journal.request_id

    def test_a_guest_is_a_guest(self, standin: StandIn, guest: Caller, campaign: Any) -> None:
        guest.give(campaign)
        assert Journal.objects.get().actor == "guest"

    def test_what_stripe_tells_names_the_event(self, standin: StandIn, donor: Caller, campaign: Any) -> None:
        opened = donor.open(campaign).json()
        standin.stripe.v1.payment_intents.confirm(opened["payment_intent_id"], {"payment_method": "pm_card_visa"})
        (told,) = (e for e in standin.events(opened["payment_intent_id"]) if e["type"] == "payment_intent.succeeded")
        deliver(told)
        work_events()
        journal = Journal.objects.get()
        assert (journal.door, journal.actor, journal.address) == ("webhook", "stripe", None)
        assert journal.reason == f"payment_intent.succeeded {told['id']}"

    def test_at_a_prompt_it_is_the_system_by_a_command(self) -> None:
        journal = book()
        assert (journal.door, journal.actor, journal.address, journal.reason) == ("command", "system", None, None)

    def test_a_command_may_know_better_who_and_why(self) -> None:
        journal = book(by="somebody", reason="a bank statement")
        assert (journal.actor, journal.reason) == ("somebody", "a bank statement")
        assert RecordedEvent.objects.get(aggregateid=journal.id).actor == "somebody"

    def test_who_works_in_the_admin_is_known(self) -> None:
        seen: list[cause.Cause] = []
        staff = Staff.objects.create(username="fin", sub=uuid.uuid4(), roles=["finance"])
        client = Client()
        client.force_login(staff)
        with recorded_by(seen):
            client.get("/admin/")
        assert [(each.door, each.actor, each.address) for each in seen] == [("admin", str(staff.sub), "127.0.0.0/24")]


@pytest.mark.django_db(transaction=True)
def test_the_sweep_names_itself(standin: StandIn, donor: Caller, campaign: Any) -> None:
    opened = donor.open(campaign).json()
    standin.stripe.v1.payment_intents.confirm(opened["payment_intent_id"], {"payment_method": "pm_card_visa"})
    Payment.objects.update(look_again_at=clock.now())
    look_again.apply()
    journal = Journal.objects.get()
    assert (journal.door, journal.actor, journal.reason) == ("task", "system", "payments.donations.look_again")


@pytest.mark.django_db(transaction=True)
def test_nothing_is_left_over_for_the_next_piece_of_work(standin: StandIn, donor: Caller, campaign: Any) -> None:
    donor.give(campaign)
    look_again.apply()
    assert cause.current() == cause.Cause()


@contextmanager
def recorded_by(seen: list[cause.Cause]) -> Iterator[None]:
    """Every cause under which a template was rendered."""
    from django.test import signals

    def note(**_: Any) -> None:
        if not seen:
            seen.append(cause.current())

    signals.template_rendered.connect(note)
    try:
        yield
    finally:
        signals.template_rendered.disconnect(note)


@pytest.mark.parametrize(
    ("hops", "peer", "passed", "block"),
    [
        (0, "203.0.113.9", "198.51.100.1", "203.0.113.0/24"),
        (1, "10.0.0.1", "198.51.100.7", "198.51.100.0/24"),
        # Whatever the caller wrote stands to the left of what our proxy saw.
        (1, "10.0.0.1", "1.1.1.1, 198.51.100.7", "198.51.100.0/24"),
        (2, "10.0.0.1", "1.1.1.1, 198.51.100.7, 10.0.0.9", "198.51.100.0/24"),
        (2, "203.0.113.9", "", "203.0.113.0/24"),
        (0, "2001:db8:aaaa:bbbb::1", "", "2001:db8:aaaa::/48"),
        (0, "::ffff:203.0.113.9", "", "203.0.113.0/24"),
        (1, "10.0.0.1", "not an address", None),
        (0, "", "", None),
    ],
)
def test_only_what_our_own_proxies_saw_counts(
    settings: Any, hops: int, peer: str, passed: str, block: str | None
) -> None:
    settings.BH_PROXY_HOPS = hops
    request = RequestFactory().get("/", REMOTE_ADDR=peer, headers={"X-Forwarded-For": passed} if passed else {})
    assert client_block(request) == block


# -- tampering -----------------------------------------------------------------------------------------------------


@contextmanager
def tampering(owner_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A superuser who takes every guard down and puts it up again."""
    guards = {JOURNAL: ["journal_append_only"], ENTRY: ["entry_append_only"], "event": ["event_stays"]}
    guards[JOURNAL].append("journal_balanced")
    guards[ENTRY].append("entry_balanced")
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        for table, names in guards.items():
            for name in names:
                owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
        yield owner
        for table, names in guards.items():
            for name in names:
                owner.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def relay_all() -> None:
    relay = Relay("payments")
    with direct_connection() as connection:
        reign = Reign(relay, connection)
        while reign.publish(reign.number()) or reign.number() is not None:
            pass
    relay.stream.close()


def found() -> list[tuple[uuid.UUID | None, str]]:
    return [(finding.journal, finding.what) for finding in audit.verify().findings]


@pytest.fixture
def journals(transactional_db: None, clean_redis: redis.Redis) -> list[Journal]:
    """Three journals of two lines, posted and sealed."""
    rows = [book(amount) for amount in (100, 200, 300)]
    relay_all()
    return rows


def lines(journal: Journal) -> list[Entry]:
    return list(journal.entries.order_by("id"))


def test_an_untouched_ledger_is_what_was_posted(journals: list[Journal]) -> None:
    verdict = audit.verify()
    assert (verdict.journals, verdict.lines, verdict.findings) == (3, 6, [])
    assert verdict.chain.events == 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("kind = 'payout'", "its kind was edited: it says payout, it was refund"),
        ("currency = 'USD'", "its currency was edited: it says USD, it was GBP"),
        ("reference = 'other'", "its reference was edited: it says other, it was "),
        ("actor = 'nobody'", "its time, source or audit columns were edited, or the fact's digest"),
        ("reason = 'nothing'", "its time, source or audit columns were edited, or the fact's digest"),
        ("source = 'ch_other'", "its time, source or audit columns were edited, or the fact's digest"),
        ("created_at = created_at - interval '1 microsecond'", "its time, source or audit columns were edited"),
    ],
)
def test_an_edited_journal_is_named(journals: list[Journal], owner_url: str, change: str, says: str) -> None:
    with tampering(owner_url) as owner:
        owner.execute(f"UPDATE {JOURNAL} SET {change} WHERE id = %s", [journals[1].id])
    ((journal, what),) = found()
    assert journal == journals[1].id
    assert what.startswith(says)


def test_every_edited_line_is_named(journals: list[Journal], owner_url: str) -> None:
    first, second = lines(journals[0])
    with tampering(owner_url) as owner:
        owner.execute(f"UPDATE {ENTRY} SET amount = amount * 2 WHERE id IN (%s, %s)", [first.id, second.id])
    assert found() == [
        (
            journals[0].id,
            f"line {first.id} was edited: it says campaign_payable refund 2.00, it was campaign_payable refund 1.00",
        ),
        (
            journals[0].id,
            f"line {second.id} was edited: it says stripe_balance refund -2.00, it was stripe_balance refund -1.00",
        ),
    ]


Tamper = Callable[[Any, list[Journal]], str]


def delete_a_line(owner: Any, journals: list[Journal]) -> str:
    line = lines(journals[2])[1]
    owner.execute(f"DELETE FROM {ENTRY} WHERE id = %s", [line.id])
    return f"line {line.id} (stripe_balance refund -3.00) was deleted"


def add_a_line(owner: Any, journals: list[Journal]) -> str:
    row = owner.execute(
        f"INSERT INTO {ENTRY} (journal_id, account, line, amount) VALUES (%s, 'bank', 'payout', 5) RETURNING id",
        [journals[2].id],
    ).fetchone()
    return f"line {row[0]} (bank payout 0.05) was added"


def swap_lines(owner: Any, journals: list[Journal]) -> str:
    one, two = lines(journals[2])
    for wrong, right in ((one.id, -1), (two.id, one.id), (-1, two.id)):
        owner.execute(f"UPDATE {ENTRY} SET id = %s WHERE id = %s", [right, wrong])
    return f"lines {one.id}, {two.id} were put into another order"


def move_a_line(owner: Any, journals: list[Journal]) -> str:
    line = lines(journals[2])[0]
    owner.execute(f"UPDATE {ENTRY} SET account = 'bank' WHERE id = %s", [line.id])
    return f"line {line.id} was edited: it says bank refund 3.00, it was campaign_payable refund 3.00"


@pytest.mark.parametrize("tamper", [delete_a_line, add_a_line, swap_lines, move_a_line])
def test_what_was_done_to_the_lines_is_named(journals: list[Journal], owner_url: str, tamper: Tamper) -> None:
    with tampering(owner_url) as owner:
        says = tamper(owner, journals)
    assert found() == [(journals[2].id, says)]


def test_a_deleted_journal_is_named_with_what_is_left_of_it(journals: list[Journal], owner_url: str) -> None:
    left = lines(journals[0])
    with tampering(owner_url) as owner:
        owner.execute(f"DELETE FROM {JOURNAL} WHERE id = %s", [journals[0].id])
    assert found() == [
        (journals[0].id, f"the journal {journals[0].reference} was deleted"),
        *((journals[0].id, f"line {line.id} was left behind") for line in left),
    ]


def test_an_added_journal_is_named(journals: list[Journal], owner_url: str) -> None:
    added = uuid.uuid4()
    with tampering(owner_url) as owner:
        owner.execute(
            f"INSERT INTO {JOURNAL} (id, reference, kind, currency, entry_count, created_at) "
            "VALUES (%s, 'forged', 'payout', 'GBP', 2, now())",
            [added],
        )
        owner.execute(
            f"INSERT INTO {ENTRY} (journal_id, account, line, amount) "
            "VALUES (%s, 'bank', 'payout', 5), (%s, 'stripe_balance', 'payout', -5)",
            [added, added],
        )
    assert found() == [(added, "the journal forged was added: no fact tells of it")]


def test_lines_of_no_journal_are_named(journals: list[Journal], owner_url: str) -> None:
    nowhere = uuid.uuid4()
    with tampering(owner_url) as owner:
        row = owner.execute(
            f"INSERT INTO {ENTRY} (journal_id, account, line, amount) VALUES (%s, 'bank', 'payout', 5) RETURNING id",
            [nowhere],
        ).fetchone()
    assert row is not None
    assert found() == [(nowhere, f"line {row[0]} was added to no journal")]


def test_who_edits_the_fact_too_is_caught_by_its_digest_and_by_the_chain(
    journals: list[Journal], owner_url: str
) -> None:
    fact = RecordedEvent.objects.get(aggregateid=journals[1].id)
    with tampering(owner_url) as owner:
        owner.execute(f"UPDATE {JOURNAL} SET kind = 'payout' WHERE id = %s", [journals[1].id])
        journal = Journal.objects.get(id=journals[1].id)
        digest = digest_of(journal, lines(journal))
        owner.execute(
            "UPDATE event SET payload = payload || jsonb_build_object('kind', 'payout', 'digest', %s::text) "
            "WHERE position = %s",
            [digest, fact.position],
        )
    (edited, broken) = found()
    assert edited == (journals[1].id, f"its fact at position {fact.position} was edited")
    assert broken[0] is None
    assert f"position {fact.position}" in broken[1]


def test_the_command_names_them_all_and_fails(
    journals: list[Journal], owner_url: str, capsys: pytest.CaptureFixture[str], tmp_path: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("BH_SEAL_SINK", str(tmp_path))
    call_command("verify_ledger")
    assert "3 journals with 6 lines are what was posted" in capsys.readouterr().out
    with tampering(owner_url) as owner:
        owner.execute(f"UPDATE {JOURNAL} SET kind = 'payout' WHERE id <> %s", [journals[1].id])
    with pytest.raises(CommandError, match="2 differences"):
        call_command("verify_ledger")
    said = capsys.readouterr().err
    assert str(journals[0].id) in said
    assert str(journals[2].id) in said


# -- what is taken along -------------------------------------------------------------------------------------------


@pytest.mark.django_db
class TestExports:
    def test_who_takes_a_sheet_along_is_in_the_log(self) -> None:
        PaymentFactory.create_batch(3, status="canceled")
        client = signed_in("finance")
        assert client.get("/staff/reports/payments/?format=csv&status=canceled&search=").status_code == 200
        entry = LogEntry.objects.get()
        assert entry.object_repr == "report payments"
        assert entry.get_change_message() == "Took along 3 rows as csv: status=canceled"
        assert entry.user == Staff.objects.get()

    def test_looking_is_no_export(self) -> None:
        signed_in("finance").get("/staff/reports/payments/", headers={"Accept": "text/html"})
        assert LogEntry.objects.count() == 0

    def test_a_refused_export_is_none(self) -> None:
        assert signed_in("editor").get("/staff/reports/payments/?format=csv").status_code == 403
        assert LogEntry.objects.count() == 0
