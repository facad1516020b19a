"""How providers are, for people to look at."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum

from bh_sdk.server.ops import clock
from notify_svc.providers import rules
from notify_svc.providers.models import Minute, Provider

_COUNTED = ("accepted", "refused", "failed", "throttled", "milliseconds")


@dataclass(frozen=True, slots=True)
class Health:
    """What became of a provider's letters lately."""

    accepted: int = 0
    refused: int = 0
    failed: int = 0
    throttled: int = 0
    milliseconds: int = 0

    @property
    def tries(self) -> int:
        return self.accepted + self.refused + self.failed + self.throttled

    @property
    def failing(self) -> float:
        """The share of tries that were the provider's own fault, 0 to 1."""
        return self.failed / self.tries if self.tries else 0.0

    @property
    def latency(self) -> float:
        """Milliseconds for one letter."""
        return self.milliseconds / self.tries if self.tries else 0.0


def health(names: Collection[str], *, span: timedelta = rules.SHOWN) -> dict[str, Health]:
    """How these providers did in the last `span`; one that got nothing is not among them."""
    lately = Minute.objects.filter(provider_id__in=names, minute__gt=clock.now() - span)
    found = lately.values("provider_id").annotate(**{name: Sum(name) for name in _COUNTED})
    return {name: Health(*counts) for name, *counts in found.values_list("provider_id", *(_COUNTED))}


def minutes(name: str, *, span: timedelta = timedelta(hours=1)) -> list[Minute]:
    """The minutes in which a provider got letters, oldest first."""
    return list(Minute.objects.filter(provider_id=name, minute__gt=clock.now() - span).order_by("minute"))


def state(row: Provider, *, now: datetime) -> str:
    """How a provider is, in one word."""
    if not row.weight:
        return "switched off"
    if row.circuit != "closed":
        return "sick" if row.circuit == "open" else "being tried"
    return "resting" if row.rests_until and row.rests_until > now else "well"


def share(row: Provider) -> float:
    """Its part of the batches that others could carry too, while all are well, 0 to 1."""
    total = Provider.objects.filter(channel=row.channel, lane=row.lane).aggregate(total=Sum("weight"))["total"]
    return row.weight / total if total else 0.0
