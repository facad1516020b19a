"""The trust service in memory. Scores are what a test says they are; nothing is computed from evidence.

Imitated: scores whose contributions sum exactly, unrated entities, one open report per person and entity, evidence that
may be repeated, jobs that are done at once, requests to be verified and appeals that wait. Not imitated: scoring, caps,
trends, decisions of staff.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from bh_sdk.clients.trust import AsyncTrust, Trust
from bh_sdk.errors import EvidenceConflict, Invalid, NotFound, ReportAlreadyOpen
from bh_sdk.events import EntityKind, Tier
from bh_sdk.testing.reviews import Appeals, Verifications
from bh_sdk.testing.world import Asked, Caller, Route, World, no_wait
from bh_sdk.wire import trust as wire
from bh_sdk.wire.base import Page

BASE = "/api/v1/trust"
WEIGHTS: dict[wire.FactorName, Decimal] = {
    "completion": Decimal("0.25"),
    "updates": Decimal("0.15"),
    "engagement": Decimal("0.15"),
    "verification": Decimal("0.20"),
    "history": Decimal("0.25"),
}
EDGES: list[tuple[int, Tier]] = [(90, "STAR"), (75, "TRUSTED"), (50, "STEADY"), (25, "RISING"), (0, "NEW")]


class TrustWorld(World):
    """All scores, reports and evidence."""

    service = "trust"

    def __init__(self) -> None:
        self.scores: dict[tuple[EntityKind, UUID], wire.Score] = {}
        self.points: dict[UUID, list[wire.ScorePoint]] = {}
        self.reports: dict[tuple[UUID, UUID], wire.Report] = {}
        self.evidence: dict[UUID, wire.EvidenceFact] = {}
        self.campaigns: dict[UUID, wire.Campaign] = {}
        self.jobs: dict[UUID, wire.Job] = {}
        self.verifications = Verifications(self)
        self.appeals = Appeals(self)
        super().__init__()

    def set_score(self, kind: EntityKind, entity_id: UUID, factors: dict[wire.FactorName, str]) -> wire.Score:
        """Give an entity a score: each factor's value in [0, 1] as a decimal string; absent ones are 0."""
        parts = [
            (name, Decimal(factors.get(name, "0")), weight, (100 * weight * Decimal(factors.get(name, "0"))))
            for name, weight in WEIGHTS.items()
        ]
        total = sum((part[3] for part in parts), Decimal())
        tier: Tier = next(tier for edge, tier in EDGES if total >= edge)
        score = wire.Score(
            entity_kind=kind,
            entity_id=entity_id,
            score=float(total),
            rated=True,
            tier=tier,
            confidence=1.0,
            factors=[
                wire.Factor(name=name, value=float(value), weight=float(weight), contribution=float(points))
                for name, value, weight, points in parts
            ],
            cap_adjustment=0.0,
            trend=None,
            override=None,
            reasons=[],
            calculated_at=self.now(),
        )
        self.scores[kind, entity_id] = score
        point = wire.ScorePoint(score=float(total), tier=tier, rated=True, calculated_at=score.calculated_at)
        self.points.setdefault(entity_id, []).insert(0, point)
        return score

    def routes(self) -> Sequence[tuple[str, str, Route, bool]]:
        return [
            ("GET", f"{BASE}/campaign/{{}}", lambda asked: self._score("campaign", asked.ids[0]), False),
            ("GET", f"{BASE}/user/{{}}", lambda asked: self._score("user", asked.ids[0]), False),
            ("GET", f"{BASE}/factors/{{}}", self._factors, False),
            ("GET", f"{BASE}/history/{{}}", self._history, False),
            ("POST", f"{BASE}/calculate", self._calculate, False),
            ("GET", f"{BASE}/jobs/{{}}", self._job, False),
            ("POST", f"{BASE}/report", self._report, False),
            ("POST", f"{BASE}/evidence", self._evidence, False),
            ("PUT", f"{BASE}/campaigns/{{}}", self._describe, False),
            *self.verifications.routes(),
            *self.appeals.routes(),
        ]

    def _score(self, kind: EntityKind, entity_id: UUID) -> wire.Score:
        known = self.scores.get((kind, entity_id))
        return known or wire.Score(
            entity_kind=kind,
            entity_id=entity_id,
            score=None,
            rated=False,
            tier=None,
            confidence=0.0,
            factors=[],
            cap_adjustment=0.0,
            trend=None,
            override=None,
            reasons=[],
            calculated_at=self.now(),
        )

    def _factors(self, asked: Asked) -> wire.Factors:
        entity_id = asked.ids[0]
        kind: EntityKind = "user" if ("user", entity_id) in self.scores else "campaign"
        return wire.Factors(score=self._score(kind, entity_id))

    def _history(self, asked: Asked) -> Page[wire.ScorePoint]:
        asked.caller.user() if asked.caller.service is None else asked.caller.needs_service()
        return self.page(self.points.get(asked.ids[0], []), asked, f"{BASE}/history/{asked.ids[0]}")

    def _calculate(self, asked: Asked) -> wire.Score | tuple[int, wire.Job]:
        asked.caller.needs_service()
        body = asked.read(wire.Calculate)
        if body.entity is not None and body.entities is not None:
            raise Invalid(errors=[{"pointer": "#/entities", "message": "one entity or many, not both"}])
        if body.entity is not None:
            return self._score(body.entity.kind, body.entity.id)
        total = len(self.scores) if body.entities is None else len(body.entities)
        job = wire.Job(job_id=uuid.uuid4(), status="done", done=total, total=total)
        self.jobs[job.job_id] = job
        return 202, job

    def _job(self, asked: Asked) -> wire.Job:
        if asked.ids[0] not in self.jobs:
            raise NotFound
        return self.jobs[asked.ids[0]]

    def _report(self, asked: Asked) -> tuple[int, wire.Report]:
        body, reporter = asked.read(wire.FileReport), asked.caller.user()
        slot = (reporter, body.entity_id)
        if slot in self.reports:
            raise ReportAlreadyOpen(report_id=str(self.reports[slot].report_id))
        self.reports[slot] = wire.Report(
            report_id=uuid.uuid4(),
            entity_type=body.entity_type,
            entity_id=body.entity_id,
            kind=body.kind,
            status="open",
            created_at=self.now(),
        )
        return 201, self.reports[slot]

    def _evidence(self, asked: Asked) -> tuple[int, wire.EvidenceAccepted]:
        asked.caller.needs_service()
        body = json.loads(asked.body)
        facts = [
            replace(asked, body=json.dumps(fact).encode()).read(wire.EvidenceFact) for fact in body.get("facts", [body])
        ]
        fresh: dict[UUID, wire.EvidenceFact] = {}
        for fact in facts:
            known = self.evidence.get(fact.id) or fresh.setdefault(fact.id, fact)
            if known != fact:
                raise EvidenceConflict(ids=[str(fact.id)])
        self.evidence |= fresh
        return 202, wire.EvidenceAccepted(accepted=len(fresh), repeated=len(facts) - len(fresh))

    def _describe(self, asked: Asked) -> wire.Campaign:
        asked.caller.needs_service()
        campaign = wire.Campaign(campaign_id=asked.ids[0], **asked.read(wire.DescribeCampaign).model_dump())
        self.campaigns[campaign.campaign_id] = campaign
        return campaign


class FakeTrust(Trust):
    """`Trust` without a network, called as `as_user`, `as_service` or a guest, in a world of its own or a shared one."""

    def __init__(
        self, *, as_user: UUID | None = None, as_service: str | None = None, world: TrustWorld | None = None
    ) -> None:
        self.world = world or TrustWorld()
        caller = Caller(as_user, as_service)
        super().__init__("http://trust.test", transport=self.world.transport(caller), sleep=lambda _: None)


class AsyncFakeTrust(AsyncTrust):
    """`AsyncTrust` without a network."""

    def __init__(
        self, *, as_user: UUID | None = None, as_service: str | None = None, world: TrustWorld | None = None
    ) -> None:
        self.world = world or TrustWorld()
        caller = Caller(as_user, as_service)
        super().__init__("http://trust.test", transport=self.world.transport(caller), sleep=no_wait)
