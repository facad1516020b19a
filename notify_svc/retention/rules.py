"""How long what is kept stays. The one table of periods; staff read it on a page of the admin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Period:
    """`what` is its name in figures and metrics. After `days` it is removed; `why` is the reason for just so many."""

    what: str
    title: str
    days: int
    counted_from: str
    then: str
    why: str

    def cutoff(self, now: datetime) -> datetime:
        """What is older than this goes."""
        return now - timedelta(days=self.days)


# Words are kept by the category of their message: the name behind the dot is the category's.
WORDS = "words."
_STRIPPED = (
    "Words, data and the entry of the feed go; that it was sent, when and with what outcome stays, for the figures."
)
PERIODS = (
    Period(
        f"{WORDS}transactional",
        "Receipts, refunds, payouts: what was said",
        730,
        "when it was accepted",
        _STRIPPED,
        "A card payment can be disputed for up to 540 days, and what the donor was told is evidence.",
    ),
    Period(
        f"{WORDS}security",
        "Warnings about an account: what was said",
        365,
        "when it was accepted",
        _STRIPPED,
        "As long as the record of what happened to an account.",
    ),
    Period(
        f"{WORDS}subscription",
        "News of campaigns: what was said",
        90,
        "when it was accepted",
        _STRIPPED,
        "News is of no use to anybody after a season.",
    ),
    Period(
        f"{WORDS}social",
        "Gifts, followers, goals: what was said",
        90,
        "when it was accepted",
        _STRIPPED,
        "It names other people, and is of no use to anybody after a season.",
    ),
    Period(
        "digests",
        "What was gathered into digests",
        90,
        "when the digest was closed",
        "The digest and the list of what was in it go.",
        "As long as the news it was made of.",
    ),
    Period(
        "events",
        "What providers said of deliveries",
        180,
        "when it was received",
        "The event goes; one that a suppression stands on loses the hash of its address and stays.",
        "Passing bounces count for a month, complaints about old mails come for a few.",
    ),
    Period(
        "contacts",
        "How people are reached",
        1_095,
        "when they were last written to, and the address last told",
        "Address, phone, name, language and time zone go. Whoever gives again is told to us anew.",
        "Three years without a word: nobody expects to be remembered.",
    ),
)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Something that other rooms keep, and how long."""

    title: str
    kept: str
    why: str


ELSEWHERE = (
    Elsewhere(
        "Wishes, consents and their history",
        "until the person is erased",
        "They are the proof of what was agreed to, and hold no address.",
    ),
    Elsewhere(
        "Suppressed addresses",
        "for good, as a keyed hash",
        "Who complained is not written to again, also when everything else about them is gone.",
    ),
    Elsewhere(
        "Deliveries without their words",
        "for good",
        "States and times by random ids: no fact is told twice, and the figures add up.",
    ),
    Elsewhere("Facts of the log", "for good", "They hold ids, and no personal data."),
    Elsewhere("Ids of erased people", "for good", "So that a late fact does not bring anybody back."),
    Elsewhere("Answers of /send, sealed", "72 hours", "A repeated call gets the same answer."),
    Elsewhere("Figures of providers, minute by minute", "14 days", "To look at an outage after the fact."),
    Elsewhere("Tickets for the stream", "30 seconds", "Each opens one stream once."),
)

# So much is removed in one short transaction, and so many of those in one round; the next round goes on.
PORTION, PORTIONS = 500, 40
# A round that has not come for so long deserves a look.
LATE = timedelta(hours=1)
# A worker that was in the middle of something when a person was erased may write a row after it; for so long it is looked
# for again.
LOOK_AGAIN = timedelta(hours=1)
