"""What can be tuned while it runs (`POST /_standin/settings`), kept in the state file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .store import Store


@dataclass(frozen=True)
class Settings:
    """Times are seconds; None means "only when the control door says so"."""

    refund_settles_after: float | None = 2.0
    """A refund that a test card leaves open (pending, or succeeded and failing later) moves on after this."""
    balance_books_after: float | None = 0.0
    """A captured charge gets its balance transaction (and `charge.updated`) after this."""
    debit_settles_after: float | None = 2.0
    """A bank debit stays `processing` for this long."""
    redirect_methods: bool = False
    """Redirect-based methods are turned on in the Dashboard, so confirming on a server needs a `return_url`."""
    retry_base: float = 0.5
    """Pause before a webhook's first retry; doubles each time."""
    retry_cap: float = 15.0
    """Longest pause between two tries of a webhook."""
    retry_for: float = 259_200.0
    """A webhook is given up after this (three days)."""
    webhook_timeout: float = 10.0
    """How long an endpoint may take to answer."""
    webhooks_running: bool = True
    """Deliver at all. Stopped deliveries wait."""
    webhooks_hold: bool = False
    """New deliveries wait until they are released."""
    webhooks_copies: int = 1
    """How often each event is delivered."""
    webhooks_delay: float = 0.0
    """Each delivery waits this long."""
    webhooks_shuffle: float = 0.0
    """Each delivery waits a random time up to this, so the order is lost."""
    webhooks_at_once: int = 8
    """How many deliveries may be under way at the same time. 1 keeps the order."""


class Tuning:
    """The settings in force."""

    def __init__(self, store: Store) -> None:
        self._store = store
        kept = {name: json.loads(value) for name, value in store.rows("SELECT name, value FROM setting")}
        names = {field.name for field in fields(Settings)}
        self.now = Settings(**{name: value for name, value in kept.items() if name in names})

    def change(self, given: dict[str, Any]) -> Settings:
        """Change some settings. Raises ValueError for an unknown name or a wrong type."""
        for name, value in given.items():
            current = getattr(Settings(), name, None) if name in Settings.__dataclass_fields__ else _unknown(name)
            if isinstance(current, bool) != isinstance(value, bool):
                raise ValueError(f"{name} takes {type(current).__name__}")
            if not isinstance(value, bool) and not (value is None or isinstance(value, int | float)):
                raise ValueError(f"{name} takes a number")
            if name in ("webhooks_copies", "webhooks_at_once") and not isinstance(value, int):
                raise ValueError(f"{name} takes a whole number")
            if name == "webhooks_at_once" and value == 0:
                raise ValueError(f"{name} is at least 1; webhooks_running stops deliveries")
            optional = name in ("refund_settles_after", "balance_books_after", "debit_settles_after")
            if (value is None and not optional) or (value is not None and value < 0):
                raise ValueError(f"{name} takes a number that is not negative")
        for name, value in given.items():
            self._store.run("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (name, json.dumps(value)))
        self.now = replace(self.now, **given)
        return self.now

    def back_to_default(self) -> Settings:
        """Forget every change."""
        self._store.run("DELETE FROM setting")
        self.now = Settings()
        return self.now

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self.now)


def _unknown(name: str) -> Any:
    raise ValueError(f"there is no setting {name!r}")
