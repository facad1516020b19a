"""Telling the plan of a past by the commands that everybody uses, each at its time."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

from bh_sdk.server.access.models import demo_sub
from trust_svc.appeals import commands as appeals
from trust_svc.cases import commands as cases
from trust_svc.cases import gathering
from trust_svc.cases import queries as casework
from trust_svc.cases.rules import Verdict
from trust_svc.evidence import commands as evidence
from trust_svc.insights.management.past import DAYS, Blame, Campaign, organiser
from trust_svc.overrides import commands as overrides
from trust_svc.overrides.rules import Wish
from trust_svc.reports import commands as reports
from trust_svc.reports import queries as reported
from trust_svc.scoring import commands as scoring
from trust_svc.verification import commands as verification

ANA, ABEL = demo_sub("analyst"), demo_sub("analyst2")
DAY = timedelta(days=1)
# That often the platform told what it knew, and every score was calculated.
STEP = 5 * DAY
PAPER = b64encode(b"%PDF-1.7 made up for the demo %%EOF").decode()
REPORTED = "The update shows pictures that I have seen elsewhere."
NOTES = {
    "confirmed": "The pictures are of another appeal, and nobody at the place named knows of it.",
    "valuable": "Honest, but the words promised more than was planned; they have been corrected.",
    "false": "The organiser showed receipts and a letter of the parish. Nothing is wrong here.",
}
STATEMENT = "We sent the receipts of everything that was bought. Please look at them once more."
# How the appeals of these campaigns' organisers end.
APPEALED = {1: "upheld", 4: "reversed", 10: "adjusted", 13: "upheld", 22: "upheld"}


class Deed(NamedTuple):
    """Something that somebody did, at its time."""

    at: datetime
    do: Callable[[], object]


class Teller:
    """Tells a plan that ends today. `made` are the ids of what later deeds are about."""

    def __init__(self, plan: Sequence[Campaign], today: datetime) -> None:
        self.plan, self.today = plan, today
        self.made: dict[str, UUID] = {}

    def tell(self, go_to: Callable[[datetime], None]) -> None:
        """Walk through time. `go_to` moves the clock."""
        for deed in sorted(self._deeds(), key=lambda each: each.at):
            go_to(deed.at)
            deed.do()

    def _deeds(self) -> Iterator[Deed]:
        for campaign in self.plan:
            yield Deed(campaign.created, partial(_describe, campaign))
            if campaign.blame is not None:
                yield from self._case(campaign, campaign.blame)
        yield from self._verifications()
        yield from self._overrides()
        steps = [self.today - number * STEP for number in range(DAYS * DAY // STEP, -1, -1)]
        for before, now in pairwise([self.today - 9999 * DAY, *steps]):
            yield Deed(now, partial(self._settle, before, now))

    def _settle(self, before: datetime, now: datetime) -> None:
        """What became known since, and everybody's score; and what has run out ends."""
        facts = [fact for each in self.plan for fact in each.facts if before < fact.time <= now]
        evidence.take_in(facts=facts, source="monolith")
        overrides.expire_due()
        born = [each for each in self.plan if each.created <= now]
        scoring.rescore_all({("campaign", each.id) for each in born} | {("user", each.owner) for each in born})
        for each in born:
            # A score that a decision let fall belongs to the case that was decided.
            if each.blame is not None and before < each.blame.decided_at <= now:
                gathering.look("campaign", each.id, now)

    # -- campaigns -----------------------------------------------------------------------------------------------------

    def _case(self, campaign: Campaign, blame: Blame) -> Iterator[Deed]:
        for place, reporter in enumerate(blame.by):
            yield Deed(blame.at + place * timedelta(minutes=40), partial(_report, campaign, blame, reporter))
        last = blame.at + len(blame.by) * timedelta(minutes=40)
        yield Deed(last, partial(gathering.look, "campaign", campaign.id, last))
        decided = blame.decided_at
        by, other = (ABEL, ANA) if campaign.number % 3 == 0 else (ANA, ABEL)
        yield Deed(decided, partial(_decide, campaign, blame, by))
        if campaign.number in APPEALED and decided + 5 * DAY < self.today:
            yield Deed(decided + 1 * DAY, partial(self._appeal, campaign))
            yield Deed(decided + 4 * DAY, partial(self._answer, campaign, APPEALED[campaign.number], other))

    def _appeal(self, campaign: Campaign) -> None:
        row = appeals.file_appeal(
            entity_kind="campaign",
            entity_id=campaign.id,
            against="case",
            decision_id=None,
            statement=STATEMENT,
            evidence_urls=[],
            by=campaign.owner,
        )
        self.made[f"appeal/{campaign.number}"] = row.id

    def _answer(self, campaign: Campaign, outcome: str, by: UUID) -> None:
        words = "The receipts are of another year." if outcome == "upheld" else "The receipts show it. We are sorry."
        appeals.decide(appeal_id=self.made[f"appeal/{campaign.number}"], outcome=outcome, answer=words, note="", by=by)

    # -- people --------------------------------------------------------------------------------------------------------

    def _verifications(self) -> Iterator[Deed]:
        """Requests in every state that has an end; open ones come through the public door."""
        back = "The parish told us that it withdrew its word."
        yield from self._request(3, "registry", 40, partial(verification.grant, by=ANA))
        yield from self._request(5, "beneficiary", 31, partial(_refuse, reason="mismatch", by=ABEL))
        yield from self._request(7, "endorsement", 26, partial(verification.grant, by=ABEL))
        revoke = partial(self._with_request, 7, partial(verification.revoke, message=back, by=ANA))
        yield Deed(self.today - 9 * DAY, revoke)
        ends = self.today + 12 * DAY
        yield from self._request(12, "registry", 20, partial(verification.grant, by=ANA, expires_at=ends))
        yield from self._request(14, "endorsement", 15, partial(verification.withdraw, by=organiser(14)))
        yield from self._request(16, "beneficiary", 6, partial(_refuse, reason="unreadable", by=ANA))

    def _request(self, number: int, item: str, ago: int, end: Callable[..., object]) -> Iterator[Deed]:
        asked = self.today - ago * DAY
        yield Deed(asked, partial(self._ask, number, item))
        yield Deed(asked + 1.5 * DAY, partial(self._with_request, number, end))

    def _ask(self, number: int, item: str) -> None:
        by = organiser(number)
        row = verification.ask(item=item, entity_kind=None, entity_id=None, note=None, shown=[PAPER], by=by)
        self.made[f"request/{number}"] = row.id

    def _with_request(self, number: int, do: Callable[..., object]) -> None:
        do(request_id=self.made[f"request/{number}"])

    # -- scores --------------------------------------------------------------------------------------------------------

    def _overrides(self) -> Iterator[Deed]:
        """One that ran out, one in force, one that waits for a second person."""
        quiet = [each for each in self.plan if each.blame is None]
        old, held, asked = quiet[0], quiet[-1], quiet[-2]
        yield Deed(
            self.today - 30 * DAY,
            partial(
                _set, old, 8.0, "missing_evidence", "Their first year was on paper; the parish vouches for it.", 14
            ),
        )
        yield Deed(
            self.today - 5 * DAY,
            partial(_set, held, -12.0, "investigation", "We wait for the answer of the bank about two gifts.", 30),
        )
        yield Deed(
            self.today - 1 * DAY,
            partial(_set, asked, -35.0, "harm", "The police asks us to keep donors away until it has looked.", 30),
        )


