from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse

from bh_sdk.errors import Invalid, NotFound
from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Cursor, Limit, Page, Router, Status, json_bytes, keyset_page
from bh_sdk.server.api.kept import Shelf
from bh_sdk.wire.trust import Calculate, Factors, Score, ScorePoint
from bh_sdk.wire.trust import Job as JobAnswer
from trust_svc.evidence import queries as evidence
from trust_svc.scoring import commands, queries, views
from trust_svc.scoring.models import Job

router = Router(tags=["scores"])

# A trigger on the table of scores tells whose row moved.
SCORES = Shelf("scores", below="/api/v1/trust/", noun="score", verb="read")

CAMPAIGN, USER = "campaign", "user"
# Unknown ids that one answer names.
NAMED = 20


@router.get("/campaign/{uuid:campaign_id}", auth=may("score", "read"), response=Score)
def campaign_score(request: Call, campaign_id: UUID) -> HttpResponse:
    """The score of a campaign, with the parts it is made of. Answers 304 to an ETag that still holds."""
    return _score(request, CAMPAIGN, campaign_id)


@router.get("/user/{uuid:user_id}", auth=may("score", "read"), response=Score)
def user_score(request: Call, user_id: UUID) -> HttpResponse:
    """The score of a person. Answers 304 to an ETag that still holds."""
    return _score(request, USER, user_id)


@router.get("/factors/{uuid:entity_id}", auth=may("score", "read"), response=Factors)
def score_factors(request: Call, entity_id: UUID) -> Factors:
    """How the score of a campaign or person comes about; its owner and staff also see the evidence behind it."""
    kind = _kind(entity_id)
    staff = _is_staff(request, kind, entity_id)
    inside = _may_see_inside(request, kind, entity_id)
    return Factors(
        score=views.score(kind, entity_id, caller=request.auth.id, staff=staff),
        evidence=views.evidence_lines(kind, entity_id, staff=staff) if inside else None,
    )


@router.get("/history/{uuid:entity_id}", auth=may("history", "read"), response=Page[ScorePoint])
def score_history(request: Call, entity_id: UUID, limit: Limit = 20, cursor: Cursor = None) -> Page[ScorePoint]:
    """What a score was, newest first: for its owner and for staff."""
    kind = _kind(entity_id)
    if not _may_see_inside(request, kind, entity_id):
        raise NotFound()
    order = ("-calculated_at", "-id")
    staff = _is_staff(request, kind, entity_id)
    points = queries.history(kind, entity_id, staff=staff)
    page = keyset_page(points, request=request, cursor=cursor, limit=limit, order=order)
    results = [views.point(each, staff=staff) for each in page.results]
    return Page[ScorePoint](results=results, next=page.next, previous=page.previous)


@router.post("/calculate", auth=may("score", "calculate"), response={200: Score, 202: JobAnswer})
def calculate(request: Call, body: Calculate) -> Status[Score] | Status[JobAnswer]:
    """Calculate one score now (200), or many, or all there are, as a job (202)."""
    if body.entity is not None and body.entities is not None:
        raise Invalid(errors=[{"pointer": "#/entities", "message": "name one entity or many, not both"}])
    if body.entity is not None:
        if not evidence.is_known(body.entity.kind, body.entity.id):
            raise NotFound()
        commands.rescore(kind=body.entity.kind, entity_id=body.entity.id)
        return Status(200, views.score(body.entity.kind, body.entity.id, caller=request.auth.id, staff=True))
    entities = None if body.entities is None else [(each.kind, each.id) for each in body.entities]
    if entities is not None and (unknown := evidence.unknown_among(entities)):
        raise NotFound(
            f"Nothing is known of {len(unknown)} of these", unknown=[str(each) for _, each in unknown[:NAMED]]
        )
    return Status(202, _progress(commands.open_job(entities=entities, by=request.auth.id)))


@router.get("/jobs/{uuid:job_id}", auth=may("job", "read"), response=JobAnswer)
def calculation_job(request: Call, job_id: UUID) -> JobAnswer:
    """How far a calculation of many scores is."""
    return _progress(Job.objects.get(id=job_id))


def _score(request: Call, kind: str, entity_id: UUID) -> HttpResponse:
    def compute() -> tuple[HttpResponse, bool]:
        staff = request.auth.may("score", "read_any")
        body, stored = views.score_json(kind, entity_id, caller=request.auth.id, staff=staff)
        response = json_bytes(body)
        # The same address answers its owner more than others.
        response["Vary"] = "Authorization"
        response["Cache-Control"] = "no-cache"
        return response, stored

    return SCORES.answer(request, compute)


def _kind(entity_id: UUID) -> str:
    """Ids are unique across campaigns and people. Raises NotFound for an id of which nothing is known."""
    for kind in (CAMPAIGN, USER):
        if evidence.is_known(kind, entity_id):
            return kind
    raise NotFound()


def _is_staff(request: Call, kind: str, entity_id: UUID) -> bool:
    """Whether the caller sees more than an owner does. Of a score of their own, nobody does."""
    return request.auth.may("score", "read_any") and str(evidence.owner_of(kind, entity_id)) != request.auth.id


def _may_see_inside(request: Call, kind: str, entity_id: UUID) -> bool:
    if request.auth.may("score", "read_any"):
        return True
    return request.auth.kind == "user" and str(evidence.owner_of(kind, entity_id)) == request.auth.id


def _progress(job: Job) -> JobAnswer:
    status, done = queries.progress(job)
    return JobAnswer.model_validate({"job_id": job.id, "status": status, "done": done, "total": job.total})
