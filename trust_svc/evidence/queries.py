"""Reading evidence. Facts come as plain tuples, because they may be many."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery

from trust_svc.evidence.models import Campaign, Fact, Kind
from trust_svc.evidence.rules import NewFact

# id, type, seconds since 1970, data
PlainFact = tuple[str, str, float, dict[str, Any]]

_FACTS = """
SELECT subject_id, json_agg(json_build_array(id, type, extract(epoch FROM time)::float8, data))::text
  FROM trust_evidence_fact
 WHERE subject_kind = %s AND subject_id = ANY(%s) AND time < coalesce(%s::timestamptz, 'infinity')
 GROUP BY subject_id
"""

_BUT_GIFTS = """
SELECT subject_id, json_agg(json_build_array(id, type, extract(epoch FROM time)::float8, data))::text
  FROM trust_evidence_fact
 WHERE NOT type = 'payment.succeeded' AND subject_kind = 'campaign' AND subject_id = ANY(%s)
 GROUP BY subject_id
"""

# A gift that was returned, or lost in a dispute, proves nothing about the giver.
_GIVEN = """
SELECT person_id, extract(epoch FROM min(time))::float8
  FROM trust_evidence_fact AS gift
 WHERE type = 'payment.succeeded' AND person_id = ANY(%s)
   AND time < coalesce(%s::timestamptz, 'infinity') AND NOT EXISTS (
       SELECT FROM trust_evidence_fact AS back
        WHERE back.type IN ('payment.refunded', 'payment.disputed') AND back.time < coalesce(%s::timestamptz, 'infinity')
          AND back.data->>'payment_id' = gift.data->>'payment_id'
          AND coalesce(back.data->>'stage', 'lost') = 'lost'
          AND NOT (back.type = 'payment.refunded' AND EXISTS (
              SELECT FROM trust_evidence_fact AS again
               WHERE again.type = 'payment.refund_reversed' AND again.data->>'payment_id' = gift.data->>'payment_id'
                 AND (again.time, again.id) > (back.time, back.id))))
 GROUP BY person_id, gift.data->>'payment_id'
"""

_REPORTERS = """
SELECT filed.person_id,
       count(*) FILTER (WHERE decided.outcome = 'upheld'), count(*) FILTER (WHERE decided.outcome = 'dismissed')
  FROM (SELECT DISTINCT person_id, data->>'report_id' AS report_id
          FROM trust_evidence_fact WHERE type = 'report.filed' AND person_id = ANY(%s)) AS filed
  CROSS JOIN LATERAL (
       SELECT data->>'outcome' AS outcome FROM trust_evidence_fact
        WHERE type = 'report.decided' AND data->>'report_id' = filed.report_id
          AND time < coalesce(%s::timestamptz, 'infinity')
        ORDER BY time DESC, id DESC LIMIT 1) AS decided
 GROUP BY filed.person_id
"""

# The last word on everything that was decided; what was valuable was neither bad nor a false alarm.
_DECIDED = """
SELECT id, subject_kind, subject_id, time, outcome = 'confirmed'
  FROM (SELECT DISTINCT ON (subject_kind, subject_id) id, subject_kind, subject_id, time, data->>'outcome' AS outcome
          FROM trust_evidence_fact WHERE type = 'case.decided'
         ORDER BY subject_kind, subject_id, time DESC, id DESC) AS last
 WHERE outcome IN ('confirmed', 'false') AND time >= coalesce(%s::timestamptz, '-infinity') ORDER BY time, id
"""

_VERDICTS = """
SELECT DISTINCT ON (subject_kind, subject_id)
       subject_kind, subject_id, time, data->>'outcome' IN ('confirmed', 'upheld')
  FROM trust_evidence_fact
 WHERE type IN ('case.decided', 'report.decided') AND data->>'outcome' <> 'valuable'
 ORDER BY subject_kind, subject_id, time DESC, id DESC
"""

_REPORTS_DECIDED = """
SELECT filed.person_id, decided.time, decided.upheld
  FROM (SELECT DISTINCT person_id, data->>'report_id' AS report_id
          FROM trust_evidence_fact WHERE type = 'report.filed' AND person_id IS NOT NULL) AS filed
  JOIN (SELECT DISTINCT ON (data->>'report_id') data->>'report_id' AS report_id, time,
               data->>'outcome' = 'upheld' AS upheld
          FROM trust_evidence_fact WHERE type = 'report.decided'
         ORDER BY data->>'report_id', time DESC, id DESC) AS decided USING (report_id)
 ORDER BY 1, 2, 3
