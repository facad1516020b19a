"""The scores of the old platform: which one counts, and that bringing them over twice is bringing them over once."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from trust_svc.evidence.legacy.rows import read_export
from trust_svc.evidence.legacy.rules import OldScore, Profile, ScoreEvent, old_scores
from trust_svc.evidence.models import Fact
from trust_svc.scoring.models import Due

ANNA = UUID(int=1)
SPRING, SUMMER = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC)


def profile(score: str | None, tier: str = "NEW", at: datetime | None = SUMMER) -> Profile:
    return Profile(ANNA, None if score is None else Decimal(score), tier, at)


def event(score: str | None, at: datetime = SPRING, id: str = "a") -> ScoreEvent:
    return ScoreEvent(id, ANNA, None if score is None else Decimal(score), at)


@pytest.mark.parametrize(
    ("profiles", "events", "score", "at"),
    [
        ([profile("71.5", "STEADY")], [], "71.5", SUMMER),
        ([profile("71.5")], [event("12")], "71.5", SUMMER),
        ([profile("71.5", at=None)], [event("12")], "71.5", SPRING),
        ([profile(None)], [event("12")], "12", SPRING),
        ([], [event("12", SPRING), event("40", SUMMER)], "40", SUMMER),
        ([], [event("12", SPRING, "b"), event("40", SPRING, "a")], "12", SPRING),
        ([profile(None)], [], None, None),
        # The untouched default says nothing; 50 with another tier, or after an event, was meant.
        ([profile("50.00")], [], None, None),
        ([profile("50.00", "STEADY")], [], "50.00", SUMMER),
        ([profile("50.00")], [event(None)], "50.00", SUMMER),
        ([profile("10", at=SPRING), profile("20", at=SUMMER)], [], "20", SUMMER),
    ],
)
def test_which_score_counts(
    profiles: list[Profile], events: list[ScoreEvent], score: str | None, at: datetime | None
) -> None:
    assert old_scores(profiles, events) == [OldScore(ANNA, None if score is None else Decimal(score), at)]


@pytest.mark.parametrize(
    ("score", "tier"),
    [
        (None, "NEW"),
        ("0", "NEW"),
        ("24.99", "NEW"),
        ("25", "RISING"),
        ("50", "STEADY"),
        ("75", "TRUSTED"),
        ("90", "STAR"),
    ],
)
def test_the_tier_is_found_anew_by_its_lower_edge(score: str | None, tier: str) -> None:
    assert OldScore(ANNA, None if score is None else Decimal(score), SPRING).tier == tier


def test_lines_are_known_by_their_columns_whatever_shape_they_have(tmp_path: Path) -> None:
    table, lines = tmp_path / "user_profiles.csv", tmp_path / "events.jsonl"
    table.write_text(
        "id,display_name,trust_score,trust_tier,trust_score_last_updated,created_at\n"
        f"{ANNA},Anna,71.50,STEADY,,2025-03-01 00:00:00+00\n"
        f"{uuid4()},Ben,\\N,NEW,,2025-03-01 00:00:00\n"
        "not-an-id,Carl,10,NEW,,\n"
    )
    shapes: list[dict[str, Any]] = [
        {"id": "1", "user_id": str(ANNA), "event_type": "CALCULATION", "new_score": "12", "old_score": None},
        {"id": "2", "recipient_id": str(ANNA), "event_type": "kyc_update", "impact_score": 3},
        {"id": "3", "user_id": str(ANNA), "previous_score": 10, "score_change": 2, "new_score": 12.0},
    ]
    lines.write_text("\n".join(json.dumps(each | {"created_at": "2025-03-01T00:00:00Z"}) for each in shapes) + "\n{}\n")
    export = read_export([table, lines])
    assert export.profiles[0] == Profile(ANNA, Decimal("71.50"), "STEADY", SPRING)
    assert [each.score for each in export.profiles] == [Decimal("71.50"), None]
    assert [each.new_score for each in export.events] == [Decimal(12), None, Decimal(12)]
    assert [place for place, _ in export.wrong] == ["user_profiles.csv:4", "events.jsonl:4"]


def an_export(folder: Path, *scores: float | None) -> Path:
    file = folder / "profiles.jsonl"
    rows = [
        {"id": str(UUID(int=at + 1)), "trust_score": score, "trust_tier": "NEW", "updated_at": "2025-06-01T00:00:00Z"}
        for at, score in enumerate(scores)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def run(file: Path, *words: str) -> str:
    out = io.StringIO()
    call_command("import_scores", "--input", str(file), *words, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_old_scores_come_over_once_with_their_own_time(tmp_path: Path) -> None:
    file = an_export(tmp_path, 81.25, 50.0, None, 12.0)
    said = run(file)
    assert "2 scored, 2 unscored" in said
    assert "2 told, 0 known already" in said
    told = Fact.objects.order_by("subject_id")
    assert [(fact.type, fact.source, fact.time, fact.data) for fact in told] == [
        ("score.imported", "legacy", SUMMER, {"score": 81.25}),
        ("score.imported", "legacy", SUMMER, {"score": 12.0}),
    ]
    assert Due.objects.filter(kind="user", entity_id=ANNA).exists()
    assert "0 told, 2 known already" in run(file)
    assert Fact.objects.count() == 2


@pytest.mark.django_db
def test_a_dry_run_says_who_would_stand_elsewhere_and_writes_nothing(tmp_path: Path) -> None:
    file, report = an_export(tmp_path, 81.25, 101.0), tmp_path / "moves.csv"
    said = run(file, "--dry-run", "--report", str(report))
    assert "1 of 1 would stand in another tier: TRUSTED to NEW 1" in said
    assert f"left out: {UUID(int=2)}: the score is not between 0 and 100" in said
    assert report.read_text().splitlines()[1].startswith(f"{ANNA},81.25,TRUSTED,")
    assert (Fact.objects.count(), Due.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_what_the_database_says_otherwise_is_found_at_the_end(tmp_path: Path) -> None:
    file = an_export(tmp_path, 81.25)
    fact = old_scores(*_read(file))[0].fact()
    said = {"score": 3.0}
    Fact.objects.create(
        id=fact.id, type=fact.type, time=fact.time, subject_kind="user", subject_id=ANNA, data=said, source="legacy",
        recorded_at=SUMMER,
    )  # fmt: skip
    with pytest.raises(CommandError, match="does not say what the export says"):
        run(file)


def _read(file: Path) -> tuple[list[Profile], list[ScoreEvent]]:
    export = read_export([file])
    return export.profiles, export.events
