"""A test mail to the editor who asks for it, by the same way that mails take. It is no delivery and counts nowhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from bh_sdk.errors import Conflict, Unavailable
from notify_svc.delivery import ways
from notify_svc.delivery.channels.base import Letter
from notify_svc.wording import queries as wording
from notify_svc.wording import rendering


class NoOwnAddress(Conflict):
    code, title = "no_own_address", "Your account has no mail address that a test could go to"


class TrialNotSent(Unavailable):
    """`reason` is what became of it."""

    code, title = "trial_not_sent", "The mail server did not take the test"


class NoTrialHere(Conflict):
    code, title = "no_trial_here", "Only mails can be tried out this way"


def send_trial(*, version_id: UUID, email: str, name: str, data: Mapping[str, Any] | None = None) -> None:
    """Send a version with `data`, or with its samples, to one's own address; no transaction is open meanwhile.

    Raises NoTrialHere, NoOwnAddress, TrialNotSent, TemplateInvalid.
    """
    version = wording.version(version_id)
    if version.template.channel != "email":
        raise NoTrialHere
    if not email:
        raise NoOwnAddress
    words = rendering.render(
        version.source, version.sample if data is None else data, recipient_name=name, links=rendering.SAMPLE_LINKS
    )
    words = replace(words, subject=f"[Test] {words.subject}")
    letter = Letter(uuid4(), version.template.type, version.template.category, words, email, name)
    way = ways.choose("email", limit=1)
    if way is None:
        raise TrialNotSent(reason="no_provider")
    started = time.perf_counter()
    with way.provider.open() as link:
        outcome = link.hand_over(letter)
    way.learn(outcome, time.perf_counter() - started)
    way.tell()
    if outcome.fate != "accepted":
        raise TrialNotSent(reason=outcome.reason)
