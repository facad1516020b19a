"""Whatever is decided about a campaign and appealed against, in any order: somebody else decides, once, and what changes is
what the outcome says."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from bh_sdk.server.ops import clock
from tests.trust.machines import Machine, run, told
from trust_svc.appeals import commands, decisions, rules
from trust_svc.appeals.models import Appeal
from trust_svc.cases import commands as casework
from trust_svc.cases import gathering
from trust_svc.cases.models import Case
from trust_svc.evidence import commands as evidence
from trust_svc.evidence.models import Fact
from trust_svc.evidence.rules import NewFact
from trust_svc.holds import commands as holds
from trust_svc.holds.models import Hold
from trust_svc.reports.models import Report
from trust_svc.verification import commands as verification
from trust_svc.verification.models import Request

AGAINST = ("hold", "case", "verification")
STATEMENT = "We have the receipts of everything, and the parish's word."


class Appeals(Machine):
    """One campaign of one owner, and three of the staff."""

    who = st.integers(0, 2)

    @initialize()
    def begin(self) -> None:
        self.campaign, self.owner = uuid4(), uuid4()
        self.staff = [uuid4() for _ in range(3)]
        said = {"owner_id": str(self.owner)}
        created = NewFact(uuid4(), "campaign.created", clock.now(), "campaign", self.campaign, said)
        evidence.take_in(facts=[created], source="test")
        self.refused: UUID | None = None
        self.filed = self.decided = 0

    # -- what can be appealed against ----------------------------------------------------------------------------------

    @rule(who=who)
    def stop(self, who: int) -> None:
        free = not Hold.objects.filter(entity_id=self.campaign, lifted_at=None).exists()
        by = str(self.staff[who])
        self.attempt(
            free, lambda: holds.place_hold(entity_kind="campaign", entity_id=self.campaign, reason="Why", by=by)
        )

    @precondition(lambda self: not Case.objects.filter(entity_id=self.campaign, outcome="confirmed").exists())
    @rule(who=who)
    def confirm_a_report(self, who: int) -> None:
        now = clock.now()
        report = Report.objects.create(
            reporter_id=uuid4(), entity_kind="campaign", entity_id=self.campaign, kind="fraud",
            description="Nobody there knows of it", created_at=now,
        )  # fmt: skip
        case = gathering.look("campaign", self.campaign, now)
        assert case is not None
        casework.decide(
            case_id=case.id, outcome="confirmed", verdicts={report.id: "upheld"}, stop=True, note="Why",
            by=case.assignee or self.staff[who],
        )  # fmt: skip

    @precondition(lambda self: self.refused is None or not self.waits("verification", self.refused))
    @rule(who=who)
    def refuse_a_verification(self, who: int) -> None:
        if Request.objects.filter(entity_id=self.campaign, state__in=("open", "granted")).exists():
            return
        row = verification.ask(
            item="phone", entity_kind="campaign", entity_id=self.campaign, note=None, shown=[], by=self.owner
        )
        verification.refuse(request_id=row.id, reason="mismatch", message="Another", by=self.staff[who])
        self.refused = row.id

    # -- appeals -------------------------------------------------------------------------------------------------------

    def waits(self, against: str, target: UUID) -> bool:
        return Appeal.objects.filter(against=against, target_id=target, state="open").exists()

    def found(self, against: str) -> decisions.Decision | None:
        wanted = self.refused if against == "verification" else None
        return decisions.find(against, "campaign", self.campaign, wanted)

    def an_appeal(self, pick: int) -> Appeal | None:
        rows = list(Appeal.objects.filter(entity_id=self.campaign).order_by("filed_at", "id"))
        return rows[pick % len(rows)] if rows else None

    @rule(against=st.sampled_from(AGAINST), by_owner=st.booleans())
    def appeal(self, against: str, by_owner: bool) -> None:
        decision = self.found(against)
        stands = decision is not None and decision.stands
        before = Appeal.objects.filter(against=against, target_id=decision.id) if decision else Appeal.objects.none()
        row = self.attempt(
            by_owner and stands and not before.exists(),
            lambda: commands.file_appeal(
                entity_kind="campaign", entity_id=self.campaign, against=against,
                decision_id=self.refused if against == "verification" else None, statement=STATEMENT,
                evidence_urls=[], by=self.owner if by_owner else uuid4(),
            ),
        )  # fmt: skip
        if row is not None:
            self.filed += 1
            assert row.due_at == rules.due(row.filed_at)

    def may_decide(self, row: Appeal | None, by: UUID) -> bool:
        if row is None or row.state != "open" or by == self.owner:
            return False
        decision = decisions.of(row)
        return by not in row.not_by and (decision is None or by not in decision.made_by)

    @rule(pick=st.integers(0, 9), who=st.integers(0, 3))
    def claim(self, pick: int, who: int) -> None:
        row, by = self.an_appeal(pick), [*self.staff, self.owner][who]
        self.attempt(self.may_decide(row, by), lambda: commands.claim(appeal_id=row.id if row else uuid4(), by=by))

    @rule(pick=st.integers(0, 9), who=st.integers(0, 3), outcome=st.sampled_from(["upheld", "reversed", "adjusted"]))
    def decide(self, pick: int, who: int, outcome: str) -> None:
        row, by = self.an_appeal(pick), [*self.staff, self.owner][who]
        fits = self.may_decide(row, by) and row is not None and row.claimed_by in (None, by)
        fits = fits and row is not None and outcome in rules.outcomes(row.against)
        stood = decisions.of(row) if row is not None else None
        made = self.attempt(
            bool(fits),
            lambda: commands.decide(
                appeal_id=row.id if row else uuid4(), outcome=outcome, answer="As we found", note="", by=by
            ),
        )
        if made is None:
            return
        self.decided += 1
        after = decisions.of(made)
        assert after is not None
        assert stood is not None
        assert after.stands == (stood.stands and outcome == "upheld")

    @rule(who=who)
    def let_go(self, who: int) -> None:
        hold = Hold.objects.filter(entity_id=self.campaign, lifted_at=None).first()
        by = str(self.staff[who])
        self.attempt(
            hold is not None, lambda: holds.lift_hold(hold_id=hold.id if hold else uuid4(), reason="Settled", by=by)
        )

    @rule(days=st.sampled_from([1, 6]))
    def the_clock_runs(self, days: int) -> None:
        self.days_pass(days)

    # -- what must hold ------------------------------------------------------------------------------------------------

    @invariant()
    def nobody_decides_about_what_they_decided(self) -> None:
        if not hasattr(self, "campaign"):
            return
        rows = list(Appeal.objects.filter(entity_id=self.campaign))
        same = [(row.against, row.target_id) for row in rows]
        assert len(same) == len(set(same)), "one decision is appealed against once"
        for row in rows:
            assert row.decided_by not in (self.owner, *row.not_by)
            assert (row.state == "open") == (row.decided_by is None)
        assert len(told("appeal.filed", entity_id=self.campaign)) == self.filed
        assert len(told("appeal.decided", entity_id=self.campaign)) == self.decided

    @invariant()
    def holds_are_placed_and_lifted_once(self) -> None:
        if not hasattr(self, "campaign"):
            return
        rows = list(Hold.objects.filter(entity_id=self.campaign))
        assert sum(row.lifted_at is None for row in rows) <= 1
        for row in rows:
            lifted = int(row.lifted_at is not None)
            assert (len(told("hold.placed", hold_id=row.id)), len(told("hold.lifted", hold_id=row.id))) == (1, lifted)
            known = Fact.objects.filter(subject_id=self.campaign, data__hold_id=str(row.id))
            assert sorted(known.values_list("type", flat=True)) == ["hold.lifted", "hold.placed"][1 - lifted :]


@pytest.mark.django_db
def test_whatever_is_appealed_against_somebody_else_decides_once(moved_clock: Any) -> None:
    run(Appeals, moved_clock, examples=10, steps=20)
