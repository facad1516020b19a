"""Trust: scores, what they are made of, reports and evidence."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from bh_sdk.clients.appeals import appeal, appeals, file_appeal
from bh_sdk.clients.base import adoes, aeach, does, each
from bh_sdk.clients.call import Call, Ident, answer, ask, ident, json_bytes, query, written
from bh_sdk.clients.feed import AsyncServiceClient, ServiceClient
from bh_sdk.clients.verification import (
    add_verification_document,
    request_verification,
    verification,
    verifications,
    withdraw_verification,
)
from bh_sdk.errors import Invalid
from bh_sdk.events import EntityKind
from bh_sdk.wire.base import Page
from bh_sdk.wire.trust import (
    Calculate,
    Campaign,
    DescribeCampaign,
    EvidenceAccepted,
    EvidenceFact,
    Factors,
    FiledReport,
    FileReport,
    Job,
    Report,
    ReportKind,
    ReportStatus,
    Score,
    ScorePoint,
)

BASE = "/api/v1/trust"
MAX_FACTS = 1000


def campaign(campaign_id: Ident, *, timeout: float | None = None) -> Call[Score]:
    """The trust score of a campaign. Public. With thin evidence `rated` is False and there is no score."""
    path = f"{BASE}/campaign/{ident(campaign_id, 'campaign_id')}"
    return Call("trust.campaign", "GET", path, answer(Score), timeout=timeout)


def user(user_id: Ident, *, timeout: float | None = None) -> Call[Score]:
    """The trust score of a user. Public."""
    path = f"{BASE}/user/{ident(user_id, 'user_id')}"
    return Call("trust.user", "GET", path, answer(Score), timeout=timeout)


def factors(entity_id: Ident, *, timeout: float | None = None) -> Call[Factors]:
    """How a score comes about; its owner and staff also see the evidence."""
    path = f"{BASE}/factors/{ident(entity_id, 'entity_id')}"
    return Call("trust.factors", "GET", path, answer(Factors), timeout=timeout)


def history(
    entity_id: Ident, *, limit: int = 50, cursor: str | None = None, timeout: float | None = None
) -> Call[Page[ScorePoint]]:
    """Earlier scores, newest first. For the owner and staff."""
    path = f"{BASE}/history/{ident(entity_id, 'entity_id')}"
    return Call(
        "trust.history", "GET", path, answer(Page[ScorePoint]), query(limit=limit, cursor=cursor), timeout=timeout
    )


def calculate(
    kind: EntityKind,
    entity_id: Ident,
    *,
    idempotency_key: UUID | None = None,
    timeout: float | None = None,
) -> Call[Score]:
    """Score one entity now."""
    body = ask(Calculate, entity={"kind": kind, "id": entity_id})
    return Call(
        "trust.calculate",
        "POST",
        f"{BASE}/calculate",
        answer(Score),
        body=body,
        key=idempotency_key or uuid4(),
        timeout=timeout,
    )


def calculate_many(
    entities: Sequence[tuple[EntityKind, Ident]] | None = None,
    *,
    idempotency_key: UUID | None = None,
    timeout: float | None = None,
) -> Call[Job]:
    """Score many entities (all of them when none are named) as a job; follow it with `job()`."""
    named = None if entities is None else [{"kind": kind, "id": entity_id} for kind, entity_id in entities]
    return Call(
        "trust.calculate_many",
        "POST",
        f"{BASE}/calculate",
        answer(Job),
        body=ask(Calculate, entities=named),
        key=idempotency_key or uuid4(),
        timeout=timeout,
    )


def job(job_id: Ident, *, timeout: float | None = None) -> Call[Job]:
    """How far a job has come."""
    return Call("trust.job", "GET", f"{BASE}/jobs/{ident(job_id, 'job_id')}", answer(Job), timeout=timeout)


def report(
    *,
    entity_type: EntityKind,
    entity_id: Ident,
    kind: ReportKind,
    description: str,
    evidence_urls: Sequence[str] = (),
    idempotency_key: UUID | None = None,
    timeout: float | None = None,
) -> Call[Report]:
    """Report a campaign or a user. Raises ReportAlreadyOpen: one open report per reporter and entity."""
    body = ask(
        FileReport,
        entity_type=entity_type,
        entity_id=entity_id,
        kind=kind,
        description=description,
        evidence_urls=list(evidence_urls) or None,
    )
    return Call(
        "trust.report",
        "POST",
        f"{BASE}/report",
        answer(Report),
        body=body,
        key=idempotency_key or uuid4(),
        timeout=timeout,
    )


def reports(
    *,
    entity_type: EntityKind | None = None,
    entity_id: Ident | None = None,
    kind: ReportKind | None = None,
    status: ReportStatus | None = None,
    limit: int = 50,
    cursor: str | None = None,
    timeout: float | None = None,
) -> Call[Page[FiledReport]]:
    """Reports and what came of them, newest first. For staff; who filed one is in none."""
    chosen = {"entity_type": entity_type, "entity_id": None if entity_id is None else str(entity_id)}
    asked = query(limit=limit, cursor=cursor, kind=kind, status=status, **chosen)
    return Call("trust.reports", "GET", f"{BASE}/reports", answer(Page[FiledReport]), asked, timeout=timeout)


def evidence(facts: EvidenceFact | Sequence[EvidenceFact], *, timeout: float | None = None) -> Call[EvidenceAccepted]:
    """Tell trust one fact of the evidence contract, or up to 1,000. Each fact's `id` makes repeats harmless."""
    if isinstance(facts, EvidenceFact):
        body = written(facts)
    elif 0 < len(facts) <= MAX_FACTS:
        body = json_bytes({"facts": [fact.model_dump(exclude_unset=True) for fact in facts]})
    else:
        raise Invalid(errors=[{"pointer": "#/facts", "message": f"between 1 and {MAX_FACTS} facts"}])
    return Call(
        "trust.evidence",
        "POST",
        f"{BASE}/evidence",
        answer(EvidenceAccepted),
        body=body,
        harmless=True,
        timeout=timeout,
    )


