"""What else the desk knows about a campaign or a person, as one card of links: the same on every page of trust.

A line of which the reader may not open the page is left out. Everything here stands for a count and a state; who said
what is on the pages themselves, and theirs to guard.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from bh_sdk.server.admin import parts
from bh_sdk.server.admin.ways import Ways
from trust_svc.appeals import queries as appeals
from trust_svc.cases import queries as cases
from trust_svc.evidence import queries as evidence
from trust_svc.holds import queries as holds
from trust_svc.overrides import queries as overrides
from trust_svc.reports import queries as reports
from trust_svc.scoring import queries as scores
from trust_svc.verification import queries as verifications

SCORE, CASE, REPORT = "trust_scoring.score", "trust_cases.case", "trust_reports.report"
OVERRIDE, HOLD, FACT = "trust_overrides.override", "trust_holds.hold", "trust_evidence.fact"
VERIFICATION, APPEAL = "trust_verification.request", "trust_appeals.appeal"

Line = parts.Fact | tuple[str, str]


def card(ways: Ways, kind: str, entity_id: UUID, *, but: str = "") -> parts.Facts:
    """`but` is the model whose page this is, when a row of it needs no link to itself."""
    lines: list[Line] = [] if but == SCORE else list(_score("Score", ways, kind, entity_id))
    owner = evidence.owner_of(kind, entity_id)
    if kind == "campaign" and owner is not None:
        lines += _score("Organiser", ways, "user", owner)
    elif kind == "user" and (href := ways.many(SCORE, owner_id__exact=str(entity_id), kind__exact="campaign")):
        lines.append(parts.Fact("Campaigns", "their scores", href=href))
    lines += _counted(ways, kind, entity_id)
    if href := ways.many(FACT, q=str(entity_id)):
        lines.append(parts.Fact("Evidence", "every fact", href=href))
    return parts.Facts("This campaign" if kind == "campaign" else "This person", [*lines, _id(entity_id)])


def _counted(ways: Ways, kind: str, entity_id: UUID) -> Iterator[Line]:
    every = cases.cases_about(kind, entity_id)
    yield from _several(ways, "Cases", CASE, entity_id, every, sum(each.state == "open" for each in every), "open")
    filed = reports.counted(kind, entity_id)
    if ways.open(REPORT):
        yield _line("Reports", sum(filed.values()), filed.get("open", 0), "open", ways.many(REPORT, q=str(entity_id)))
    placed = list(overrides.overrides_of(kind, entity_id))
    if waiting := [each for each in placed if each.state == "waiting"]:
        yield from _several(ways, "Overrides", OVERRIDE, entity_id, placed, len(waiting), "waiting for a second person")
    else:
        active = sum(each.state == "active" for each in placed)
        yield from _several(ways, "Overrides", OVERRIDE, entity_id, placed, active, "in force")
    asked = verifications.requests_about(kind, entity_id)
    yield from _several(
        ways, "Verifications", VERIFICATION, entity_id, asked, sum(each.state == "open" for each in asked), "to decide"
    )
    held = holds.holds_of(kind, entity_id)
    yield from _several(ways, "Holds", HOLD, entity_id, held, sum(not each.lifted_at for each in held), "in force")
    filed_appeals = appeals.appeals_about(kind, entity_id)
    to_decide = sum(each.state == "open" for each in filed_appeals)
    yield from _several(ways, "Appeals", APPEAL, entity_id, filed_appeals, to_decide, "to decide")


def _several(
    ways: Ways, name: str, model: str, entity_id: UUID, rows: Sequence[Any], now: int, means: str
) -> Iterator[Line]:
    """One row is linked itself, several by the list of them."""
    if ways.open(model):
        href = ways.one(model, rows[0].pk) if len(rows) == 1 else ways.many(model, q=str(entity_id))
        yield _line(name, len(rows), now, means, href)


def _line(name: str, count: int, now: int, means: str, href: str) -> Line:
    if not count:
        return (name, "none")
    return parts.Fact(name, str(count), note=f"{now} {means}" if now else "", href=href)


def _score(name: str, ways: Ways, kind: str, entity_id: UUID) -> Iterator[Line]:
    row = scores.score_of(kind, entity_id)
    if row is None:
        yield (name, "not scored yet")
    else:
        shown = f"{row.score:.1f}" if row.rated else f"{row.score:.1f}, not rated"
        tier = row.tier if row.rated else "not enough evidence"
        yield parts.Fact(name, shown, note=tier, href=ways.one(SCORE, row.id))


def _id(entity_id: UUID) -> parts.Fact:
    return parts.Fact("Id", str(entity_id), mono=True)