def _describe(campaign: Campaign) -> None:
    evidence.describe_campaign(
        campaign_id=campaign.id,
        title=campaign.title,
        owner_id=campaign.owner,
        currency=campaign.currency,
        category=campaign.category,
    )


def _report(campaign: Campaign, blame: Blame, reporter: UUID) -> None:
    reports.file_report(
        entity_kind="campaign",
        entity_id=campaign.id,
        kind=blame.kind,
        description=REPORTED,
        evidence_urls=[],
        by=reporter,
    )


def _decide(campaign: Campaign, blame: Blame, by: UUID) -> None:
    case = casework.open_case("campaign", campaign.id)
    if case is None:
        raise LookupError(f"no report opened a case about {campaign.title}")
    verdict: Verdict = "upheld" if blame.outcome == "confirmed" else "dismissed"
    cases.decide(
        case_id=case.id,
        outcome=blame.outcome,
        verdicts={report.id: verdict for report in reported.open_about("campaign", campaign.id)},
        stop=False,
        note=NOTES[blame.outcome],
        by=by,
    )


def _refuse(*, request_id: UUID, reason: str, by: UUID) -> None:
    message = "Please send another picture, by daylight." if reason == "unreadable" else "The name is another one."
    verification.refuse(request_id=request_id, reason=reason, message=message, by=by)


def _set(campaign: Campaign, points: float, reason: str, note: str, days: int) -> None:
    score = scoring.rescore(kind="campaign", entity_id=campaign.id)
    overrides.ask_override(
        entity_kind="campaign",
        entity_id=campaign.id,
        wish=Wish("score", value=max(0.0, min(100.0, score.score + points))),
        reason=reason,
        note=note,
        days=days,
        by=ANA,
    )