"""

# What a fact answers is about the same subject, so that index finds it.
_ANSWERED = """
SELECT DISTINCT earlier.person_id
  FROM jsonb_to_recordset(%s::jsonb) AS said (kind text, subject_id uuid, type text, field text, key text)
  JOIN trust_evidence_fact AS earlier ON earlier.subject_kind = said.kind AND earlier.subject_id = said.subject_id
   AND earlier.type = said.type AND earlier.data->>said.field = said.key
 WHERE earlier.person_id IS NOT NULL
"""

_WEIGHED = """
SELECT DISTINCT subject_kind, subject_id FROM trust_evidence_fact AS filed
 WHERE type = 'report.filed' AND person_id = ANY(%s) AND NOT EXISTS (
       SELECT FROM trust_evidence_fact
        WHERE type = 'report.decided' AND data->>'report_id' = filed.data->>'report_id')
"""

_REPORTS_TOLD = """
SELECT time, data FROM trust_evidence_fact AS filed
 WHERE subject_kind = %s AND subject_id = %s AND type = 'report.filed' AND source <> 'trust'
   AND NOT EXISTS (SELECT FROM trust_evidence_fact
                    WHERE type = 'report.decided' AND data->>'report_id' = filed.data->>'report_id')
   AND NOT EXISTS (SELECT FROM trust_evidence_fact AS closed
                    WHERE closed.subject_kind = filed.subject_kind AND closed.subject_id = filed.subject_id
                      AND closed.type = 'case.decided' AND closed.time >= filed.time)
 ORDER BY time, id
"""

_UNKNOWN = """
SELECT DISTINCT kind, entity_id FROM jsonb_to_recordset(%s::jsonb) AS asked (kind text, entity_id uuid)
 WHERE NOT EXISTS (SELECT FROM trust_evidence_campaign AS campaign WHERE campaign.id = entity_id AND kind = 'campaign'
                      OR campaign.owner_id = entity_id AND kind = 'user')
   AND NOT EXISTS (SELECT FROM trust_evidence_fact WHERE subject_kind = kind AND subject_id = entity_id)
   AND NOT EXISTS (SELECT FROM trust_evidence_fact
                    WHERE kind = 'user' AND person_id = entity_id AND type = 'payment.succeeded')
 ORDER BY 1, 2
"""


_PAYMENT_FACTS = """
SELECT subject_id, count(*) FROM trust_evidence_fact
 WHERE type IN ('payment.succeeded', 'payment.refunded', 'payment.refund_reversed', 'payment.disputed')
   AND subject_id = ANY(%s)
 GROUP BY subject_id
"""

_OF_PAYMENTS = """
SELECT subject_id, json_agg(json_build_array(id, type, extract(epoch FROM time)::float8, data))::text
  FROM trust_evidence_fact
 WHERE type IN ('payment.succeeded', 'payment.refunded', 'payment.refund_reversed', 'payment.disputed')
   AND subject_id = ANY(%s)
"""
_NEWEST = """
   AND data->>'payment_id' IN (
       SELECT payment FROM unnest(%s::uuid[]) AS campaign (id) CROSS JOIN LATERAL (
           SELECT data->>'payment_id' AS payment FROM trust_evidence_fact
            WHERE type IN ('payment.succeeded', 'payment.refunded', 'payment.refund_reversed', 'payment.disputed')
              AND subject_id = campaign.id
            ORDER BY recorded_at DESC LIMIT %s) AS newest)
"""

_EACH = " GROUP BY subject_id"

_GAVE = """
SELECT DISTINCT subject_id, person_id FROM trust_evidence_fact
 WHERE type = 'payment.succeeded' AND person_id = ANY(%s) AND subject_id = ANY(%s)
