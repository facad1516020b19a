"""News during a storm: sent to lists and to the followers of a campaign, and what must hold of it afterwards.

Each sending has words of its own, so that a mail in the sink says which it is. News is promised to be sent at most once: a
mail whose fate nobody knows is not sent again.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from bh_sdk.breaker import BreakerPolicy, Breakers
from bh_sdk.clients import Notify
from bh_sdk.errors import Refused
from tests.stack import House

FOLLOWERS = 30
CAMPAIGN_TITLE = "News of a storm"
# What the mail server answers to the next letters: wait, close the door, or take one and never say so.
TROUBLES = ("451 4.7.1 later", "421 4.3.2 closing", "lose")
# The whole of what a follower's mail may have come to. Of the last nobody knows whether it left.
ENDS = frozenset({("sent", ""), ("unknown", "fate_unknown"), ("failed", "fate_unknown")})


@dataclass
class Told:
    """One sending as its caller knows it: to whom, and whether it was answered."""

    key: UUID
    subject: str
    kind: Literal["list", "followers"]
    people: frozenset[UUID]
    answered: bool = False


@dataclass(frozen=True)
class Arrived:
    """What became of one sending for one person: entries of the feed, mails by their state, and mails in the sink."""

    entries: int = 0
    mails: tuple[tuple[str, str], ...] = ()
    in_the_sink: int = 0


class Newsroom:
    """Whoever sends news while everything around is killed."""

    def __init__(self, house: House, seed: str) -> None:
        self.house = house
        dice = random.Random(f"{seed}/news")
        self.campaign, self.owner = _id(dice), _id(dice)
        self.followers = frozenset(_id(dice) for _ in range(FOLLOWERS))
        self.told: list[Told] = []

    def prepare(self) -> None:
        """Everybody can be reached and follows."""
        doors = self.house.doors
        doors.notify.describe_campaign(self.campaign, title=CAMPAIGN_TITLE, owner_id=self.owner, currency="GBP")
        for person in self.followers:
            self._introduce(person)
            with Notify(self.house.url("notify"), auth=doors.as_user(person), timeout=30) as client:
                client.follow(self.campaign)

    def write(self, dice: random.Random, insist: Callable[[str, Callable[[], Any]], Any]) -> None:
        """Send one piece of news, to followers or to a list of strangers who can be reached."""
        subject = f"News {dice.getrandbits(64):016x}"
        told = Told(_id(dice), subject, "followers" if dice.random() < 0.4 else "list", self.followers)
        if told.kind == "list":
            told.people = frozenset(_id(dice) for _ in range(dice.randint(1, 25)))
            for person in told.people:
                insist("introduce", lambda person=person: self._introduce(person))  # type: ignore[misc]
        self.told.append(told)
        keen = Breakers(BreakerPolicy(least=10**9))
        auth = self.house.doors.notify_auth
        with Notify(self.house.url("notify"), auth=auth, timeout=15, breakers=keen) as client, suppress(Refused):
            insist("tell", lambda: client.send(**self._call(told)))
            told.answered = True

    def _introduce(self, person: UUID) -> None:
        self.house.doors.notify.describe_contact(person, email=address_of(person), name="Ruth Adler")

    def _call(self, told: Told) -> dict[str, Any]:
        to: dict[str, Any] = {"recipient_ids": sorted(told.people, key=str)}
        if told.kind == "followers":
            to = {"audience": {"kind": "followers", "campaign_id": str(self.campaign)}}
        data = {
            "campaign_id": str(self.campaign),
            "campaign_title": CAMPAIGN_TITLE,
            "update_id": str(told.key),
            "update_title": told.subject,
            "update_content": "It is still storming.",
        }
        return to | {"type": "campaign_update", "data": data, "idempotency_key": told.key}

    def arrived(self) -> dict[tuple[UUID, UUID], Arrived]:
        """By sending and person, whoever of the two made it up."""
        entries: Counter[tuple[UUID, UUID]] = Counter()
        mails: dict[tuple[UUID, UUID], list[tuple[str, str]]] = {}
        rows = self.house.rows(
            "notify",
            "SELECT n.data->>'update_id', n.recipient_id, d.channel, d.status, d.reason"
            " FROM notify_delivery_notification n JOIN notify_delivery_delivery d ON d.notification_id = n.id"
            " WHERE n.type = 'campaign_update'",
        )
        for update, person, channel, status, reason in rows:
            about = UUID(update), person
            if channel == "email":
                mails.setdefault(about, []).append((status, "" if status == "sent" else reason))
            elif channel == "in_app":
                entries[about] += 1
        sink: Counter[tuple[UUID, UUID]] = Counter()
        by_subject = {told.subject: told.key for told in self.told}
        for mail in self.house.mails():
            named = next((key for subject, key in by_subject.items() if subject in mail["subject"]), None)
            if named is not None:
                sink[named, person_at(mail["to"][0])] += 1
        return {
            about: Arrived(entries[about], tuple(mails.get(about, ())), sink[about])
            for about in {*entries, *mails, *sink}
        }


def wrongs(told: Iterable[Told], arrived: dict[tuple[UUID, UUID], Arrived]) -> Iterator[str]:
    """Everything that must not be, one line each."""
    meant: set[tuple[UUID, UUID]] = set()
    for one in told:
        here = {(one.key, person) for person in one.people}
        meant |= here
        missing = {about for about in here if about not in arrived}
        if missing and (one.answered or len(missing) < len(here)):
            yield f"{one.subject} ({one.kind}): {len(missing)} of {len(here)} were not told"
    for about, found in arrived.items():
        if about not in meant:
            yield f"{about}: told to somebody whom nobody meant"
        if found.entries != 1 or len(found.mails) != 1:
            yield f"{about}: {found.entries} entries and {len(found.mails)} mails of one piece of news"
        if found.in_the_sink > 1:
            yield f"{about}: the mail came {found.in_the_sink} times"
        for end in found.mails:
            if end not in ENDS:
                yield f"{about}: its mail is {end}"
            if end == ("sent", "") and found.in_the_sink != 1:
                yield f"{about}: it is said to be sent, and {found.in_the_sink} arrived"


def address_of(person: UUID) -> str:
    return f"news.{person.hex}@demo.test"


def person_at(address: str) -> UUID:
    return UUID(address.partition("@")[0].removeprefix("news."))


def _id(dice: random.Random) -> UUID:
    return UUID(int=dice.getrandbits(128), version=4)
