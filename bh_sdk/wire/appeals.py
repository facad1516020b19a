"""Appeals on the wire: `/api/v1/trust/appeal…`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from bh_sdk.events import EntityKind
from bh_sdk.wire.base import Answer, Ask, Id, Text, worded
from bh_sdk.wire.trust import EvidenceUrl

AppealAgainst = Literal["score", "report", "case", "override", "hold", "verification"]
AppealStatus = Literal["open", "upheld", "adjusted", "reversed"]


class FileAppeal(Ask):
    """Ask that a decision about oneself, or about a campaign of one's own, be looked at by somebody else."""

    entity_type: EntityKind | None = Field(None, description="Absent, as `entity_id`: the caller")
    entity_id: Id | None = None
    against: AppealAgainst = Field(description="A report is appealed against as the case in which it was upheld")
    decision_id: Id | None = Field(
        None,
        description="Which one: a verification's `verification_id`, or the id of a hold, override or case. "
        "Needed for verifications alone; absent is what stands at present",
    )
    statement: Annotated[Text, StringConstraints(min_length=20, max_length=5000), worded(20)]
    evidence_urls: Annotated[list[EvidenceUrl], Field(max_length=10)] = Field(default_factory=list)


class Appeal(Answer):
    """An appeal as the one who filed it sees it. `upheld`: the decision stands; `adjusted`, `reversed`: it was changed."""

    appeal_id: UUID
    entity_type: EntityKind
    entity_id: UUID
    against: AppealAgainst
    status: AppealStatus
    filed_at: datetime
    due_at: datetime = Field(description="Somebody else decides until then: five working days")
    decided_at: datetime | None
    answer: str | None = Field(description="What was decided, and why")
