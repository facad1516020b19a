"""The kernel alone: what holds for every feature row there can be."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.trust.oracle import expected
from trust_svc.scoring.engine import (
    ITEMS,
    TIERS,
    V1,
    V2,
    V3,
    Column,
    Params,
    Reason,
    as_matrix,
    points,
    reasons,
    repaired,
    row,
    score,
)
from trust_svc.scoring.engine.kernel import CHUNK
from trust_svc.scoring.engine.params import UNITS_PER_POINT

settings.register_profile("trust", deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("trust")

SHARE = st.floats(0, 1)
MASS = st.one_of(st.floats(0, 12), st.floats(0, 2000), st.just(0.0))
LIMITS: dict[str, st.SearchStrategy[float]] = {
    "progress": SHARE,
    "prior": st.one_of(st.just(0.0), SHARE),
    "items": st.integers(0, 255).map(float),
    "tenure": st.floats(0, 10_000),
    "donor": st.sampled_from([0.0, 1.0]),
    "held": st.sampled_from([0.0, 0.0, 1.0]),
    "quiet": SHARE,
}
ROWS = st.fixed_dictionaries({c.name.lower(): LIMITS.get(c.name.lower(), MASS) for c in Column})
RAISES = ("done", "progress", "periods", "answered", "voices", "ok", "tenure", "timely", "posted", "prepared")
LOWERS = (
    *("failed", "silence", "unanswered", "donors", "bad", "reports_open", "reports_upheld", "exposure"),
    *("untimely", "lived", "quiet", "lapsed"),
)


def of(features: dict[str, float], params: Params = V1) -> Any:
    return score(as_matrix([row(**features)]), params)


def why(features: dict[str, float], params: Params = V1) -> list[Reason]:
    matrix = as_matrix([row(**features)])
    return reasons(matrix, score(matrix, params), params)[0]


@given(ROWS)
def test_every_score_is_bounded(features: dict[str, float]) -> None:
    found = of(features)
    assert 0 <= found.lower[0] <= found.score[0] <= found.cap[0] <= 100 * UNITS_PER_POINT
    assert 0 <= found.confidence[0] <= 1
    assert ((found.values >= 0) & (found.values <= 1)).all()


@given(ROWS)
def test_contributions_and_cap_are_the_score_in_every_arithmetic(features: dict[str, float]) -> None:
    found = of(features)
    parts = [points(unit) for unit in [*found.contributions[:, 0], found.cap_adjustment[0]]]
    text = json.dumps({"parts": parts, "score": points(found.score[0])})
    floats, decimals = json.loads(text), json.loads(text, parse_float=Decimal)
    assert sum(floats["parts"]) == floats["score"]
    assert sum(decimals["parts"]) == decimals["score"]


@given(ROWS, st.sampled_from(RAISES + LOWERS), st.floats(0, 50))
def test_more_of_one_input_moves_the_score_only_its_own_way(features: dict[str, float], name: str, more: float) -> None:
    # Updates mean nothing for a person without campaigns, which is no movement either.
    other = features | {name: min(1.0, features[name] + more) if name == "progress" else features[name] + more}
    before, after = of(features).score[0], of(other).score[0]
    assert after >= before if name in RAISES else after <= before


@given(ROWS, st.floats(0.001, 1), st.floats(0.001, 1))
def test_a_better_category_never_lowers_a_score(features: dict[str, float], one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert of(features | {"prior": low}).score[0] <= of(features | {"prior": high}).score[0]


@given(ROWS, st.integers(0, len(ITEMS) - 1))
def test_every_verification_raises_or_keeps_the_score(features: dict[str, float], bit: int) -> None:
    held = int(features["items"]) | (1 << bit)
    assert of(features | {"items": float(held)}).score[0] >= of(features).score[0]


@given(st.lists(ROWS, min_size=2, max_size=40), st.randoms(use_true_random=False), st.integers(1, 39))
def test_order_and_chunks_change_no_bit(rows: list[dict[str, float]], shuffle: Any, cut: int) -> None:
    matrix = as_matrix([row(**features) for features in rows])
    order = list(range(len(rows)))
    shuffle.shuffle(order)
    whole, shuffled = score(matrix, V1), score(np.ascontiguousarray(matrix[:, order]), V1)
    halves = [score(matrix[:, :cut], V1), score(matrix[:, cut:], V1)] if cut < len(rows) else [whole]
    for name in ("score", "lower", "confidence", "values", "deviation", "contributions"):
        everything = getattr(whole, name)
        assert everything[..., order].tobytes() == getattr(shuffled, name).tobytes()
        joined = np.concatenate([getattr(half, name) for half in halves], axis=-1)
        assert everything.tobytes() == joined.tobytes()


@given(ROWS, st.sampled_from([V1, V2, V3]))
def test_the_kernel_agrees_with_the_oracle(features: dict[str, float], params: Params) -> None:
    found, want = of(features, params), expected(features, params)
    unit = 1 / UNITS_PER_POINT
    for index, contribution in enumerate(want.contributions):
        assert points(found.contributions[index, 0]) == pytest.approx(contribution, abs=unit)
    assert points(found.score[0]) == pytest.approx(want.score, abs=4 * unit)
    assert points(found.cap_adjustment[0]) == pytest.approx(want.cap_adjustment, abs=4 * unit)
    assert points(found.lower[0]) == pytest.approx(want.lower, abs=5 * unit)
    assert found.confidence[0] == pytest.approx(want.confidence, abs=1e-9)
    assume(abs(want.confidence - params.confidence_floor) > 1e-9)
    assert bool(found.rated[0]) is want.rated
    assume(all(abs(want.score - edge) > 4 * unit for edge in params.tiers))
    assert TIERS[found.tier[0]] == want.tier


@given(ROWS, st.floats(0, 1e9))
def test_unreviewed_reports_alone_cost_at_most_three_points(features: dict[str, float], mass: float) -> None:
    clear = of(features | {"reports_open": 0.0}).score[0]
    assert clear - of(features | {"reports_open": mass}).score[0] <= 3 * UNITS_PER_POINT


@given(ROWS)
def test_the_same_row_gives_the_same_bytes(features: dict[str, float]) -> None:
    assert of(features).values.tobytes() == of(features, Params.parse(V1.canonical())).values.tobytes()


def test_of_nothing_known_comes_the_prior_and_no_rating() -> None:
    found = of({})
    assert [round(float(value), 4) for value in found.values[:, 0]] == [0.7, 0.6, 0.3, 0.0, 0.5032]
    assert (found.confidence[0], bool(found.rated[0]), found.cap_adjustment[0]) == (0.0, False, 0)


def test_without_identity_a_perfect_record_stops_at_69() -> None:
    best = {"done": 100.0, "periods": 6.0, "exposure": 6.0, "voices": 500.0, "donors": 500.0, "answered": 100.0}
    best |= {"ok": 900.0, "tenure": 3000.0, "items": 255.0}
    assert points(of(best).score[0]) > 95
    without = best | {"items": 255.0 - 4}
    assert points(of(without).score[0]) == 69.0
    first, second = why(without)[:2]
    assert (first.code, second.code) == ("K1", "V3")
    # Verifying it wins its own points and those that the cap cut off.
    assert first.gain == second.gain == points(of(best).score[0]) - 69.0
    lacking = why(best | {"items": 255.0 - 4 - 32})
    assert [(reason.code, reason.gain) for reason in lacking[:2]] == [("K1", first.gain - 2.0), ("V6", 0.0)]


def test_an_upheld_report_caps_and_says_so() -> None:
    blamed = {"items": 255.0, "reports_upheld": 2.0, "voices": 100.0, "donors": 100.0, "done": 9.0, "tenure": 900.0}
    found = of(blamed)
    assert points(found.score[0]) == 47.5
    first = why(blamed)[0]
    assert (first.code, first.points) == ("K2", points(-found.cap_adjustment[0]))


@given(ROWS)
def test_a_hold_caps_and_says_so(features: dict[str, float]) -> None:
    free, held = of(features | {"held": 0.0}, V3), of(features | {"held": 1.0}, V3)
    assert held.score[0] == min(free.score[0], V3.hold_cap * UNITS_PER_POINT)
    assert (held.contributions == free.contributions).all()
    if held.cap_adjustment[0] < 0 and held.score[0] == V3.hold_cap * UNITS_PER_POINT:
        first = why(features | {"held": 1.0}, V3)[0]
        assert (first.code, first.gain) == ("K3", points(free.score[0] - held.score[0]))


@given(ROWS)
def test_the_first_set_knows_no_holds(features: dict[str, float]) -> None:
    assert of(features | {"held": 0.0}).score[0] == of(features | {"held": 1.0}).score[0]


@given(ROWS)
def test_what_would_help_is_said_with_its_exact_gain(features: dict[str, float]) -> None:
    listed = [features[column.name.lower()] for column in Column]
    before = of(features, V3).score[0]
    for reason in why(features, V3):
        if reason.code == "H3":
            # What unreviewed reports cost is told to nobody.
            assert reason.gain is None
            continue
        after = score(as_matrix([repaired(listed, reason.code, V3)]), V3).score[0]
        assert reason.gain == points(after - before)
        assert reason.gain >= 0


@pytest.mark.parametrize(
    ("features", "code"),
    [
        ({"done": 0.0, "failed": 3.0, "elapsed": 1.0}, "C3"),
        ({"done": 0.0, "elapsed": 3.0, "progress": 0.1}, "C1"),
        ({"done": 2.0}, "C2"),
        ({"silence": 1.0}, "U1"),
        ({"periods": 3.0}, "U2"),
        ({"answered": 0.0}, "E4"),
        ({"answered": 0.0, "unanswered": 1.0}, "E3"),
        ({"donors": 300.0}, "E2"),
        ({"voices": 5.0, "donors": 5.0}, "E1"),
        ({"ok": 0.0}, "H5"),
        ({"bad": 40.0}, "H1"),
        ({"tenure": 0.0}, "H2"),
        ({"reports_open": 50.0}, "H3"),
        ({"items": 255.0 - 8}, "V4"),
    ],
)
def test_a_reason_says_only_what_is_so(features: dict[str, float], code: str) -> None:
    fine = {"done": 60.0, "periods": 7.0, "exposure": 6.0, "voices": 90.0, "donors": 90.0, "answered": 90.0}
    fine |= {"ok": 2000.0, "tenure": 3000.0, "items": 255.0}
    assert [reason.code for reason in why(fine)] == []
    assert [reason.code for reason in why(fine | features)] == [code]


@given(ROWS)
def test_reasons_are_the_largest_shortfalls(features: dict[str, float]) -> None:
    given_reasons = why(features)
    assert len(given_reasons) <= 4
    of_factors = [reason.points for reason in given_reasons if reason.factor != "cap"]
    assert of_factors == sorted(of_factors, reverse=True)
    assert all(reason.points > 1 and reason.text and reason.helps for reason in given_reasons if reason.factor != "cap")


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), -1.0])
def test_impossible_features_are_refused(broken: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        score(as_matrix([row(done=broken)]), V1)


def test_more_rows_than_one_chunk_are_scored_alike() -> None:
    dice = np.random.default_rng(5)
    matrix = np.ascontiguousarray(dice.gamma(1.0, 4.0, size=(len(Column), 2 * CHUNK + 7)))
    whole = score(matrix, V3)
    for begin, end in ((0, 1), (CHUNK - 1, CHUNK + 2), (2 * CHUNK, 2 * CHUNK + 7)):
        part = score(np.ascontiguousarray(matrix[:, begin:end]), V3)
        for name in ("score", "lower", "confidence", "values", "deviations", "contributions", "tier", "rated"):
            assert getattr(whole, name)[..., begin:end].tobytes() == getattr(part, name).tobytes()
        assert whole.terms.reach[begin:end].tobytes() == part.terms.reach.tobytes()


def test_an_empty_population_is_no_error() -> None:
    assert score(as_matrix([]), V1).score.shape == (0,)


def test_the_first_parameter_set_never_changes() -> None:
    assert V1.digest == "1133e444059991870bcbfca61ea18fd847b039d2cc802f668e63e760456f04eb"


def test_the_second_parameter_set_never_changes_either() -> None:
    assert V2.digest == "e83b0b0610cbcb6c5ab4139e5d0096232562b95141d250791c2ec74f78718738"


def test_parameters_that_make_no_sense_are_refused() -> None:
    for text in (
        '{"weights": [1, 0, 0, 0]}',
        '{"weights": [0.5, 0.5, 0.5, 0, 0]}',
        '{"colour": 1}',
        '{"tier_slack": -1}',
    ):
        with pytest.raises(ValueError, match=r"."):
            Params.parse(text)
