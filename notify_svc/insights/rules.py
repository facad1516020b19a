"""Pure rules of figures: shares, what deserves a look, and what to do next about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Literal

# The same as in `deploy/observability/notify.rules.yml`, which wakes people.
FAILED_AT_MOST, BOUNCED_AT_MOST, COMPLAINED_AT_MOST, PROMPT_AT_LEAST = 0.05, 0.02, 0.001, 0.95
BACKLOG_AT_MOST, OVERDUE_AT_MOST = 1_000, timedelta(minutes=5)
# Of fewer a share says nothing.
LEAST = 50
# A bounce comes within days, a complaint within two weeks; a day that is older is counted no more.
SETTLED = 14


@dataclass(frozen=True, slots=True)
class Tally:
    """Some deliveries and what became of them."""

    accepted: int = 0
    handed_over: int = 0
    promptly: int = 0
    delivered: int = 0
    bounced: int = 0
    complained: int = 0
    opened: int = 0
    clicked: int = 0
    failed: int = 0
    canceled: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, name) + getattr(other, name) for name in COUNTED))

    @property
    def failing(self) -> float | None:
        """The share that failed of those that were to go and are over; None of none."""
        return _share(self.failed, self.handed_over + self.failed)

    @property
    def bouncing(self) -> float | None:
        return _share(self.bounced, self.handed_over)

    @property
    def complaining(self) -> float | None:
        return _share(self.complained, self.handed_over)

    @property
    def arriving(self) -> float | None:
        """None where no provider says what arrives."""
        return _share(self.delivered, self.handed_over) if self.delivered else None

    @property
    def prompt(self) -> float | None:
        return _share(self.promptly, self.handed_over)


COUNTED = tuple(each.name for each in fields(Tally))


def _share(part: int, of: int) -> float | None:
    return part / of if of else None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is due for more than a minute in one channel, and for how long the oldest of it."""

    count: int
    age: timedelta


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that deserves a look: what it is, and what to do next. `page` is where that is done."""

    text: str
    tone: Literal["warning", "danger"]
    page: Literal["failures", "providers", "suppressions", "overdue", "types"]


# What a reason means to somebody who has to do something about it.
NEXT: Mapping[str, str] = {
    "suppressed": "These addresses bounced or complained before; release one only when its owner wrote to you.",
    "no_address": "Nobody told us an address within 30 days; ask whoever runs the platform whether contacts arrive.",
    "address_gone": "The address went between accepting and sending; the person changed it or was erased.",
    "address_unusable": "The address cannot be written to; its owner has to correct it.",
    "template_invalid": "Words could not be filled in; open one of these deliveries and tell an editor.",
    "unwritable": "A mail could not be written from its words; open one of these deliveries and tell an editor.",
    "fate_unknown": "A worker was lost while it handed these over, and no provider told us more. Nothing to do.",
    "credentials_refused": "The provider does not know us; an admin renews its key and then calls it well.",
    "credentials_missing": "The provider has no key; an admin sets one and then calls it well.",
    "sender_unverified": "The provider does not accept our sender; an admin verifies the domain there.",
    "login_refused": "The mail server refuses our login; an admin renews it and then calls the provider well.",
    "refused": "The provider refuses these mails; open one and read the code of its last try.",
    "server_away": "The mail server was away for eight hours; resend what still matters once it is back.",
    "connection_lost": "The mail server broke off again and again; look at the provider's page.",
}
UNKNOWN_REASON = "Open one of these deliveries: its last try says more."


def alerts(tally: Tally, backlog: Mapping[str, Backlog], reasons: Mapping[str, int]) -> list[Alert]:
    """What deserves a look among today's deliveries, the worst first."""
    found = []
    if tally.failing is not None and tally.failed + tally.handed_over >= LEAST and tally.failing > FAILED_AT_MOST:
        worst = max(reasons, key=lambda reason: reasons[reason], default="")
        text = f"{tally.failing:.1%} failed today, more than {FAILED_AT_MOST:.0%}."
        found.append(Alert(f"{text} Mostly {worst or 'without a reason'}: {next_step(worst)}", "danger", "failures"))
    if tally.handed_over >= LEAST and (tally.bouncing or 0) > BOUNCED_AT_MOST:
        text = (
            f"{tally.bouncing:.1%} came back today, more than {BOUNCED_AT_MOST:.0%}: providers close accounts over that. Look"
            " by type below where they come from; if it is one mailing, stop it."
        )
        found.append(Alert(text, "danger", "types"))
    if tally.handed_over >= LEAST and (tally.complaining or 0) > COMPLAINED_AT_MOST:
        text = (
            f"{tally.complained} readers called our mail unwanted today, more than one in a thousand. Look by type below"
            " which; that one needs better words, or fewer readers."
        )
        found.append(Alert(text, "danger", "types"))
    found += [alert for channel, late in sorted(backlog.items()) if (alert := _backlog(channel, late))]
    if tally.handed_over >= LEAST and (tally.prompt or 0) < PROMPT_AT_LEAST:
        text = f"{tally.prompt:.1%} left within ten seconds today, fewer than {PROMPT_AT_LEAST:.0%}. See how the providers are."
        found.append(Alert(text, "warning", "providers"))
    return found


def _backlog(channel: str, late: Backlog) -> Alert | None:
    if late.count <= BACKLOG_AT_MOST and late.age <= OVERDUE_AT_MOST:
        return None
    minutes = late.age // timedelta(minutes=1)
    text = (
        f"{late.count:,} by {channel} are overdue, the oldest for {minutes:,} minutes. If a provider is sick, it is on its"
        " page; if all are well, ask whoever runs the workers."
    )
    return Alert(text, "danger", "overdue")


def next_step(reason: str) -> str:
    """What to do about deliveries that failed for this reason."""
    return NEXT.get(reason, UNKNOWN_REASON)
