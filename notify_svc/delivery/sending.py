"""One batch on its way: claim, write the words, hand over one by one, put down what became of each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from django.conf import settings
from django.db import Error, connection

from bh_sdk.server.ops import clock
from bh_sdk.server.ops.logs import log
from notify_svc.audience import queries as audience
from notify_svc.delivery import claims, links, occasions, rules
from notify_svc.delivery.channels.base import Letter, Outcome, Provider
from notify_svc.delivery.claims import Result
from notify_svc.delivery.models import Delivery, Notification
from notify_svc.wording import queries as wording
from notify_svc.wording.errors import TemplateInvalid
from notify_svc.wording.rendering import Rendered, render

# Results are put down in small portions: a batch that dies leaves little to tell again.
PORTION = 25
PORTION_SECONDS = 1.0
# A feed entry's words are in its row already.
_NO_WORDS = Rendered()


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


def send_batch(provider: Provider, *, limit: int | None = None) -> int:
    """Send one batch of due deliveries through `provider`; returns how many were claimed."""
    token, claimed = claims.claim(provider.channel, limit=limit or settings.NOTIFY_BATCH)
    if not claimed:
        return 0
    with Lease(token, settings.NOTIFY_LEASE).running() as lease:
        letters, results = _compose(claimed)
        settled = time.monotonic()
        with provider.open() as link:
            for letter in letters:
                if not lease.held:
                    # Somebody else sends the rest.
                    break
                started = clock.now()
                outcome = link.hand_over(letter)
                if outcome.fate == "accepted" and provider.channel in rules.ADDRESSED:
                    claims.mark_handed_over(letter.delivery_id, token)
                results.append(Result(letter.delivery_id, started, clock.now(), outcome))
                if len(results) >= PORTION or time.monotonic() - settled > PORTION_SECONDS:
                    claims.settle(token, results)
                    results, settled = [], time.monotonic()
        if results:
            claims.settle(token, results)
    return len(claimed)


def _compose(claimed: Sequence[Delivery]) -> tuple[list[Letter], list[Result]]:
    """Write the letters; what has become pointless or cannot be written is a result at once."""
    now = clock.now()
    versions = wording.versions({delivery.version_id for delivery in claimed})
    people = audience.addresses({row.recipient_id for row in claimed if row.channel in rules.ADDRESSED})
    pointless = _overtaken([delivery.notification for delivery in claimed])
    letters: list[Letter] = []
    results: list[Result] = []
    for delivery in claimed:
        notification, person = delivery.notification, people.get(delivery.recipient_id)
        if notification.id in pointless:
            results.append(Result(delivery.id, now, now, canceled="overtaken"))
            continue
        if delivery.channel not in rules.ADDRESSED:
            letters.append(Letter(delivery.id, notification.type, notification.category, _NO_WORDS))
            continue
        if person is None:
            results.append(Result(delivery.id, now, now, Outcome("permanent", "address_gone")))
            continue
        try:
            words = render(
                versions[delivery.version_id].source,
                notification.data | links.at_send(notification),
                recipient_name=person.name,
            )
        except TemplateInvalid as error:
            log().error("words_not_written", delivery_id=str(delivery.id), exc_info=error)
            results.append(Result(delivery.id, now, now, Outcome("permanent", "template_invalid")))
            continue
        letters.append(Letter(delivery.id, notification.type, notification.category, words, person.email, person.name))
    return letters, results


def _overtaken(notifications: Sequence[Notification]) -> set[UUID]:
    """Those that something later made pointless, looked up at the last moment."""
    later = {row.id: key for row in notifications if (key := occasions.overtaken_by(row.dedupe))}
    if not later:
        return set()
    there = set(Notification.objects.filter(dedupe__in=later.values()).values_list("dedupe", flat=True))
    return {row_id for row_id, key in later.items() if key in there}