"""


def facts_about(kind: str, ids: Collection[UUID], *, before: datetime | None = None) -> dict[UUID, list[PlainFact]]:
    """All facts about these subjects (of things before a time), in no order."""
    return _by_subject(_FACTS, [kind, list(ids), before]) if ids else {}


def facts_but_gifts(campaigns: Collection[UUID]) -> dict[UUID, list[PlainFact]]:
    """All facts about these campaigns, of which gifts are many, but the gifts."""
    return _by_subject(_BUT_GIFTS, [list(campaigns)]) if campaigns else {}


def _by_subject(question: str, values: list[Any]) -> dict[UUID, list[PlainFact]]:
    with connection.cursor() as cursor:
        cursor.execute(question, values)
        # One text a subject: a million facts come much sooner so than as a million rows.
        return {subject: list(map(tuple, json.loads(facts))) for subject, facts in cursor.fetchall()}


def payment_facts(campaigns: Collection[UUID]) -> dict[UUID, int]:
    """How many facts there are about the payments of these campaigns; who has none is absent."""
    if not campaigns:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_PAYMENT_FACTS, [list(campaigns)])
        return dict(cursor.fetchall())


def about_payments(campaigns: Collection[UUID], *, newest: int | None) -> dict[UUID, list[PlainFact]]:
    """All facts about the payments of these campaigns; or about those payments alone of which the newest so many facts of
    each campaign tell."""
    if newest is None:
        return _by_subject(_OF_PAYMENTS + _EACH, [list(campaigns)])
    return _by_subject(_OF_PAYMENTS + _NEWEST + _EACH, [list(campaigns), list(campaigns), newest])


def gave(people: Collection[UUID], campaigns: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """(campaign, person) for those of these people who ever gave to one of these campaigns."""
    if not people or not campaigns:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_GAVE, [list(people), list(campaigns)])
        return [(campaign, person) for campaign, person in cursor.fetchall()]


def given_by(people: Collection[UUID], *, before: datetime | None = None) -> dict[UUID, list[float]]:
    """When these people gave, in seconds since 1970: gifts that stayed, as far as was known before a time."""
    found: dict[UUID, list[float]] = defaultdict(list)
    if people:
        with connection.cursor() as cursor:
            cursor.execute(_GIVEN, [list(people), before, before])
            for person, time in cursor.fetchall():
                found[person].append(time)
    return found


def reporters(people: Collection[UUID], *, before: datetime | None = None) -> dict[UUID, tuple[int, int]]:
    """How many reports of these people were upheld and dismissed (before a time); who has no decided report is absent."""
    if not people:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_REPORTERS, [list(people), before])
        return {person: (upheld, dismissed) for person, upheld, dismissed in cursor.fetchall()}


def behind(said: Collection[tuple[str, UUID, str, str, str]]) -> set[UUID]:
    """Who told the earlier facts that others answer, by (kind, subject, type of the earlier one, field, its value)."""
    if not said:
        return set()
    names = ("kind", "subject_id", "type", "field", "key")
    asked = json.dumps([dict(zip(names, map(str, each), strict=True)) for each in said])
    with connection.cursor() as cursor:
        cursor.execute(_ANSWERED, [asked])
        return {person for (person,) in cursor.fetchall()}


def weighed_by(reporters: Collection[UUID]) -> set[tuple[str, UUID]]:
    """What these people's undecided reports are about: their record says how much each weighs."""
    if not reporters:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_WEIGHED, [list(reporters)])
        return {(kind, subject) for kind, subject in cursor.fetchall()}


def decided_cases(since: datetime | None = None) -> list[tuple[UUID, str, UUID, datetime, bool]]:
    """(fact id, kind, id, time, turned out bad) of everything decided, since a time, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_DECIDED, [since])
        found: list[tuple[UUID, str, UUID, datetime, bool]] = cursor.fetchall()
        return found


class KnownCampaign(NamedTuple):
    """What scores need of a campaign."""

    id: UUID
    owner_id: UUID | None
    category: str


class Verdict(NamedTuple):
    """What staff found about an entity, and when. `true`: it was what was feared."""

    kind: str
    entity_id: UUID
    time: datetime
    true: bool


def verdicts() -> list[Verdict]:
    """The last decision of staff about every entity that has one: of its case, or of a report about it.

    A case that was valuable to look at, but no more, says nothing either way.
    """
    with connection.cursor() as cursor:
        cursor.execute(_VERDICTS)
        return [Verdict(*row) for row in cursor.fetchall()]


class Reported(NamedTuple):
    """A report of somebody known, and what became of it."""

    person_id: UUID
    time: datetime
    upheld: bool


def reports_decided() -> list[Reported]:
    """Every decided report of somebody known, by reporter and time of the decision."""
    with connection.cursor() as cursor:
        cursor.execute(_REPORTS_DECIDED)
        return [Reported(*row) for row in cursor.fetchall()]


def campaigns(ids: Iterable[UUID]) -> dict[UUID, KnownCampaign]:
    rows = Campaign.objects.filter(id__in=list(ids)).values_list(*KnownCampaign._fields)
    return {row[0]: KnownCampaign(*row) for row in rows}


def currencies(ids: Collection[UUID]) -> dict[UUID, str]:
    """The currency that each of these campaigns collects in; empty where nobody said."""
    return dict(Campaign.objects.filter(id__in=ids).values_list("id", "currency"))


def campaigns_of(owners: Collection[UUID]) -> dict[UUID, list[KnownCampaign]]:
    """The campaigns of these organisers, by id."""
    found: dict[UUID, list[KnownCampaign]] = defaultdict(list)
    rows = Campaign.objects.filter(owner_id__in=owners).order_by("id") if owners else Campaign.objects.none()
    for row in rows.values_list(*KnownCampaign._fields):
        campaign = KnownCampaign(*row)
        if campaign.owner_id is not None:
            found[campaign.owner_id].append(campaign)
    return found


def title_of(field: str) -> Subquery:
    """For annotations: the title of the campaign whose id `field` holds."""
    return Subquery(Campaign.objects.filter(id=OuterRef(field)).values("title")[:1])


def titled(words: str) -> QuerySet[Campaign, UUID]:
    """The ids of campaigns whose title holds these words."""
    return Campaign.objects.filter(title__icontains=words).values_list("id", flat=True)


def owner_of(kind: str, entity_id: UUID) -> UUID | None:
    """Whose score it is: the organiser of a campaign, the person itself of a user."""
    if kind == Kind.USER:
        return entity_id
    return Campaign.objects.filter(id=entity_id).values_list("owner_id", flat=True).first()


def own(person: UUID) -> list[UUID]:
    """What is somebody's own: themselves and their campaigns."""
    return [person, *Campaign.objects.filter(owner_id=person).values_list("id", flat=True)]


