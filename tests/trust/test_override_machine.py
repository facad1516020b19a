"""Whatever staff set by hand, agree to and take back, over any time: two people where it takes two, and underneath goes on
what is calculated."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from bh_sdk.server.ops import clock
from tests.trust.machines import Machine, run, told
from trust_svc.evidence import commands as evidence
from trust_svc.evidence.rules import NewFact
from trust_svc.overrides import commands, rules
from trust_svc.overrides.models import Override
from trust_svc.overrides.rules import Wish
from trust_svc.scoring import commands as scoring
from trust_svc.scoring.answers import answers
from trust_svc.scoring.assessment import read
from trust_svc.scoring.models import Score

NOTE = "The parish wrote to us about this on Monday."
WISHES = (
    Wish("score", value=30.0), Wish("score", value=64.5), Wish("score", value=99.0), Wish("tier", tier="STEADY"),
    Wish("tier", tier="NEW"), Wish("factor", value=0.9, factor="updates"), Wish("factor", value=0.0, factor="history"),
)  # fmt: skip


class Overrides(Machine):
    """One campaign, two analysts and its owner, who is an analyst too."""

    who = st.integers(0, 2)

    @initialize(identity=st.booleans())
    def begin(self, identity: bool) -> None:
        self.campaign, owner = uuid4(), uuid4()
        self.staff = [uuid4(), uuid4(), owner]
        self.placed = self.ended = 0
        now, said = clock.now(), {"owner_id": str(owner), "category": "water"}
        facts = [NewFact(uuid4(), "campaign.created", now, "campaign", self.campaign, said)]
        if identity:
            facts.append(NewFact(uuid4(), "verification.granted", now, "user", owner, {"item": "identity"}))
        for gift in range(6):
            paid = {"payment_id": f"{self.campaign}-{gift}", "donor_id": str(uuid4()), "amount": "9", "currency": "GBP"}
            facts.append(NewFact(uuid4(), "payment.succeeded", now, "campaign", self.campaign, paid))
        evidence.take_in(facts=facts, source="test")
        scoring.rescore(kind="campaign", entity_id=self.campaign)

    def row(self, state: str) -> Override | None:
        return Override.objects.filter(entity_id=self.campaign, state=state).first()

    def id_of(self, state: str) -> UUID:
        found = self.row(state)
        return found.id if found else uuid4()

    @rule(who=who, wish=st.sampled_from(WISHES), days=st.sampled_from([1, 30, 180, 181]), replacing=st.booleans())
    def ask(self, who: int, wish: Wish, days: int, replacing: bool) -> None:
        active, waiting = self.row("active"), self.row("waiting")
        fits = days <= 180 and who < 2 and waiting is None and (active is not None) == replacing
        row = self.attempt(
            fits,
            lambda: commands.ask_override(
                entity_kind="campaign", entity_id=self.campaign, wish=wish, reason="harm", note=NOTE, days=days,
                by=self.staff[who], replaces=self.id_of("active") if replacing else None,
            ),
        )  # fmt: skip
        if row is not None:
            assert row.second_person == (row.change > rules.ALONE or row.over_cap is not None)
            assert row.state == ("waiting" if row.second_person else "active")
            if row.state == "active":
                self.placed += 1
                self.ended += active is not None

    @rule(who=who)
    def approve(self, who: int) -> None:
        waiting, active = self.row("waiting"), self.row("active")
        fits = waiting is not None and who < 2 and waiting.requested_by != self.staff[who]
        fits = fits and (active is None or (waiting is not None and waiting.replaces_id == active.id))
        row = self.attempt(
            fits, lambda: commands.approve_override(override_id=self.id_of("waiting"), by=self.staff[who])
        )
        if row is not None:
            self.placed += 1
            self.ended += active is not None

    @rule(who=who)
    def reject(self, who: int) -> None:
        waiting = self.row("waiting")
        fits = waiting is not None and who < 2 and waiting.requested_by != self.staff[who]
        self.attempt(
            fits, lambda: commands.reject_override(override_id=self.id_of("waiting"), by=self.staff[who], note=NOTE)
        )

    @rule(who=who)
    def withdraw(self, who: int) -> None:
        waiting = self.row("waiting")
        fits = waiting is not None and waiting.requested_by == self.staff[who]
        self.attempt(fits, lambda: commands.withdraw_override(override_id=self.id_of("waiting"), by=self.staff[who]))

    @rule(who=who)
    def revoke(self, who: int) -> None:
        fits = self.row("active") is not None and who < 2
        row = self.attempt(
            fits, lambda: commands.revoke_override(override_id=self.id_of("active"), by=self.staff[who], note=NOTE)
        )
        self.ended += row is not None

    @rule(days=st.sampled_from([0.4, 10, 31, 100]))
    def time_passes(self, days: float) -> None:
        self.days_pass(days)
        active = self.row("active")
        over = active is not None and active.expires_at is not None and active.expires_at <= clock.now()
        commands.expire_due()
        commands.expire_due()
        scoring.rescore(kind="campaign", entity_id=self.campaign)
        self.ended += over
        assert (self.row("active") is None) == (active is None or over)

    @invariant()
    def one_counts_and_one_waits_at_most_and_two_agreed_where_it_takes_two(self) -> None:
        if not hasattr(self, "campaign"):
            return
        rows = list(Override.objects.filter(entity_id=self.campaign))
        assert sum(row.state == "active" for row in rows) <= 1
        assert sum(row.state == "waiting" for row in rows) <= 1
        for row in rows:
            people = {row.requested_by, row.approved_by, row.rejected_by, row.ended_by}
            assert self.staff[2] not in people
            if row.placed_at is not None and row.second_person:
                assert row.approved_by not in (None, row.requested_by)
        assert len(told("override.placed", entity_id=self.campaign)) == self.placed
        assert len(told("override.ended", entity_id=self.campaign)) == self.ended

    @invariant()
    def what_is_calculated_goes_on_underneath(self) -> None:
        if not hasattr(self, "campaign"):
            return
        score, active = Score.objects.get(entity_id=self.campaign), self.row("active")
        plain = answers(read([("campaign", self.campaign)]), as_of=score.calculated_at)[0].calculated
        assert score.override_id == (active.id if active else None)
        if active is None:
            assert (score.score, score.computed) == (plain.score, None)
            return
        assert score.computed is not None
        assert score.computed["score"] == plain.score
        assert score.score == sum(one["contribution"] for one in score.factors) + score.cap_adjustment
        if active.what == "score":
            assert score.score == rules.exact(
                min(active.value or 0.0, rules.limit(Wish("score", over_cap=active.over_cap), plain.cap))
            )
        elif active.what == "tier":
            assert score.score == plain.score


@pytest.mark.django_db
def test_whatever_is_set_by_hand_what_is_calculated_goes_on(moved_clock: Any) -> None:
    run(Overrides, moved_clock, examples=10, steps=14)
