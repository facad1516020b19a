"""Whose data may be read, and how the pruning stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.db.models import Sum

from bh_sdk.errors import NotFound
from bh_sdk.server.access import Principal
from bh_sdk.server.ops import clock
from notify_svc.delivery import forgetting
from notify_svc.retention import rules
from notify_svc.retention.models import Removal, Round


def access(user_id: UUID, *, by: Principal) -> None:
    """Whose data may be taken along: one's own, and anybody's by the platform and admins. Raises NotFound."""
    if by.id != str(user_id) and not by.may("personal_data", "export"):
        raise NotFound("There is no such person")


@dataclass(frozen=True, slots=True)
class Standing:
    """How the pruning of one kind stands: removed today, in a week and in all, and when it was last looked through."""

    today: int = 0
    week: int = 0
    all: int = 0
    looked_at: datetime | None = None
    behind: bool = False

    def late(self, now: datetime) -> bool:
        """Whether a round is missing. In a new house the first one is still to come."""
        return self.looked_at is not None and now - self.looked_at > rules.LATE


def standings() -> dict[str, Standing]:
    """How each kind stands, those of `rules.PERIODS` and `erased`."""
    today = clock.now().astimezone(UTC).date()
    since = {"today": today, "week": today - timedelta(days=6), "all": date.min}
    sums = {name: _removed(day) for name, day in since.items()}
    rounds = {row.what: row for row in Round.objects.all()}
    found = {}
    for what in {period.what for period in rules.PERIODS} | sums["all"].keys():
        row = rounds.get(what)
        counts = {name: found_sums.get(what, 0) for name, found_sums in sums.items()}
        found[what] = Standing(**counts, looked_at=row.looked_at if row else None, behind=row.behind if row else False)
    return found


def _removed(since: date) -> Mapping[str, int]:
    rows = Removal.objects.filter(day__gte=since)
    return dict(rows.values_list("what").annotate(count=Sum("removed")).order_by())


def removals(*, days: int) -> dict[date, dict[str, int]]:
    """What was removed on each of the last days."""
    first = clock.now().astimezone(UTC).date() - timedelta(days=days - 1)
    found: dict[date, dict[str, int]] = {first + timedelta(days=ago): {} for ago in range(days)}
    for day, what, removed in Removal.objects.filter(day__gte=first).values_list("day", "what", "removed"):
        found.setdefault(day, {})[what] = removed
    return found


def oldest(period: rules.Period) -> datetime | None:
    """When the oldest message that still has its words was accepted; None for what is no message."""
    if not period.what.startswith(rules.WORDS):
        return None
    return forgetting.oldest_words(period.what.removeprefix(rules.WORDS))
