"""Trust on the wire: `/api/v1/trust/…`. Scores and their parts are JSON numbers.

Points are multiples of 1/1024, which are exact in binary and in decimal: sums hold in whichever arithmetic one adds.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from bh_sdk.events import EntityKind, Tier
from bh_sdk.wire.base import Answer, Ask, CurrencyCode, Id, Line, Slug, Text, Time

FactorName = Literal["completion", "updates", "engagement", "verification", "history"]
ReportStatus = Literal["open", "upheld", "dismissed"]
ReportKind = Literal["fraud", "spam", "inappropriate", "misleading", "other"]
EvidenceType = Literal[
    "user.joined",
    "verification.granted",
    "verification.revoked",
    "campaign.created",
    "campaign.progress",
    "campaign.update_posted",
    "campaign.question_asked",
    "campaign.question_answered",
    "campaign.milestone",
    "campaign.ended",
    "payment.succeeded",
    "payment.refunded",
    "payment.refund_reversed",
    "payment.disputed",
    "report.filed",
    "report.decided",
    "case.decided",
]
# What only trust itself records.
HouseEvidenceType = Literal["hold.placed", "hold.lifted", "score.imported"]
BadgeCode = Literal["identity_verified", "bank_verified", "registry_verified", "steady_updates", "delivered_before"]
EvidenceUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s<>\"]{3,2000}$")]


class Factor(Answer):
    """`value` in [0, 1], `weight` its share, `contribution` the points it gives; contributions and the cap sum to the score."""

    name: FactorName
    value: float
    weight: float
    contribution: float


class Reason(Answer):
    """One thing that costs points, with what would help."""

    code: str
    factor: FactorName | None
    points: float = Field(description="Points that are missing because of this")
    text: str
    help: str
    gain: float | None = Field(
        None, description="Points that the score would win if this were repaired and nothing else"
    )


class Overridden(Answer):
    """Staff set this score by hand for a time; what is calculated goes on underneath."""

    until: datetime


class Badge(Answer):
    """A short public fact, exactly so when the score was calculated."""

    code: BadgeCode
    text: str


class Score(Answer):
    """Σ contribution + cap_adjustment = score, exactly. An entity with thin evidence has `rated: false`, and then no score."""

    entity_kind: EntityKind
    entity_id: UUID
    score: float | None
    rated: bool
    tier: Tier | None
    confidence: float
    factors: list[Factor]
    cap_adjustment: float = Field(description="What a cap takes, or what staff set by hand adds or takes")
    trend: float | None = Field(None, description="Points gained or lost in the last 30 days")
    reasons: list[Reason]
    badges: list[Badge] = Field(default_factory=list)
    override: Overridden | None = Field(None, description="For its owner and staff alone")
    calculated_at: datetime


class Subject(Ask):
    kind: EntityKind
    id: Id


class EvidenceFact(Ask):
    """One fact of the evidence contract. `id` makes repeats harmless; order does not matter."""

    id: Id
    type: EvidenceType
    time: Time
    subject: Subject
    data: dict[str, Any] = Field(default_factory=dict, description="Depends on the type, see docs")


class EvidenceFacts(Ask):
    """Many facts at once: all are taken or none."""

    facts: Annotated[list[EvidenceFact], Field(min_length=1, max_length=1_000)]


class EvidenceAccepted(Answer):
    accepted: int
    repeated: int


class Calculate(Ask):
    """One entity now, or many as a job: leave both out to recalculate everything."""

    entity: Subject | None = None
    entities: Annotated[list[Subject], Field(min_length=1, max_length=10_000)] | None = None


class Job(Answer):
    job_id: UUID
    status: Literal["queued", "running", "done"]
    done: int
    total: int


class FileReport(Ask):
    entity_type: EntityKind
    entity_id: Id
    kind: ReportKind
    description: Annotated[Text, StringConstraints(min_length=10, max_length=5000)]
    evidence_urls: Annotated[list[EvidenceUrl], Field(max_length=10)] = Field(default_factory=list)


class Report(Answer):
    report_id: UUID
    entity_type: EntityKind
    entity_id: UUID
    kind: ReportKind
    status: ReportStatus
    created_at: datetime


class FiledReport(Report):
    """A report as staff list it: never who filed it, nor in which words."""

    decided_at: datetime | None


class ScorePoint(Answer):
    """What a score was. `version` names the parameter set that it was calculated with; an `override` is what staff set by
    hand, `legacy` what the system before this one said."""

    score: float
    tier: Tier
    rated: bool
    source: Literal["calculated", "override", "legacy"] = "calculated"
    version: int | None = None
    calculated_at: datetime


class DescribeCampaign(Ask):
    """What trust must know of a campaign; payments hands it on."""

    title: Line
    owner_id: Id
    currency: CurrencyCode
    category: Slug | None = None


class Campaign(Answer):
    campaign_id: UUID
    title: str
    owner_id: UUID
    currency: str
    category: str | None


class Factors(Answer):
    """How a score comes about. `evidence` is shown to its owner and to staff only."""

    score: Score
    evidence: list[EvidenceLine] | None = None


class EvidenceLine(Answer):
    """What happened, and what it did: never who gave or who reported. The time of a report is the beginning of its day."""

    type: EvidenceType | HouseEvidenceType
    time: datetime
    source: str
    text: str = ""
    about: Literal["itself", "organiser"] = "itself"
    factor: FactorName | None = Field(None, description="The factor that it feeds; null when it feeds none")
    effect: Literal["raises", "lowers", "waits", "ends"] | None = Field(
        None, description="Which way it moves that factor, or the cap; `ends` takes an earlier line back"
    )


Factors.model_rebuild()
