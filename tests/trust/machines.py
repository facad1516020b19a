"""What the state machines of this suite share: refusals that write nothing, time, and what was told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.apps import apps
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from bh_sdk.errors import BHError
from bh_sdk.server.events.models import RecordedEvent

# Of these nothing is left behind by what is refused.
_KEPT = (
    "trust_evidence.Fact", "trust_verification.Request", "trust_verification.Document", "trust_appeals.Appeal",
    "trust_cases.Case", "trust_cases.LogLine", "trust_holds.Hold", "trust_overrides.Override", "trust_reports.Report",
)  # fmt: skip


class Machine(RuleBasedStateMachine):
    """One database transaction holds all examples of a run, so each makes people and campaigns of its own."""

    # Seconds forward, by the service's own clock; it never goes back between examples.
    move: ClassVar[Callable[[float], None]]

    @staticmethod
    def days_pass(days: float) -> None:
        Machine.move(days * 86_400)

    def attempt(self, expected: bool, work: Callable[[], Any]) -> Any:
        """What it returns, or None when it was refused, and it must be refused exactly when that is not `expected`."""
        before, made, refusal = _counts(), None, None
        try:
            made = work()
        except BHError as refused:
            refusal = refused
        assert (refusal is None) == expected, refusal.code if refusal else "it should have been refused"
        assert expected or _counts() == before, "what was refused left something behind"
        return made


def told(type: str, **about: Any) -> list[dict[str, Any]]:
    """The payloads of the facts of a type that say these things, oldest first."""
    rows = RecordedEvent.objects.filter(
        type=f"trust.{type}.v1", **{f"payload__{key}": str(v) for key, v in about.items()}
    )
    return [row.payload for row in rows.order_by("position")]


def run(machine: type[Machine], move: Callable[[float], None], *, examples: int, steps: int) -> None:
    Machine.move = staticmethod(move)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def _counts() -> list[int]:
    models = [apps.get_model(name) for name in _KEPT]
    return [model._default_manager.count() for model in models] + [RecordedEvent.objects.count()]
