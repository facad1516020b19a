"""Dry runs say what promotion then does; trials show each organiser one set and score everybody by both."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.urls import reverse

from bh_sdk.errors import SecondPersonNeeded
from bh_sdk.server.ops import clock
from tests.trust.conftest import Caller
from tests.trust.evidence import a_good_campaign, fact
from tests.trust.test_versions import AARON, MIRIAM, a_draft, a_shadow, begun, looked_at, state_of
from tests.trust.test_versions_desk import signed_in
from trust_svc.appeals.models import Appeal
from trust_svc.overrides import commands as overriding
from trust_svc.overrides.rules import Wish
from trust_svc.scoring import assessment, comparing, decided, parameters
from trust_svc.scoring import commands as rescoring
from trust_svc.scoring import tasks as scoring
from trust_svc.scoring.models import Due, Score
from trust_svc.versions import beside, commands, dry_runs, queries, tasks, trials
from trust_svc.versions.errors import (
    DryRunActive,
    DryRunMissing,
    DryRunOver,
    NoProposal,
    NoTrial,
    ParametersInvalid,
    ProposalOpen,
    SetNotThere,
    TrialRunning,
)
from trust_svc.versions.models import DryRun, DryRunCase, DryRunReport, DryRunRow, SetScore, Trial, TrialCase
from trust_svc.versions.report import fairness
from trust_svc.versions.rules import UNRATED, arm_of

pytestmark = pytest.mark.django_db

# Another mix of factors: every score moves.
OTHER = {"weights": [0.1, 0.3, 0.1, 0.4, 0.1]}


@pytest.fixture
def organisers(monolith: Caller, moved_clock: Any) -> list[UUID]:
    found = [uuid4() for _ in range(4)]
    for owner in found:
        campaign = uuid4()
        facts = a_good_campaign(campaign, owner)
        monolith.post("/trust/evidence", {"facts": [*facts[:15], *facts[-3:]]})
    moved_clock(2)
    scoring.rescore_due()
    return found


def dry(version: int) -> DryRunReport:
    dry_runs.ask(version=version, by=MIRIAM)
    tasks.carry_on()
    return DryRunReport.objects.get(parameters_id=version)


def rescored_at(moment: datetime, moved_clock: Any) -> None:
    """Calculate all that waits as of (nearly) that moment."""
    Due.objects.update(due_at=moment - timedelta(seconds=1))
    moved_clock((moment - clock.now()).total_seconds())
    scoring.rescore_due()


def scores() -> dict[tuple[str, UUID], tuple[float, str]]:
    return {(row.kind, row.entity_id): (row.score, row.tier) for row in Score.objects.all()}


def test_promotion_does_to_everybody_what_the_dry_run_said_and_a_roll_back_undoes_it(
    organisers: list[UUID], moved_clock: Any
) -> None:
    live, version = parameters.live_version(), a_shadow(**OTHER)
    tasks.carry_on()
    scoring.rescore_due()
    before = scores()
    report = dry(version)
    rows = {(row.kind, row.entity_id): row for row in DryRunRow.objects.all()}
    assert rows.keys() == before.keys()
    assert report.body["entities"] == len(before) == report.run.done
    commands.propose(version=version, note="Go", by=MIRIAM)
    commands.approve(version=version, note="Yes", by=AARON)
    rescored_at(report.run.as_of, moved_clock)
    after = scores()
    assert {row.parameters_id for row in Score.objects.all()} == {version}
    for entity, row in rows.items():
        # The pipeline ran some milliseconds off the run's moment: at most one unit of 1/1024 point.
        assert after[entity][0] == pytest.approx(row.after_score, abs=2 / 1024), entity
        assert after[entity][1] == ("NEW" if row.after_tier == UNRATED else row.after_tier)
    assert all(after[entity] != before[entity] for entity in after if entity[0] == "campaign")
    commands.roll_back(note="No", by=MIRIAM)
    rescored_at(report.run.as_of, moved_clock)
    assert {row.parameters_id for row in Score.objects.all()} == {live}
    again = scores()
    for entity, row in rows.items():
        assert again[entity][0] == pytest.approx(row.before_score, abs=2 / 1024), entity


def test_the_same_set_as_of_the_same_moment_gives_the_same_bits_before_and_after(organisers: list[UUID]) -> None:
    live, version = parameters.live_version(), a_shadow(**OTHER)
    as_of = clock.now()
    entities = sorted(scores())
    known = assessment.read(entities)
    before = [asdict(each) for each in assessment.assess(known, as_of=as_of, params=queries.in_play().sets[live])]
    dry(version)
    commands.propose(version=version, note="Go", by=MIRIAM)
    commands.approve(version=version, note="Yes", by=AARON)
    commands.roll_back(note="No", by=MIRIAM)
    play = queries.in_play()
    assert (play.live, list(play.sets)) == (live, [live])
    again = assessment.assess(assessment.read(entities), as_of=as_of, params=play.sets[live])
    assert [asdict(each) for each in again] == before


def test_a_report_counts_everybody_once_and_links_who_moves(organisers: list[UUID]) -> None:
    body = dry(a_draft(**OTHER)).body
    people = Score.objects.filter(kind="user").count()
    assert sum(body["distribution"]["user"]["before"]) == sum(body["distribution"]["user"]["after"]) == people
    assert sum(count for _, _, count in body["moves"]) == Score.objects.count()
    assert {(each["kind"], UUID(each["entity_id"])) for each in body["movers"]} <= scores().keys()
    moves = [abs(each["after"] - each["before"]) for each in body["movers"]]
    assert moves == sorted(moves, reverse=True)
    ways = {way["by"]: {group["name"]: group["n"] for group in way["groups"]} for way in body["fairness"]}
    assert ways["Category"] == {"health": len(organisers)}
    assert ways["Currency"] == {"GBP": len(organisers)}
    assert sum(ways["Age of account"].values()) == Score.objects.count()
    assert body["decided"] == {"cases": 0, "bad": 0, "before": None, "after": None, "difference": None}


def test_a_run_goes_on_where_it_was_and_stops_when_cancelled(
    organisers: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = a_draft(**OTHER)
    monkeypatch.setattr(dry_runs, "CHUNK", 5)
    run = dry_runs.ask(version=version, by=MIRIAM)
    with pytest.raises(DryRunActive):
        dry_runs.ask(version=version, by=AARON)
    assert dry_runs.carry_on()
    run.refresh_from_db()
    assert (run.state, run.total, run.done) == ("running", Score.objects.count(), 0)
    dry_runs.carry_on()
    dry_runs.carry_on()
    run.refresh_from_db()
    assert (run.done, run.rows.exclude(after_score=None).count()) == (10, 10)
    dry_runs.cancel(version=version, by=AARON)
    assert not dry_runs.carry_on()
    with pytest.raises(DryRunOver):
        dry_runs.cancel(version=version, by=AARON)
    assert DryRunReport.objects.count() == 0
    again = dry(version)
    assert again.body["entities"] == Score.objects.count() == DryRunRow.objects.count()
    assert [line.did for line in queries.changes_of(version)][:3:2] == [
        f"dry run against version {run.against_id} done",
        "dry run cancelled",
    ]


def test_a_run_that_breaks_again_and_again_is_given_up(organisers: list[UUID]) -> None:
    version = a_draft(**OTHER)
    run = dry_runs.ask(version=version, by=MIRIAM)
    # A kind that no score has breaks the listing of a running one.
    DryRun.objects.filter(id=run.id).update(state="running")
    DryRunCase.objects.create(
        run=run,
        fact_id=uuid4(),
        kind="campaign",
        entity_id=uuid4(),
        decided_at=clock.now(),
        bad=True,
        before_score=None,
    )
    with connection.cursor() as cursor:
        cursor.execute("UPDATE trust_versions_dryruncase SET decided_at = 'infinity'")
    for _ in range(dry_runs.TRIES):
        assert dry_runs.carry_on()
    run.refresh_from_db()
    assert (run.state, run.failures) == ("failed", dry_runs.TRIES)
    assert not dry_runs.carry_on()


def test_the_live_set_is_not_run_dry() -> None:
    with pytest.raises(SetNotThere):
        dry_runs.ask(version=parameters.live_version(), by=MIRIAM)
    assert DryRun.objects.count() == 0


def test_a_decided_case_is_seen_as_of_before_its_decision(monolith: Caller) -> None:
    campaign, owner = uuid4(), uuid4()
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, owner)})
    monolith.post("/trust/evidence", fact("payment.disputed", campaign, 4, payment_id="p", stage="lost"))
    live = parameters.params_of(parameters.live_version())
    monolith.post("/trust/evidence", fact("case.decided", campaign, 5, outcome="confirmed"))
    case = decided.decided_cases()[0]
    assert (case.kind, case.entity_id, case.bad) == ("campaign", campaign, True)
    found = decided.just_before(case, [live])[0]
    monolith.post("/trust/evidence", fact("campaign.update_posted", campaign, 3))
    assert decided.just_before(case, [live])[0] == found
    now = assessment.assess(assessment.read([("campaign", campaign)]), as_of=clock.now(), params=live)[0]
    assert now.score < found.score
    # The last word counts, and a valuable alert is neither bad nor false.
    monolith.post("/trust/evidence", fact("case.decided", campaign, 2, outcome="false"))
    assert [each.bad for each in decided.decided_cases()] == [False]
    monolith.post("/trust/evidence", fact("case.decided", campaign, 1, outcome="valuable"))
    assert decided.decided_cases() == []


# -- trials ------------------------------------------------------------------------------------------------------------


def try_out(version: int, share: float = 0.5, days: int = 14) -> Trial:
    trial = begun(version, share, days)
    while rescoring.rescore_due():
        pass
    return trial


def test_an_experiment_takes_a_finished_dry_run_and_two_people_and_a_shadow_neither() -> None:
    version = a_draft(**OTHER)
    dry_runs.ask(version=version, by=MIRIAM)
    commands.shadow(version=version, note="", by=MIRIAM)
    said: dict[str, Any] = {"version": version, "note": "Is it better?", "by": MIRIAM}
    with pytest.raises(DryRunMissing):
        trials.propose(share=0.5, days=14, **said)
    looked_at(version)
    trials.propose(share=0.5, days=14, **said)
    with pytest.raises(ProposalOpen):
        trials.propose(share=0.5, days=14, **said)
    with pytest.raises(SecondPersonNeeded):
        trials.approve(**said)
    for by in (MIRIAM, AARON):
        with pytest.raises(NoProposal):
            commands.approve(version=version, note="", by=by)
    assert (state_of(version), Trial.objects.count()) == ("shadow", 0)
    commands.decline(version=version, note="Not now", by=AARON)
    with pytest.raises(NoProposal):
        trials.approve(version=version, note="", by=AARON)
    trials.propose(share=0.3, days=21, **said)
    trial = trials.approve(version=version, note="Agreed", by=AARON)
    assert (trial.share, trial.ends_at - trial.started_at, state_of(version)) == (0.3, timedelta(days=21), "trial")
    told = [(line.did, line.actor) for line in queries.changes_of(version)[:2]]
    assert told == [
        ("tried out on 30% of organisers for 21 days", AARON),
        ("experiment proposed on 30% of organisers for 21 days", MIRIAM),
    ]


def test_both_arms_are_scored_by_both_and_only_the_exposure_differs(organisers: list[UUID], moved_clock: Any) -> None:
    live, version = parameters.live_version(), a_shadow(**OTHER)
    trial = try_out(version)
    everybody = set(scores())
    for each in (live, version):
        rows = SetScore.objects.filter(parameters_id=each)
        assert {(row.kind, row.entity_id) for row in rows} == everybody
    for row in Score.objects.all():
        arm = arm_of(row.owner_id, seed=trial.seed, share=trial.share)
        assert row.parameters_id == (version if arm == "challenger" else live)
        kept = SetScore.objects.get(parameters_id=row.parameters_id, kind=row.kind, entity_id=row.entity_id)
        assert kept.score == row.score
    shown = dict(Score.objects.values_list("entity_id", "parameters_id"))
    moved_clock(86400)
    scoring.begin_epoch()
    scoring.rescore_due()
    assert dict(Score.objects.values_list("entity_id", "parameters_id")) == shown
    assert SetScore.objects.count() == 2 * len(everybody)


def test_a_shadow_is_scored_beside_the_live_set_and_shown_to_nobody(organisers: list[UUID]) -> None:
    live, version = parameters.live_version(), a_shadow(**OTHER)
    scoring.rescore_due()
    assert {row.parameters_id for row in Score.objects.all()} == {live}
    assert SetScore.objects.filter(parameters_id=version).count() == Score.objects.count()
    commands.retire(version=version, note="No use", by=MIRIAM)
    tasks.tidy()
    assert SetScore.objects.count() == 0
    assert beside.tidy() == 0


def test_one_experiment_at_a_time_of_a_shadow_and_it_ends_in_the_shadow(organisers: list[UUID]) -> None:
    live, version, other = parameters.live_version(), a_shadow(**OTHER), a_shadow(identity_cap=50.0)
    for share, days in ((0.0, 14), (0.6, 14), (0.2, 1), (0.2, 400)):
        with pytest.raises(ParametersInvalid):
            trials.propose(version=version, share=share, days=days, note="", by=MIRIAM)
    trial = try_out(version)
    for refused in (other, version):
        with pytest.raises(TrialRunning):
            trials.propose(version=refused, share=0.2, days=14, note="", by=MIRIAM)
    with pytest.raises(NoTrial):
        trials.stop(version=other, note="", by=MIRIAM)
    trials.stop(version=version, note="Enough", by=AARON)
    trial.refresh_from_db()
    assert (trial.state, trial.ended_by, state_of(version)) == ("stopped", AARON, "shadow")
    scoring.rescore_due()
    assert {row.parameters_id for row in Score.objects.all()} == {live}
    assert trials.read_out(trial).why_not.startswith("It was stopped")


def test_a_roll_back_ends_an_experiment(organisers: list[UUID]) -> None:
    shipped, version = parameters.live_version(), a_shadow(**OTHER)
    try_out(version)
    commands.roll_back(note="Now", by=MIRIAM)
    assert (state_of(version), state_of(shipped), queries.running_trial()) == ("shadow", "retired", None)


def test_cases_of_a_trial_are_kept_once_with_what_both_sets_said(
    organisers: list[UUID], monolith: Caller, moved_clock: Any
) -> None:
    trial = try_out(a_shadow(**OTHER))
    moved_clock(2 * 86400)
    campaign = Score.objects.filter(kind="campaign").first()
    assert campaign is not None
    monolith.post("/trust/evidence", fact("case.decided", campaign.entity_id, -1.5, outcome="confirmed"))
    assert trials.take_in_cases() == 1
    assert trials.take_in_cases() == 0
    case = TrialCase.objects.get()
    assert (case.bad, case.owner_id) == (True, campaign.owner_id)
    assert case.control != case.challenger
    found = trials.read_out(trial)
    assert (found.effect, found.cases, found.bad) == (None, 1, 1)
    assert found.why_not.startswith("The effect is read once, on ")
    moved_clock(20 * 86400)
    assert trials.read_out(trial).why_not.startswith("Too few cases")


def test_the_guardrails_tell_reports_honest_complaints_and_appeals_by_arm(
    organisers: list[UUID], monolith: Caller, moved_clock: Any
) -> None:
    before = Score.objects.filter(kind="campaign").order_by("owner_id").first()
    assert before is not None
    monolith.post("/trust/evidence", fact("report.filed", before.entity_id, 5, report_id="early", kind="fraud"))
    version = a_shadow(**OTHER)
    dry(version)
    trials.propose(version=version, share=0.5, days=14, note="Is it better?", by=MIRIAM)
    trial = trials.approve(version=version, note="Agreed", by=AARON)
    while rescoring.rescore_due():
        pass
    moved_clock(3 * 86400)
    for number, outcome in enumerate(("upheld", "dismissed", "")):
        said = fact("report.filed", before.entity_id, -1, report_id=f"r{number}", kind="fraud")
        monolith.post("/trust/evidence", said)
        if outcome:
            judged = fact("report.decided", before.entity_id, -2, report_id=f"r{number}", outcome=outcome)
            monolith.post("/trust/evidence", judged)
    Appeal.objects.create(
        entity_kind="campaign",
        entity_id=before.entity_id,
        filed_by=uuid4(),
        against="score",
        target_id=before.entity_id,
        statement="Look again",
        filed_at=clock.now(),
        due_at=clock.now(),
    )
    scoring.rescore_due()
    found = trials.read_out(trial)
    arm = arm_of(before.owner_id, seed=trial.seed, share=trial.share)
    mine, other = (found.challenger, found.control) if arm == "challenger" else (found.control, found.challenger)
    assert (mine.reports, mine.judged, mine.upheld, mine.appeals) == (3, 2, 1, 1)
    assert (other.reports, other.judged, other.upheld, other.appeals) == (0, 0, 0, 0)
    client, _ = signed_in("analyst")
    page = client.get(reverse("admin:trust_versions_version_change", args=(trial.challenger_id,))).content.decode()
    for named in ("Appeals per 100", "Upheld of judged", "1 of 2 (50%)"):
        assert named in page


def test_an_override_is_measured_by_the_set_its_organiser_is_shown(organisers: list[UUID]) -> None:
    live, version = parameters.live_version(), a_shadow(**OTHER)
    try_out(version)
    for row in Score.objects.filter(kind="campaign"):
        found, _ = overriding.measure(row.kind, row.entity_id, Wish("tier", tier="NEW"))
        assert row.parameters_id in (live, version)
        assert found.score == pytest.approx(row.score, abs=0.01)
        other = SetScore.objects.exclude(parameters_id=row.parameters_id).get(kind=row.kind, entity_id=row.entity_id)
        assert abs(found.score - other.score) > 0.1


def a_trial_at_its_end(organisers: int, moved_clock: Any, *, share: float = 0.5, shown: float = 0.5) -> Trial:
    """A trial with that many organisers, of whom `shown` are shown the challenger, and 40 decided cases."""
    live, version = parameters.live_version(), a_shadow(**OTHER)
    trial = begun(version, share)
    told: dict[str, Any] = {"lower": 0, "deviation": 0, "confidence": 0, "rated": True, "tier": "NEW", "cap": 100}
    told |= {"cap_adjustment": 0, "factors": [], "reasons": [], "features": [], "revision": 1, "turn": 0}
    Score.objects.bulk_create(
        Score(
            kind="campaign",
            entity_id=uuid4(),
            owner_id=uuid4(),
            score=50,
            parameters_id=version if at < organisers * shown else live,
            calculated_at=clock.now(),
            **told,
        )
        for at in range(organisers)
    )
    for at in range(40):
        bad = at % 2 == 0
        TrialCase.objects.create(
            trial=trial,
            fact_id=uuid4(),
            kind="user",
            entity_id=uuid4(),
            bad=bad,
            # The control is right three times in four, the challenger always.
            control=40 + at % 20 if bad == (at % 8 > 1) else 60 + at % 20,
            challenger=20 + at % 20 if bad else 70 + at % 20,
            decided_at=clock.now(),
        )
    moved_clock(15 * 86400)
    return trial


def test_at_the_agreed_date_the_effect_is_read(moved_clock: Any) -> None:
    found = trials.read_out(a_trial_at_its_end(100, moved_clock))
    assert (found.blocked, found.why_not) == (False, "")
    assert (found.control.organisers, found.challenger.organisers, found.waiting) == (50, 50, 0)
    assert found.effect is not None
    assert found.effect.low > 0
    assert found.effect.p < 0.05


def test_a_split_that_is_not_what_was_agreed_blocks_the_read_out_and_says_so(moved_clock: Any) -> None:
    found = trials.read_out(a_trial_at_its_end(400, moved_clock, shown=0.3))
    assert found.blocked
    assert found.effect is None
    assert found.why_not.startswith("The arms are not as large as agreed")


# -- figures on small exact cases --------------------------------------------------------------------------------------


def test_how_well_bad_and_good_are_parted() -> None:
    found = comparing.quality([10, 20, 30, 40], [True, True, False, False])
    assert found is not None
    assert found.auc == 1.0
    # One of four pairs is the wrong way round.
    turned = comparing.quality([10, 35, 30, 40], [True, True, False, False])
    assert turned is not None
    assert turned.auc == 0.75
    assert comparing.quality([1, 2], [True, True]) is None
    same = comparing.quality([5] * 8, [True, True, False, False] * 2)
    assert same is not None
    assert same.auc == 0.5
    assert same.brier == pytest.approx(0.25)


def test_two_sets_are_compared_on_the_same_cases() -> None:
    bad = [True, True, False, False]
    found = comparing.paired([10, 35, 30, 40], [10, 20, 30, 40], bad)
    assert found is not None
    # DeLong by hand: placements differ by (0, .5) over the bad and by (.5, 0) over the good ones.
    assert found.difference == 0.25
    assert found.high - found.difference == pytest.approx(1.959964 * (0.125 / 2 + 0.125 / 2) ** 0.5, rel=1e-6)
    again = comparing.paired([10, 35, 30, 40], [10, 35, 30, 40], bad)
    assert again is not None
    assert (again.difference, again.p) == (0.0, 1.0)
    assert comparing.paired([1, 2, 3], [1, 2, 3], [True, False, False]) is None


def test_groups_that_stand_apart_are_pointed_out() -> None:
    def group(category: str, n: int, mean: float) -> tuple[Any, ...]:
        return ("campaign", category, "", 5.0, 100.0, n, n * mean, n * mean, "STEADY")

    def case(category: str, after: float) -> DryRunCase:
        return DryRunCase(kind="campaign", category=category, bad=False, after_score=after, donors=5, age_days=100)

    cases = [case("roofs", 40)] * 15 + [case("roofs", 60)] * 5 + [case("water", 60)] * 60
    rows = [group("roofs", 50, 40.0), group("water", 150, 60.0), group("few", 5, 0.0)]
    ways = {way["by"]: {each["name"]: each for each in way["groups"]} for way in fairness(rows, cases)}
    roofs, water, few = (ways["Category"][name] for name in ("roofs", "water", "few"))
    assert (roofs["n"], roofs["after"], roofs["fine"], roofs["false_alarms"]) == (50, 40.0, 20, 0.75)
    assert [text.split(" ")[1] for text in roofs["warnings"]] == ["mean", "false"]
    assert (water["false_alarms"], few["warnings"], few["false_alarms"]) == (0.0, [], None)
    assert ways["Currency"]["not known"]["n"] == 205
