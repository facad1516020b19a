"""The page of a case: everything that a decision needs, the most telling first."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse

from bh_sdk.server.admin import parts
from bh_sdk.server.admin.ways import Ways
from trust_svc import elsewhere
from trust_svc.cases import noticing, queries, rules
from trust_svc.cases.models import Case, LogLine
from trust_svc.holds import queries as holds
from trust_svc.scoring import queries as scoring

DONE = {
    "opened": "Opened",
    "claimed": "Claimed",
    "released": "Given back to the desk",
    "assigned": "Handed over",
    "snoozed": "Put away",
    "back": "Came back",
    "note": "Note",
    "confirmed": "Decided: confirmed",
    "valuable": "Decided: worth the look",
    "false": "Decided: false",
    "reversed": "The decision was taken back",
}
OUTCOME: dict[str, tuple[str, parts.Tone]] = {
    "confirmed": ("Confirmed", "danger"),
    "valuable": ("Worth the look", "warning"),
    "false": ("False", "success"),
}
_POUND = "£"


def case_of(case: Any, *, viewer: UUID, opened: bool, ways: Ways, now: datetime) -> parts.Case:
    """The cards of a case; `opened` shows what reporters wrote."""
    score = scoring.score_of(case.entity_kind, case.entity_id)
    wide: list[parts.Card] = [
        _reports(case, ways, opened=opened),
        parts.Timeline(
            "Signals",
            [
                parts.Moment(rules.SIGNALS[each.kind][0], each.at, note=each.note)
                for each in case.signals.exclude(kind="report")
            ],
            empty="None: reports alone brought it here.",
        ),
    ]
    if score is not None:
        wide.append(
            parts.Table(
                "Why the score is not higher",
                ["Reason", "Points"],
                [[each["text"], f"{each['points']:.1f}"] for each in score.reasons],
                numeric=frozenset({1}),
                empty="Nothing costs more than a point.",
            )
        )
    wide.append(_log(case, now))
    narrow: list[parts.Card] = [
        *_next(case, viewer, now),
        *_stopped(case, ways),
        _stake(case),
        elsewhere.card(ways, case.entity_kind, case.entity_id),
        _about(case),
    ]
    return parts.Case(headline=_headline(case, viewer, now), wide=wide, narrow=narrow)


def name_of(case: Any) -> str:
    return str(getattr(case, "title", "") or f"{case.entity_kind.capitalize()} {str(case.entity_id)[:8]}")


def money(amount: float) -> str:
    return f"{_POUND}{amount:,.0f}"


def standing(case: Case, viewer: UUID, now: datetime) -> tuple[str, parts.Tone]:
    """How a case stands, in a word or two."""
    if case.state == Case.State.CLOSED:
        return OUTCOME[str(case.outcome)]
    if case.snoozed_until is not None and case.snoozed_until > now:
        return f"Put away until {case.snoozed_until:%d %b %H:%M} UTC", "info"
    if case.assignee is None:
        return "Unclaimed", "warning"
    if case.assignee == viewer:
        return "Yours", "primary"
    return queries.names([case.assignee]).get(case.assignee, "A colleague"), "info"


def due(case: Case, now: datetime) -> str:
    """When it has to be decided, in words."""
    if case.state == Case.State.CLOSED:
        return "Closed"
    hours = (case.due_at - now).total_seconds() / 3600
    said = f"{abs(hours) / 24:.0f} days" if abs(hours) >= 48 else f"{abs(hours):.0f} h"
    return f"{said} late" if hours < 0 else f"in {said}"


def _headline(case: Any, viewer: UUID, now: datetime) -> parts.Headline:
    status, tone = standing(case, viewer, now)
    return parts.Headline(
        title=f"{case.entity_kind.capitalize()} · {name_of(case)}",
        figure=f"{case.harm:,.0f}",
        unit="expected harm",
        below=case.summary or "Nothing is open in it",
        status=status,
        tone=tone,
        notice=_notice(case, viewer, now),
    )


def _notice(case: Case, viewer: UUID, now: datetime) -> str:
    if case.state == Case.State.CLOSED:
        return "An appeal is decided by somebody else; new reports open a new case."
    if queries.is_party(case, viewer):
        return "You are a party to this case, so a colleague decides it."
    if case.assignee is not None and case.assignee != viewer:
        return "A colleague works on this case. You can leave a note, or take it over by having it assigned to you."
    by = "It is late. It was to be decided by" if case.due_at < now else "Decide by"
    return f"{by} {case.due_at:%d %b %H:%M} UTC. Every open report is judged with the case."


def _reports(case: Case, ways: Ways, *, opened: bool) -> parts.Custom:
    found = queries.reports_in(case)
    words = noticing.credibilities({report.reporter_id for report in found})
    shown = [
        {
            "kind": report.kind.capitalize(),
            "word": rules.band(words[report.reporter_id]).capitalize(),
            "state": report.get_state_display().lower(),
            "at": report.created_at,
            "href": ways.one(elsewhere.REPORT, report.id),
            "opened": opened,
            "text": report.description.open() if opened else "",
            "urls": report.evidence_urls if opened else [],
        }
        for report in found
    ]
    data: dict[str, object] = {"reports": shown, "sealed": bool(shown) and not opened}
    return parts.Custom("Reports", "trust/cases/reports.html", data)


def _log(case: Case, now: datetime) -> parts.Timeline:
    lines = queries.log_of(case)
    names = queries.names({UUID(line.by) for line in lines if line.by not in ("system", "platform")})
    moments = [_moment(line, names) for line in lines]
    if case.state == Case.State.OPEN:
        moments.insert(0, parts.Moment("To be decided", case.due_at, due=True, late=case.due_at < now))
    return parts.Timeline("What was done", moments)


def _moment(line: LogLine, names: dict[UUID, str]) -> parts.Moment:
    by = line.by if line.by in ("system", "platform") else names.get(UUID(line.by), line.by[:8])
    return parts.Moment(DONE[line.what], line.at, who=by, note=line.note.open() if line.note is not None else "")


def _next(case: Case, viewer: UUID, now: datetime) -> list[parts.Card]:
    """After a decision the desk goes on."""
    if case.state == Case.State.OPEN:
        return []
    following = queries.next_case(of=viewer, now=now)
    if following is None:
        return [parts.Facts("Next", [("The desk", "is clear")])]
    href = reverse("admin:trust_cases_case_change", args=(following.id,))
    about = parts.Fact("Next case", following.summary, note=f"expected harm {following.harm:,.0f}", href=href)
    return [parts.Facts("Next", [about])]


def _stopped(case: Case, ways: Ways) -> list[parts.Card]:
    hold = holds.active(case.entity_kind, case.entity_id)
    if hold is None:
        return []
    href = ways.one(elsewhere.HOLD, hold.id)
    said = f"Payouts are stopped since {hold.placed_at:%d %b %Y}: {hold.reason}"
    return [parts.Checks("On hold", [parts.Check(said, "danger", href)])]


def _stake(case: Case) -> parts.Facts:
    return parts.Facts(
        "At stake",
        [
            parts.Fact("Chance that it is bad", f"{case.probability:.0%}", note="from the score and how sure it is"),
            parts.Fact("Money still here", money(float(case.open_money)), note="given, not refunded, not paid out"),
            parts.Fact("Credible mass", f"{case.mass:.1f}", note="of reports and signals"),
            parts.Fact("Expected harm", f"{case.harm:,.0f}", note="their product; the queue's order", strong=True),
        ],
    )


def _about(case: Case) -> parts.Facts:
    earlier = [each for each in queries.cases_about(case.entity_kind, case.entity_id) if each.id != case.id]
    facts = [parts.Fact("Opened", f"{case.opened_at:%d %b %Y %H:%M} UTC")]
    facts += [
        parts.Fact(
            "Another case",
            OUTCOME[each.outcome][0] if each.outcome else "Open",
            note=f"opened {each.opened_at:%d %b %Y}",
            href=reverse("admin:trust_cases_case_change", args=(each.id,)),
        )
        for each in earlier[:5]
    ]
    return parts.Facts("Case", facts)
