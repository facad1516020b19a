"""Whatever people ask and staff decide, in any order and over any time: each decision is one fact that ends when it says."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.storage import default_storage
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from bh_sdk.server.ops import clock
from tests.trust.machines import Machine, run, told
from trust_svc.evidence.models import Fact
from trust_svc.verification import commands, queries, rules
from trust_svc.verification.models import Document, Request
from trust_svc.verification.tasks import delete_documents, tell_ends

PAPER = base64.b64encode(b"%PDF-1.7 a paper %%EOF").decode()
ITEMS = ("email", "identity")


@dataclass
class Grant:
    """The last word on an item, as the machine remembers it."""

    request: UUID
    until: datetime
    revoked: bool = False
    told: str = ""


class Verifications(Machine):
    """One person, two items, two of the staff; the third of the staff is the person."""

    item = st.sampled_from(ITEMS)
    who = st.integers(0, 2)

    @initialize()
    def begin(self) -> None:
        self.owner = uuid4()
        self.staff = [uuid4(), uuid4(), self.owner]
        self.open: dict[str, UUID] = {}
        self.last: dict[str, Grant] = {}
        self.done = dict.fromkeys(("requested", "granted", "refused", "revoked", "ending", "ended"), 0)

    def held(self, item: str) -> Grant | None:
        last = self.last.get(item)
        return last if last and not last.revoked and last.until > clock.now() else None

    @rule(item=item, papers=st.integers(0, 1))
    def ask(self, item: str, papers: int) -> None:
        held = self.held(item)
        soon = held is None or held.until <= clock.now() + rules.RENEWABLE
        shown = papers or item not in rules.DOCUMENTED
        row = self.attempt(
            bool(item not in self.open and soon and shown),
            lambda: commands.ask(
                item=item, entity_kind=None, entity_id=None, note="Soon", shown=[PAPER] * papers, by=self.owner
            ),
        )
        if row is not None:
            self.open[item] = row.id
            self.done["requested"] += 1

    @rule(item=item, by_owner=st.booleans())
    def add_a_document(self, item: str, by_owner: bool) -> None:
        request = self.open.get(item, uuid4())
        fits = item in self.open and by_owner and Document.objects.filter(request_id=request).count() < 6
        by = self.owner if by_owner else uuid4()
        self.attempt(fits, lambda: commands.show(request_id=request, content=PAPER, by=by))

    @rule(item=item)
    def withdraw(self, item: str) -> None:
        request = self.open.pop(item, None)
        self.attempt(request is not None, lambda: commands.withdraw(request_id=request or uuid4(), by=self.owner))

    @rule(item=item, who=who, days=st.sampled_from([None, 0, 2, 20, 70, 4000]))
    def grant(self, item: str, who: int, days: int | None) -> None:
        request = self.open.get(item, uuid4())
        until = None if days is None else clock.now() + timedelta(days=days, minutes=1)
        row = self.attempt(
            item in self.open and who < 2 and days in (None, 2, 20, 70),
            lambda: commands.grant(request_id=request, by=self.staff[who], expires_at=until),
        )
        if row is not None:
            assert row.expires_at == until or days is None
            self.last[item] = Grant(self.open.pop(item), row.expires_at)
            self.done["granted"] += 1

    @rule(item=item, who=who)
    def refuse(self, item: str, who: int) -> None:
        request = self.open.get(item, uuid4())
        row = self.attempt(
            item in self.open and who < 2,
            lambda: commands.refuse(request_id=request, reason="mismatch", message="Another name", by=self.staff[who]),
        )
        if row is not None:
            self.open.pop(item)
            self.done["refused"] += 1

    @rule(item=item, who=who)
    def revoke(self, item: str, who: int) -> None:
        last = self.last.get(item)
        row = self.attempt(
            self.held(item) is not None and who < 2,
            lambda: commands.revoke(
                request_id=last.request if last else uuid4(), message="It was forged", by=self.staff[who]
            ),
        )
        if row is not None and last is not None:
            last.revoked = True
            self.done["revoked"] += 1

    @rule(days=st.sampled_from([0.5, 3, 12, 29]))
    def time_passes(self, days: float) -> None:
        self.days_pass(days)
        now = clock.now()
        tell_ends()
        tell_ends()
        delete_documents()
        for grant in self.last.values():
            if grant.revoked or grant.told == "ended":
                continue
            if grant.until <= now:
                self.done["ended"] += 1
                grant.told = "ended"
            elif grant.until <= now + rules.NOTICE and not grant.told:
                self.done["ending"] += 1
                grant.told = "ending"

    @invariant()
    def one_is_open_and_nobody_decides_on_their_own(self) -> None:
        if not hasattr(self, "owner"):
            return
        rows = Request.objects.filter(requested_by=self.owner)
        assert {row.item: row.id for row in rows if row.state == "open"} == self.open
        assert not rows.filter(decided_by=self.owner).exists()
        assert not rows.filter(revoked_by=self.owner).exists()

    @invariant()
    def each_decision_is_one_fact_with_its_end(self) -> None:
        if not hasattr(self, "owner"):
            return
        facts = Fact.objects.filter(subject_id=self.owner)
        assert facts.filter(type="verification.granted").count() == self.done["granted"]
        assert facts.filter(type="verification.revoked").count() == self.done["revoked"]
        for item in ITEMS:
            held, known = self.held(item), queries.standing("user", self.owner, item, at=clock.now())
            assert (held.until if held else None) == (known.expires_at if known else None)
        for kind in ("requested", "granted", "refused", "ending"):
            assert len(told(f"verification.{kind}", owner_id=self.owner)) == self.done[kind], kind
        ended = [fact["revoked"] for fact in told("verification.ended", owner_id=self.owner)]
        assert (ended.count(True), ended.count(False)) == (self.done["revoked"], self.done["ended"])

    @invariant()
    def documents_lie_there_as_long_as_they_may(self) -> None:
        if not hasattr(self, "owner"):
            return
        for document in Document.objects.filter(request__requested_by=self.owner).select_related("request"):
            assert default_storage.exists(document.stored_as)
            assert document.request.state == "open" or document.request.documents_until is not None


@pytest.mark.django_db
def test_whatever_is_asked_and_decided_verifications_stay_whole(settings: Any, tmp_path: Any, moved_clock: Any) -> None:
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": backend, "OPTIONS": {"location": str(tmp_path)}}}
    run(Verifications, moved_clock, examples=10, steps=20)
