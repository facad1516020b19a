"""The feature row: decayed sufficient statistics of one entity, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Units = NDArray[np.int64]


class Column(IntEnum):
    """Every input of the kernel. All are finite and ≥ 0; an all-zero row is an entity of which nothing is known."""

    DONE = 0  # goals and milestones delivered, decayed
    FAILED = 1  # goals and milestones missed, decayed
    PROGRESS = 2  # 0-1, what open campaigns have shown of their promise
    ELAPSED = 3  # how much of their time has passed, decayed
    PRIOR = 4  # the category's completion rate; 0 = not known, the population's is used
    PERIODS = 5  # periods with an update among the last ones
    EXPOSURE = 6  # periods in which an update was owed
    SILENCE = 7  # overdue periods since the last update
    VOICES = 8  # independent donors, weighted by credibility, decayed
    DONORS = 9  # donor accounts, weighted alike: more accounts than voices means concentration
    ANSWERED = 10  # questions answered in time, and donors who came back, decayed
    UNANSWERED = 11  # questions left open too long, decayed
    ITEMS = 12  # bit mask of valid verifications, in the order of params.ITEMS
    OK = 13  # gifts that settled and stayed, decayed
    BAD = 14  # weighted refunds for cause, warnings and disputes, decayed
    TENURE = 15  # days since the first trace
    REPORTS_OPEN = 16  # credible mass of unreviewed reports, decayed
    REPORTS_UPHELD = 17  # mass of upheld reports and confirmed cases, decayed
    DONOR = 18  # 1 = a person without campaigns: updates are not owed, the other factors carry their weight
    HELD = 19  # 1 = an active hold on it or on its organiser
    # How an organiser goes about all campaigns together; read for sets with a card alone, see `conduct`.
    TIMELY = 20  # questions answered in time, decayed slowly
    UNTIMELY = 21  # questions answered late or never, decayed slowly
    POSTED = 22  # weeks with an update, decayed slowly
    LIVED = 23  # weeks in which there could have been one, decayed slowly
    QUIET = 24  # 0-1, the share of a campaign's time since its last update
    PREPARED = 25  # days known before the first campaign
    LAPSED = 26  # verifications that were revoked or ran out


WIDTH = len(Column)
# What only a card looks at; 0 in the rows of other sets.
OF_CARDS = frozenset(Column) - frozenset(Column(at) for at in range(Column.TIMELY))
Row = tuple[float, ...]


def as_matrix(rows: Iterable[Sequence[float]]) -> Floats:
    """Feature rows as the kernel's matrix: one line per column, so that each input lies contiguous in memory."""
    listed = list(rows)
    matrix = np.array(listed, dtype=np.float64).reshape(len(listed), WIDTH)
    return np.ascontiguousarray(matrix.T)


_NAMES = tuple(column.name.lower() for column in Column)


def row(**values: float) -> Row:
    """A row by column names in lower case; what is not named is 0."""
    unknown = values.keys() - set(_NAMES)
    if unknown:
        raise ValueError(f"unknown columns: {', '.join(sorted(unknown))}")
    return tuple([float(values.get(name, 0.0)) for name in _NAMES])