def category_of(campaign_id: UUID) -> str:
    """The category of a campaign; empty when it has none."""
    return Campaign.objects.filter(id=campaign_id).values_list("category", flat=True).first() or ""


def is_known(kind: str, entity_id: UUID) -> bool:
    """Whether there is any trace of this campaign or person."""
    if kind == Kind.CAMPAIGN:
        return Campaign.objects.filter(id=entity_id).exists()
    return (
        Fact.objects.filter(subject_kind=Kind.USER, subject_id=entity_id).exists()
        or Campaign.objects.filter(owner_id=entity_id).exists()
        # Who only reported is known to nobody: the answer would tell whether they did.
        or Fact.objects.filter(person_id=entity_id, type="payment.succeeded").exists()
    )


def unknown_among(entities: Collection[tuple[str, UUID]]) -> list[tuple[str, UUID]]:
    """Those of which there is no trace, sorted."""
    asked = json.dumps([{"kind": kind, "entity_id": str(entity_id)} for kind, entity_id in entities])
    with connection.cursor() as cursor:
        cursor.execute(_UNKNOWN, [asked])
        return [(kind, entity_id) for kind, entity_id in cursor.fetchall()]


def lines(kind: str, entity_id: UUID, limit: int = 200) -> list[dict[str, Any]]:
    """The newest facts about an entity. Their data may name who gave or reported: doors choose what they show."""
    found = Fact.objects.filter(subject_kind=kind, subject_id=entity_id).order_by("-time", "-id")[:limit]
    return [{"type": fact.type, "time": fact.time, "source": fact.source, "data": fact.data} for fact in found]


def as_told(ids: Collection[UUID]) -> dict[UUID, NewFact]:
    """These facts as they were told, whoever told them; absent is what is not here."""
    rows = Fact.objects.filter(id__in=list(ids)) if ids else ()
    return {row.id: NewFact(row.id, row.type, row.time, row.subject_kind, row.subject_id, row.data) for row in rows}


def told_since(kind: str, entity_id: UUID, *, types: Collection[str], since: datetime) -> list[Fact]:
    """The facts of these types about an entity that happened since, oldest first."""
    found = Fact.objects.filter(subject_kind=kind, subject_id=entity_id, type__in=types, time__gte=since)
    return list(found.order_by("time", "id"))


def reports_told(kind: str, entity_id: UUID) -> list[tuple[datetime, dict[str, Any]]]:
    """The reports about an entity that others told us and nobody has judged, oldest first: time and data."""
    with connection.cursor() as cursor:
        cursor.execute(_REPORTS_TOLD, [kind, entity_id])
        return [(time, json.loads(data)) for time, data in cursor.fetchall()]


def case_outcome(kind: str, entity_id: UUID, *, since: datetime) -> str | None:
    """What the newest decision of a case about it says, if one was made since."""
    decided = Fact.objects.filter(subject_kind=kind, subject_id=entity_id, type="case.decided", time__gte=since)
    last = decided.order_by("-time", "-id").first()
    return None if last is None else str(last.data["outcome"])


def decisions(names: Collection[str]) -> dict[str, tuple[str, datetime]]:
    """The standing decision of each of these reports, by their `report_id`: outcome and time."""
    found: dict[str, tuple[str, datetime]] = {}
    keys = list(names)
    decided = Fact.objects.filter(type="report.decided", data__report_id__in=keys).order_by("time", "id")
    for fact in decided if keys else ():
        found[str(fact.data["report_id"])] = (fact.data["outcome"], fact.time)
    return found
