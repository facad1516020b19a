"""Why a score is not higher, in words: the largest exact shortfalls, each with what would help and by how much."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from trust_svc.scoring.engine.columns import Column, Floats
from trust_svc.scoring.engine.hands import credibility
from trust_svc.scoring.engine.kernel import Scores, cap_units, points, score
from trust_svc.scoring.engine.params import FACTORS, FULL, IDENTITY, ITEMS, Params

MOST = 4  # more reasons than four help nobody
LEAST = 1.0  # points; smaller shortfalls are noise

# code: (what is so, what would help)
TEXTS: dict[str, tuple[str, str]] = {
    "C1": ("Some of what was promised is not delivered yet", "Deliver what was promised; show progress and milestones"),
    "C2": ("There is little record of delivered campaigns yet", "A delivered campaign or milestone counts most"),
    "C3": ("A campaign or milestone was not delivered", "Deliver the next one; what went wrong fades with time"),
    "U1": ("The last update is long ago", "Post an update"),
    "U2": ("Updates come irregularly", "Post an update in every period; several at once count as one"),
    "E1": ("Few independent people have given so far", "Ten more people who give independently of each other"),
    "E2": ("Many gifts seem to come from few hands", "Gifts from people who are independent of each other"),
    "E3": ("Questions wait too long for an answer", "Answer questions within three days"),
    "E4": ("Few questions were answered and few givers came back so far", "Answer questions; givers who come back"),
    "V1": ("The email address is not verified", "Verify the email address"),
    "V2": ("The phone number is not verified", "Verify the phone number"),
    "V3": ("The identity is not verified", "Verify the identity"),
    "V4": ("The bank account is not verified", "Verify the bank account"),
    "V5": ("No entry in a public register is verified", "Have the registration verified"),
    "V6": ("The beneficiary is not verified", "Have the beneficiary verified"),
    "V7": ("There is no endorsement yet", "Ask a church or organisation that we know for an endorsement"),
    "V8": ("The address is not verified", "Verify the address"),
    "H1": ("Gifts had to be returned or were disputed", "Gifts that stay undisputed let this fade within months"),
    "H2": ("The record is still short", "Time: another year without trouble"),
    "H3": ("There are reports that wait for review", "The review decides; unreviewed reports count for little"),
    "H4": ("A report was upheld", "Time without further trouble; a decision can be appealed"),
    "H5": ("Few gifts have settled so far", "Gifts that settle and stay undisputed"),
    "K1": ("Without a verified identity the score is capped", "Verify the identity"),
    "K2": ("An upheld report caps the score", "Time without further trouble; a decision can be appealed"),
    "K3": ("A hold caps the score while it is looked into", "The review ends the hold; a decision can be appealed"),
}
# What unreviewed reports cost is told to nobody, so there is nothing to win by sending some.
SILENT = frozenset({"H3"})


@dataclass(frozen=True, slots=True)
class Reason:
    """`points` is what the factor (or the cap) costs at present; `gain` what the score would win if what is said here were
    repaired and nothing else, lifted caps included (None: that is told to nobody). Both are exact in 1/1024 points."""

    code: str
    factor: str
    points: float
    gain: float | None

    @property
    def text(self) -> str:
        return TEXTS[self.code][0]

    @property
    def helps(self) -> str:
        return TEXTS[self.code][1]


@dataclass(frozen=True, slots=True)
class _Found:
    at: int
    code: str
    factor: str
    points: float


def reasons(rows: Floats, scores: Scores, params: Params) -> list[list[Reason]]:
    """For each entity up to four reasons: the cap first, then the largest shortfalls above one point.

    `rows` are those that gave `scores`. All gains are found by the kernel in one call.
    """
    found = [each for at in range(rows.shape[1]) for each in _found(rows, scores, at, params)]
    told = [each for each in found if each.code not in SILENT]
    gains = {(each.at, each.code): gain for each, gain in zip(told, _gains(rows, scores, told, params), strict=True)}
    listed: list[list[Reason]] = [[] for _ in range(rows.shape[1])]
    for each in found:
        gain = gains.get((each.at, each.code))
        listed[each.at].append(Reason(each.code, each.factor, each.points, gain))
    return listed


def repaired(row: Sequence[float], code: str, params: Params) -> list[float]:
    """The row as it would be if what this reason says were no longer so."""
    other = list(row)
    if code[0] == "V" or code == "K1":
        item = IDENTITY if code == "K1" else int(code[1:]) - 1
        other[Column.ITEMS] = float(int(other[Column.ITEMS]) | (1 << item))
    else:
        _REPAIRS[code](other, params)
    return other


def _found(rows: Floats, scores: Scores, at: int, params: Params) -> list[_Found]:
    row = rows[:, at]
    found = []
    if scores.cap_adjustment[at] < 0:
        found.append(_Found(at, _cap_code(scores, at, params), "cap", points(-scores.cap_adjustment[at])))
    missing = [
        (points(round(float(scores.weights[index, at]) * FULL) - scores.contributions[index, at]), index)
        for index in range(len(FACTORS))
    ]
    capped = bool(found) and found[0].code == "K1"
    for short, index in sorted(missing, key=lambda pair: (-pair[0], pair[1])):
        if short > LEAST:
            code = _WORST[FACTORS[index]](row, scores, at, params, capped)
            found.append(_Found(at, code, FACTORS[index], short))
    return found[:MOST]


def _gains(rows: Floats, scores: Scores, found: Sequence[_Found], params: Params) -> list[float]:
    if not found:
        return []
    changed = [repaired(rows[:, each.at].tolist(), each.code, params) for each in found]
    after = score(np.ascontiguousarray(np.array(changed, dtype=np.float64).T), params).score
    return [points(after[index] - scores.score[each.at]) for index, each in enumerate(found)]


def _cap_code(scores: Scores, at: int, params: Params) -> str:
    """Which of the caps is the lowest; a hold comes first, because it says the most."""
    cap = int(scores.cap[at])
    if scores.held[at] and cap == cap_units(params.hold_cap):
        return "K3"
    identified = (int(scores.items[at]) >> IDENTITY) & 1
    return "K1" if not identified and cap == cap_units(params.identity_cap) else "K2"


# The code of each factor's worst term: (row, scores, at, params, whether the missing identity is told already) → code.
def _completion(row: Floats, scores: Scores, at: int, params: Params, capped: bool) -> str:
    """The shortfall is (failed + not shown yet + prior) over all observations: the largest of the three."""
    open_mass = row[Column.ELAPSED] * (1.0 - min(1.0, row[Column.PROGRESS]))
    low, high = params.completion_prior_floor, params.completion_prior_ceiling
    rate = min(high, max(low, row[Column.PRIOR])) if row[Column.PRIOR] > 0 else params.completion_prior
    unknown = params.completion_prior_mass * (1.0 - rate)
    costs = {"C2": unknown, "C1": open_mass, "C3": row[Column.FAILED]}
    return max(costs, key=lambda code: float(costs[code]))


def _updates(row: Floats, scores: Scores, at: int, params: Params, capped: bool) -> str:
    return "U1" if scores.terms.fresh[at] < scores.terms.regular[at] else "U2"


def _engagement(row: Floats, scores: Scores, at: int, params: Params, capped: bool) -> str:
    terms = scores.terms
    answers = "E3" if row[Column.UNANSWERED] > 0 else "E4"
    worst = {"E1": terms.reach[at], "E2": terms.independent[at], answers: terms.response[at]}
    return min(worst, key=lambda code: float(worst[code]))


def _verification(row: Floats, scores: Scores, at: int, params: Params, capped: bool) -> str:
    lacking = [index for index in range(len(ITEMS)) if not (int(scores.items[at]) >> index) & 1]
    others = [index for index in lacking if index != IDENTITY or not capped] or lacking
    return f"V{1 + max(others, key=lambda index: (params.items[index], -index))}"


def _history(row: Floats, scores: Scores, at: int, params: Params, capped: bool) -> str:
    terms = scores.terms
    money = "H1" if row[Column.BAD] > 0 else "H5"
    worst = {"H4": terms.unblamed[at], money: terms.clean[at], "H2": terms.tenure[at], "H3": terms.unreported[at]}
    return min(worst, key=lambda code: float(worst[code]))


_WORST: dict[str, Callable[[Floats, Scores, int, Params, bool], str]] = {
    "completion": _completion,
    "updates": _updates,
    "engagement": _engagement,
    "verification": _verification,
    "history": _history,
}


def _deliver_open(row: list[float], params: Params) -> None:
    row[Column.PROGRESS] = 1.0


def _deliver_one(row: list[float], params: Params) -> None:
    row[Column.DONE] += 1.0


def _post(row: list[float], params: Params) -> None:
    row[Column.SILENCE] = row[Column.QUIET] = 0.0


def _post_regularly(row: list[float], params: Params) -> None:
    row[Column.PERIODS] = max(row[Column.PERIODS], row[Column.EXPOSURE])
    row[Column.POSTED] = max(row[Column.POSTED], row[Column.LIVED])
    row[Column.SILENCE] = row[Column.QUIET] = 0.0


def _find_givers(row: list[float], params: Params) -> None:
    """Ten people of whom nothing is known."""
    more = 10.0 * credibility(params.unknown_standing, params)
    row[Column.VOICES] += more
    row[Column.DONORS] += more


def _spread_gifts(row: list[float], params: Params) -> None:
    row[Column.DONORS] = min(row[Column.DONORS], row[Column.VOICES])


def _answer(row: list[float], params: Params) -> None:
    row[Column.ANSWERED] += row[Column.UNANSWERED]
    row[Column.TIMELY] += row[Column.UNTIMELY]
    row[Column.UNANSWERED] = row[Column.UNTIMELY] = 0.0


def _answer_more(row: list[float], params: Params) -> None:
    row[Column.ANSWERED] += params.response_prior_mass
    row[Column.TIMELY] += params.response_prior_mass


def _settle(row: list[float], params: Params) -> None:
    row[Column.BAD] = 0.0


def _settle_more(row: list[float], params: Params) -> None:
    row[Column.OK] += params.clean_prior_mass


def _wait(row: list[float], params: Params) -> None:
    row[Column.TENURE] += 365.0


def _dismiss(row: list[float], params: Params) -> None:
    row[Column.REPORTS_OPEN] = 0.0


def _acquit(row: list[float], params: Params) -> None:
    row[Column.REPORTS_UPHELD] = 0.0


def _release(row: list[float], params: Params) -> None:
    row[Column.HELD] = 0.0


_REPAIRS: dict[str, Callable[[list[float], Params], None]] = {
    "C1": _deliver_open,
    "C2": _deliver_one,
    "C3": _deliver_one,
    "U1": _post,
    "U2": _post_regularly,
    "E1": _find_givers,
    "E2": _spread_gifts,
    "E3": _answer,
    "E4": _answer_more,
    "H1": _settle,
    "H2": _wait,
    "H3": _dismiss,
    "H4": _acquit,
    "H5": _settle_more,
    "K2": _acquit,
    "K3": _release,
}