def describe_campaign(
    campaign_id: Ident,
    *,
    title: str,
    owner_id: Ident,
    currency: str,
    category: str | None = None,
    timeout: float | None = None,
) -> Call[Campaign]:
    """Tell trust what it must know of a campaign; payments hands it on."""
    body = ask(DescribeCampaign, title=title, owner_id=owner_id, currency=currency, category=category)
    path = f"{BASE}/campaigns/{ident(campaign_id, 'campaign_id')}"
    return Call("trust.describe_campaign", "PUT", path, answer(Campaign), body=body, timeout=timeout)


class Trust(ServiceClient):
    """Blocking client of the trust service."""

    campaign = does(campaign)
    user = does(user)
    factors = does(factors)
    history_page = does(history)
    history = each(history)
    calculate = does(calculate)
    calculate_many = does(calculate_many)
    job = does(job)
    report = does(report)
    reports_page = does(reports)
    reports = each(reports)
    evidence = does(evidence)
    describe_campaign = does(describe_campaign)
    request_verification = does(request_verification)
    add_verification_document = does(add_verification_document)
    verification = does(verification)
    verifications_page = does(verifications)
    verifications = each(verifications)
    withdraw_verification = does(withdraw_verification)
    file_appeal = does(file_appeal)
    appeal = does(appeal)
    appeals_page = does(appeals)
    appeals = each(appeals)


class AsyncTrust(AsyncServiceClient):
    """Awaiting client of the trust service."""

    campaign = adoes(campaign)
    user = adoes(user)
    factors = adoes(factors)
    history_page = adoes(history)
    history = aeach(history)
    calculate = adoes(calculate)
    calculate_many = adoes(calculate_many)
    job = adoes(job)
    report = adoes(report)
    reports_page = adoes(reports)
    reports = aeach(reports)
    evidence = adoes(evidence)
    describe_campaign = adoes(describe_campaign)
    request_verification = adoes(request_verification)
    add_verification_document = adoes(add_verification_document)
    verification = adoes(verification)
    verifications_page = adoes(verifications)
    verifications = aeach(verifications)
    withdraw_verification = adoes(withdraw_verification)
    file_appeal = adoes(file_appeal)
    appeal = adoes(appeal)
    appeals_page = adoes(appeals)
    appeals = aeach(appeals)
