"""One batch on its way: claim, write the words, hand over one by one, put down what became of each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import Error, connection, transaction

from bh_sdk.server.ops import clock, doorbell
from bh_sdk.server.ops.logs import log
from notify_svc.audience import queries as audience
from notify_svc.delivery import claims, fates, rules, ways
from notify_svc.delivery.channels import simulator
from notify_svc.delivery.channels.base import GONE, OPTED_OUT, Letter, Outcome
from notify_svc.delivery.claims import Result
from notify_svc.delivery.composing import compose
from notify_svc.devices import commands as devices

# Results are put down in small portions: a batch that dies leaves little to tell again.
PORTION = 50
PORTION_SECONDS = 1.0
# So many letters are said to be begun at once: of no more does nobody know whether they left, should the worker die.
BEGUN = 10


class Lease:
    """Keeps a claim alive while its batch is under way, and knows when it may have been lost."""

    def __init__(self, token: UUID, seconds: float) -> None:
        self._token = token
        self._seconds = seconds
        self._renewed = time.monotonic()
        self._done = threading.Event()

    @property
    def held(self) -> bool:
        """Whether nobody else can have taken the claim over yet."""
        return time.monotonic() - self._renewed < self._seconds * 0.75

    @contextmanager
    def running(self) -> Iterator[Lease]:
        thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._done.set()
            thread.join()

    def _keep(self) -> None:
        # Most batches are over before the first sign of life is due, and this thread never opens a connection.
        try:
            while not self._done.wait(self._seconds / 4):
                before = time.monotonic()
                try:
                    claims.keep(self._token)
                except Error as error:
                    # The lease runs out by itself then, and the batch stops in time.
                    log().warning("lease_not_kept", exc_info=error)
                    connection.close()
                else:
                    self._renewed = before
        finally:
            connection.close()


def send_batch(channel: str, *, lane: str = "", limit: int | None = None) -> int:
    """Send one batch of due deliveries of a channel, or of one lane of it, through one provider; returns how many were claimed.

    Nothing is claimed while no provider of the channel may have letters: they wait and lose no try.
    """
    way = ways.choose(channel, lane=lane, limit=limit or settings.NOTIFY_BATCH)
    if way is None:
        return 0
    token, claimed = claims.claim(channel, lane=lane, limit=way.limit)
    way.spare(len(claimed))
    if not claimed:
        return 0
    with Lease(token, settings.NOTIFY_LEASE).running() as lease:
        composed = compose(claimed)
        desk = Desk(token, composed.results)
        _hand_over([letter for letter in composed.letters if not letter.only], way, desk, lease)
        _simulate([letter for letter in composed.letters if letter.only == simulator.NAME], desk)
        desk.settle()
    return len(claimed)


class Desk:
    """The results of a batch, put down in portions."""

    def __init__(self, token: UUID, results: list[Result]) -> None:
        self._token = token
        self._results = results
        self._settled = time.monotonic()
        self._words: list[fates.Word] = []
        self._handed_over: list[claims.HandedOver] = []
        # Devices that their push services know no more, and since when we know.
        self._gone: dict[UUID, datetime] = {}

    def lose(self, device_id: UUID, asked_at: datetime) -> None:
        """Put down that nothing reaches this device any more."""
        self._gone[device_id] = asked_at

    def add(self, result: Result, words: Sequence[fates.Word] = ()) -> None:
        """Put down one result; `words` are what the provider says of it afterwards, when that is known already."""
        self._results.append(result)
        self._words += words
        if len(self._results) >= PORTION or time.monotonic() - self._settled > PORTION_SECONDS:
            self.settle()

    def settle(self) -> None:
        if self._results:
            with transaction.atomic():
                claims.settle(self._token, self._results)
                for word in self._words:
                    fates.learn(word)
                if self._gone:
                    devices.gone(self._gone, asked_at=max(self._gone.values()))
        self._results, self._words, self._handed_over, self._gone = [], [], [], {}
        self._settled = time.monotonic()

    def begin(self, letters: Sequence[Letter], provider: str) -> None:
        ids = [letter.delivery_id for letter in letters]
        claims.begin(ids, self._token, provider=provider, before=self._handed_over)
        self._handed_over = []

    def mark(self, letter: Letter, provider: str, outcome: Outcome) -> None:
        """Put down that a provider has a letter: at once when it would go again after an accident, as a receipt does.

        Of news nobody would know whether it left, and it goes to nobody twice: it is put down with the next that begin.
        """
        one, ref = letter.delivery_id, outcome.provider_ref
        if letter.category in rules.RESENT:
            claims.mark_handed_over(one, self._token, provider=provider, provider_ref=ref)
        else:
            self._handed_over.append(claims.HandedOver(one, clock.now(), ref))


def _hand_over(letters: Sequence[Letter], way: ways.Way, desk: Desk, lease: Lease) -> None:
    """Give the letters to their provider one by one. When it turns out sick or full, the rest goes back unharmed."""
    with way.provider.open() as link:
        for place, letter in enumerate(letters):
            if not lease.held:
                # Somebody else sends the rest.
                break
            if way.outside and not way.closed and place % BEGUN == 0:
                desk.begin(letters[place : place + BEGUN], way.provider.name)
            started = clock.now()
            if way.closed:
                desk.add(Result(letter.delivery_id, started, started, why="provider_away", later=started))
                continue
            began = time.perf_counter()
            outcome = link.hand_over(letter)
            if outcome.fate == "accepted" and way.outside:
                desk.mark(letter, way.provider.name, outcome)
            way.learn(outcome, time.perf_counter() - began)
            if way.news:
                way.tell()
            if outcome.reason == GONE and letter.device is not None:
                desk.lose(letter.device.id, started)
            if outcome.reason == OPTED_OUT:
                number = audience.phone_hashes_of(letter.phone)[0]
                doorbell.ring("notify.tracking.opted_out", provider=way.provider.name, address_hash=number)
            desk.add(Result(letter.delivery_id, started, clock.now(), outcome, provider=way.provider.name))
    way.tell()


def _simulate(letters: Sequence[Letter], desk: Desk) -> None:
    """What must not leave the house runs through the same states."""
    for letter in letters:
        outcome, kinds = simulator.fate_of(letter, domain=settings.NOTIFY_SIMULATOR)
        now, name = clock.now(), simulator.NAME
        words = [fates.Word(name, kind, now, letter.delivery_id, lasting=True) for kind in kinds]
        desk.add(Result(letter.delivery_id, now, now, outcome, provider=name), words)
