from __future__ import annotations

from uuid import UUID

from bh_sdk.errors import Invalid
from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Router, Status
from bh_sdk.server.ops import clock
from bh_sdk.wire.trust import Campaign as CampaignAnswer
from bh_sdk.wire.trust import DescribeCampaign, EvidenceAccepted, EvidenceFact, EvidenceFacts
from trust_svc.evidence import commands
from trust_svc.evidence.rules import NewFact, clean, problems

router = Router(tags=["evidence"])

# Wrong facts that one answer names.
NAMED = 20


@router.post("/evidence", auth=may("evidence", "record"), response={200: EvidenceAccepted})
def record_evidence(request: Call, body: EvidenceFact | EvidenceFacts) -> commands.Taken:
    """Tell one fact, or up to 1,000 as `{"facts": […]}`: all are taken or none. Order and repetition do not matter.

    409 `evidence_conflict` when an id was told before and said something else: `ids` names them, and of many facts `facts`
    says how each stands. Nothing is kept then.
    """
    many = isinstance(body, EvidenceFacts)
    facts = body.facts if isinstance(body, EvidenceFacts) else [body]
    return commands.take_in(facts=_read(facts, within="/facts/{}" if many else ""), source=request.auth.id)


@router.put(
    "/campaigns/{uuid:campaign_id}",
    auth=may("campaign", "describe"),
    response={200: CampaignAnswer, 201: CampaignAnswer},
)
def describe_campaign(request: Call, campaign_id: UUID, body: DescribeCampaign) -> Status[CampaignAnswer]:
    """Say what a campaign is and whose it is. 201 when trust had not heard of it from anybody."""
    campaign, new = commands.describe_campaign(campaign_id=campaign_id, **body.model_dump())
    answer = CampaignAnswer(
        campaign_id=campaign.id,
        title=campaign.title,
        owner_id=body.owner_id,
        currency=campaign.currency,
        category=campaign.category or None,
    )
    return Status(201 if new else 200, answer)


def _read(facts: list[EvidenceFact], *, within: str) -> list[NewFact]:
    """The facts, each checked against what its type may say. Raises Invalid with a pointer to every wrong place."""
    now = clock.now()
    wrong: list[dict[str, str]] = []
    good: list[NewFact] = []
    for at, fact in enumerate(facts):
        kind = fact.subject.kind
        found = problems(type=fact.type, kind=kind, time=fact.time, data=fact.data, now=now)
        if found:
            wrong += [each | {"pointer": "#" + within.format(at) + each["pointer"]} for each in found]
        else:
            good.append(NewFact(fact.id, fact.type, fact.time, kind, fact.subject.id, clean(fact.type, fact.data)))
    if wrong:
        raise Invalid(errors=wrong[:NAMED])
    return good
