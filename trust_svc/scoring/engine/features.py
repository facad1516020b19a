"""Records to feature rows, as of a moment. Pure: the moment, parameters and what is known of people are passed in."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from trust_svc.scoring.engine.columns import Row, row
from trust_svc.scoring.engine.conduct import Conduct, conduct
from trust_svc.scoring.engine.hands import People, Purses, credibility, decay, giving, wave
from trust_svc.scoring.engine.params import ITEMS, Params
from trust_svc.scoring.engine.record import Kept, Record, seconds
from trust_svc.scoring.engine.tally import DAY, NOBODY

_KINDS = ("fraud", "misleading", "inappropriate", "spam", "other")


def campaign_row(
    own: Record,
    *,
    as_of: float,
    params: Params,
    owner_id: str | None = None,
    owner: Record | None = None,
    siblings: Sequence[Record] = (),
    prior: float = 0.0,
    people: People | None = None,
    purses: Purses | None = None,
) -> Row:
    """The features of a campaign: its own facts, and its organiser's history and record.

    `siblings` are the organiser's other campaigns, `prior` the completion rate of its category (0 = not known), `purses` what
    was read for others before.
    """
    people, purses = people or People(), purses or Purses()
    person = owner or Record()
    family = [own, *siblings]
    done, failed, shown, elapsed = _delivery(own, as_of, params)
    for sibling in siblings:
        other_done, other_failed, _, _ = _delivery(sibling, as_of, params)
        done += params.inherited * other_done
        failed += params.inherited * other_failed
    periods, exposure, silence = _rhythm(own, as_of, params)
    gifts = giving([own], owner=owner_id, as_of=as_of, params=params, people=people, purses=purses)
    money = giving(family, owner=owner_id, as_of=as_of, params=params, people=people, purses=purses)
    answered, unanswered = _answers([own], as_of, params, params.engagement_half_life)
    return row(
        done=done,
        failed=failed,
        progress=shown,
        elapsed=elapsed,
        prior=_prior(prior, person, as_of, params),
        periods=periods,
        exposure=exposure,
        silence=silence,
        voices=gifts.voices,
        donors=gifts.donors,
        answered=answered + gifts.repeat,
        unanswered=unanswered,
        items=_items([own, person], as_of),
        ok=money.ok,
        bad=money.bad,
        tenure=_tenure([person, *family], as_of),
        reports_open=open_reports([own, person], as_of, params, people),
        reports_upheld=_upheld_reports([person, *family], as_of, params),
        held=1.0 if own.is_held or person.is_held else 0.0,
        **_conduct(family, person, as_of, params)._asdict(),
    )


def user_row(
    own: Record,
    *,
    as_of: float,
    params: Params,
    user_id: str | None = None,
    campaigns: Sequence[Record] = (),
    given: Iterable[float] = (),
    prior: float = 0.0,
    people: People | None = None,
    purses: Purses | None = None,
) -> Row:
    """The features of a person: an organiser through all own campaigns, else a donor, who owes no updates.

    `given` are the times of the gifts this person made and left standing, `purses` what was read for others before.
    """
    people = people or People()
    everything = [own, *campaigns]
    deliveries = [_delivery(campaign, as_of, params) for campaign in campaigns]
    elapsed = sum(delivery[3] for delivery in deliveries)
    rhythms = [_rhythm(campaign, as_of, params) for campaign in campaigns]
    gifts = giving(campaigns, owner=user_id, as_of=as_of, params=params, people=people, purses=purses)
    answered, unanswered = _answers(campaigns, as_of, params, params.engagement_half_life)
    stood = sorted(decay(as_of - time, params.history_half_life) for time in given)
    return row(
        done=sum(delivery[0] for delivery in deliveries),
        failed=sum(delivery[1] for delivery in deliveries),
        progress=min(1.0, sum(shown * mass for _, _, shown, mass in deliveries) / elapsed) if elapsed else 0.0,
        elapsed=elapsed,
        prior=_prior(prior, own, as_of, params),
        periods=sum(rhythm[0] for rhythm in rhythms),
        exposure=sum(rhythm[1] for rhythm in rhythms),
        silence=sum(rhythm[2] for rhythm in rhythms) / len(rhythms) if rhythms else 0.0,
        voices=gifts.voices,
        donors=gifts.donors,
        answered=answered + gifts.repeat,
        unanswered=unanswered,
        items=_items(everything, as_of),
        # A donor's own gifts are one hand, and prove as little as those of any other.
        ok=gifts.ok + min(params.gifts_per_hand, sum(stood)),
        bad=gifts.bad,
        tenure=_tenure(everything, as_of),
        reports_open=open_reports(everything, as_of, params, people),
        reports_upheld=_upheld_reports(everything, as_of, params),
        donor=0.0 if campaigns else 1.0,
        held=1.0 if own.is_held else 0.0,
        **_conduct(campaigns, own, as_of, params)._asdict(),
    )


def next_expiry(records: Iterable[Record], as_of: float) -> float | None:
    """When the next verification that still counts runs out; None when none does."""
    held = (kept for record in records for kept in record.items.values() if _holds(kept, as_of))
    ends = (seconds(kept.data.get("expires_at")) for kept in held)
    return min((end for end in ends if end is not None), default=None)


def _prior(prior: float, person: Record, as_of: float, params: Params) -> float:
    """The completion prior, moved towards the score that the old system gave this person, the less the older that is."""
    if person.imported is None or not params.imported_share:
        return prior
    share = params.imported_share * decay(as_of - person.imported.time, params.imported_half_life)
    old = min(1.0, max(0.0, float(person.imported.data["score"]) / 100.0))
    return (1.0 - share) * (prior or params.completion_prior) + share * old


def _delivery(record: Record, as_of: float, params: Params) -> tuple[float, float, float, float]:
    """(done, failed, progress, elapsed) of one campaign, decayed. Once it has ended, progress no longer counts."""
    done = failed = 0.0
    for kept in sorted(record.milestones.values(), key=lambda each: each.stamp):
        mass = params.milestone_mass * decay(as_of - kept.time, params.completion_half_life)
        done, failed = (done + mass, failed) if kept.data["kept"] else (done, failed + mass)
    if record.outcome is not None:
        mass = decay(as_of - record.outcome.time, params.completion_half_life)
        return (done + mass, failed, 0.0, 0.0) if record.outcome.data["delivered"] else (done, failed + mass, 0.0, 0.0)
    if record.progress is None:
        return done, failed, 0.0, 0.0
    elapsed = record.progress.data.get("elapsed")
    if elapsed is None:
        elapsed = _elapsed(record, record.progress.time, params)
    mass = float(elapsed) * decay(as_of - record.progress.time, params.completion_half_life)
    return done, failed, min(1.0, max(0.0, float(record.progress.data["progress"]))), mass


def _elapsed(record: Record, at: float, params: Params) -> float:
    end = seconds(record.created.data.get("ends_at")) if record.created else None
    if record.created is None or end is None or end <= record.created.time:
        return params.elapsed_unknown
    return min(1.0, max(0.0, (at - record.created.time) / (end - record.created.time)))


def _rhythm(record: Record, as_of: float, params: Params) -> tuple[float, float, float]:
    """(periods with an update, periods lived, overdue periods).

    Periods are counted from the campaign's beginning, so that the mere passing of time can only take credit away;
    several updates in one period are one.
    """
    start = record.created.time if record.created else record.first
    if start is None:
        return 0.0, 0.0, 0.0
    period = _period(record, params) * DAY
    end = math.inf if record.over is None else record.over
    now = max(start, min(as_of, end))
    current = math.floor((now - start) / period)
    credited = {math.floor((time - start) / period) for time in record.updates if start <= time <= as_of}
    recent = sum(1 for index in credited if current - params.update_windows < index <= current)
    exposure = min(float(params.update_windows), (now - start) / period)
    last = max((time for time in record.updates if time <= as_of), default=start)
    if not params.ended_owes:
        as_of = now
    elif as_of > end:
        period, last = params.update_days_ended * DAY, max(last, end)
    return float(recent), exposure, max(0.0, as_of - last - period) / period


def _period(record: Record, params: Params) -> float:
    """How often this campaign owes an update, in days."""
    if record.created is None:
        return params.update_days
    if record.created.data.get("need_type") == "EMERGENCY":
        return params.update_days_emergency
    if params.long_need_is_long and record.created.data.get("need_type") == "COMMUNITY_LONG_TERM":
        return params.update_days_long
    end = seconds(record.created.data.get("ends_at"))
    long = end is not None and end - record.created.time > params.long_campaign_days * DAY
    return params.update_days_long if long else params.update_days


def _conduct(campaigns: Sequence[Record], person: Record, as_of: float, params: Params) -> Conduct:
    """Only a card looks at it."""
    if not params.card:
        return Conduct()
    answers = _answers(campaigns, as_of, params, params.completion_half_life)
    return conduct(campaigns, person, answers=answers, as_of=as_of, params=params)


def _answers(records: Sequence[Record], as_of: float, params: Params, half_life: float) -> tuple[float, float]:
    """(answered in time, left open too long), decayed. One that can still be answered in time says nothing yet, and the
    questions of one stretch share what a burst can be worth."""
    within = params.response_hours * 3600.0
    answered = unanswered = 0.0
    for record in records:
        waves = Counter(wave(record, asked.time, params) for asked in record.asked.values())
        for key, asked in sorted(record.asked.items()):
            mass = decay(as_of - asked.time, half_life)
            mass *= min(1.0, params.burst_answers / waves[wave(record, asked.time, params)])
            answer = record.answered.get(key)
            if answer is not None and answer.time - asked.time <= within:
                answered += mass
            elif answer is not None or as_of - asked.time > within:
                unanswered += mass
    return answered, unanswered


def _items(records: Iterable[Record], as_of: float) -> float:
    mask = 0
    for record in records:
        for item, kept in record.items.items():
            if _holds(kept, as_of):
                mask |= 1 << ITEMS.index(item)
    return float(mask)


def _holds(kept: Kept, as_of: float) -> bool:
    end = seconds(kept.data.get("expires_at"))
    return kept.type == "verification.granted" and (end is None or end > as_of)


def _tenure(records: Iterable[Record], as_of: float) -> float:
    begins = [begin for record in records for begin in (record.joined, record.first) if begin is not None]
    return max(0.0, as_of - min(begins)) / DAY if begins else 0.0


def _severity(report: Kept, params: Params) -> float:
    given = report.data.get("severity")
    if given is not None:
        return min(5.0, max(1.0, float(given)))
    kind = report.data.get("kind")
    return params.severities[_KINDS.index(kind) if kind in _KINDS else _KINDS.index("other")]


def _reporter(report: Kept) -> str:
    """The hand behind a report; all anonymous ones share one."""
    return str(report.data.get("cluster") or report.data.get("reporter_id") or NOBODY)


def _credibility(report: Kept, params: Params, people: People) -> float:
    """The reporter's upheld share (on the population's rate) times how much their word weighs."""
    reporter = report.data.get("reporter_id")
    if not reporter and not report.data.get("cluster"):
        return params.anonymous_credibility
    claimed = (int(report.data.get("reporter_upheld") or 0), int(report.data.get("reporter_dismissed") or 0))
    upheld, dismissed = people.reports.get(str(reporter), claimed)
    mass = params.reporter_prior_mass
    share = (upheld + mass * params.reporter_prior) / (upheld + dismissed + mass)
    standing = report.data.get("reporter_standing")
    unknown = params.unknown_standing if standing is None else float(standing)
    return share * credibility(people.standing.get(str(reporter), unknown), params)


def open_reports(records: Sequence[Record], as_of: float, params: Params, people: People) -> float:
    """The mass of reports that nobody has judged yet: per hand the heaviest. A decided case judges all before it.

    Who gave nothing has little to lose: strangers weigh less, and however many they are, no more than a bound.
    """
    givers = {donor for each in records for donor in each.donors} if any(each.reports for each in records) else set()
    near: dict[str, float] = defaultdict(float)
    strange: dict[str, float] = defaultdict(float)
    for report in _unjudged(records):
        mass = _severity(report, params) * _credibility(report, params, people)
        mass *= decay(as_of - report.time, params.report_half_life)
        heaviest, hand = near if str(report.data.get("reporter_id")) in givers else strange, _reporter(report)
        heaviest[hand] = max(heaviest[hand], mass)
    strangers = params.stranger_share * sum(strange[hand] for hand in sorted(strange.keys() - near.keys()))
    return sum(near[hand] for hand in sorted(near)) + min(params.strangers_together, strangers)


def reporting_hands(records: Iterable[Record]) -> set[str]:
    """Who is behind the reports that nobody has judged yet; all anonymous ones are one."""
    return {_reporter(report) for report in _unjudged(records)}


def _unjudged(records: Iterable[Record]) -> Iterator[Kept]:
    for record in records:
        judged = record.case.time if record.case else -math.inf
        for key, report in record.reports.items():
            if key not in record.decisions and report.time > judged:
                yield report


def _upheld_reports(records: Sequence[Record], as_of: float, params: Params) -> float:
    """The mass of what was found true, in thirds of a severity: per hand the heaviest, plus a confirmed case."""
    total = 0.0
    for record in records:
        heaviest: dict[str, float] = defaultdict(float)
        for key, decision in record.decisions.items():
            report = record.reports.get(key)
            if report is not None and decision.data["outcome"] == "upheld":
                mass = _severity(report, params) * decay(as_of - decision.time, params.upheld_half_life)
                heaviest[_reporter(report)] = max(heaviest[_reporter(report)], mass)
        if record.case is not None and record.case.data["outcome"] == "confirmed":
            total += params.case_severity * decay(as_of - record.case.time, params.upheld_half_life)
        total += sum(heaviest[hand] for hand in sorted(heaviest))
    return total / params.upheld_scale
