"""A storm: people give without pause while programs are killed and Redis is emptied. All of it follows one seed.

Whoever gives repeats a call under its key until it is answered, as a careful caller does, and writes down what was
answered. The seed fixes what is given and the order of the kills; the machine decides what meets what.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import httpx
import redis

from bh_sdk.breaker import BreakerPolicy, Breakers
from bh_sdk.clients import Payments
from bh_sdk.errors import BHError, Forbidden, Refused, Unauthenticated
from bh_sdk.wire.payments import GuestDonor
from tests.faults.news import TROUBLES, Newsroom
from tests.stack import House

T = TypeVar("T")
# Many, because whoever meets a killed holder's key waits a minute for it.
WRITERS = 12
USERS = 6
PUBLISHABLE = "pk_test_storm00000000000000000000"
CARDS = ("pm_card_visa",) * 8 + ("pm_card_visa_chargeDeclined", "pm_card_visa_chargeDeclinedInsufficientFunds")
AMOUNTS = {"GBP": ("3.00", "10.00", "25.50", "99.99"), "JPY": ("500", "1234", "20000")}
# How long a caller repeats a call after the storm before giving it up: past the lease of a killed one's key, or as long as
# the storm was.
PATIENCE = 90.0
# Killed by turns, in an order that the seed shuffles: first those through whom a gift goes, so that a short storm meets
# them too, then everybody.
FIRST: tuple[str, ...] = (
    "payments-api",
    "payments-worker",
    "payments-road",
    "trust-road",
    "notify-road",
    "notify-worker",
)
FIRST += ("postgres", "redis", "stripe", "mail")
VICTIMS = (*FIRST, "trust-api", "trust-worker", "notify-api", "issuer", "payments-api", "payments-worker", "redis")

INTENTS, CONFIRM = "/v1/payment_intents", "/v1/payment_intents/*/confirm"
# How Stripe misbehaves. What browsers call as well forgets no true answer, for they have nobody to look things up for them.
TRICKS: tuple[dict[str, Any], ...] = (
    {"method": "POST", "path": INTENTS, "effect": "error_after"},
    {"method": "POST", "path": INTENTS, "effect": "error_before"},
    {"method": "POST", "path": INTENTS, "effect": "lose_answer"},
    {"method": "POST", "path": INTENTS, "effect": "rate_limit"},
    {"method": "POST", "path": INTENTS, "late_ms": 1500},
    {"method": "POST", "path": CONFIRM, "effect": "error_after", "saved": False},
    {"method": "POST", "path": CONFIRM, "effect": "lose_answer"},
    {"method": "POST", "path": CONFIRM, "effect": "rate_limit"},
    {"method": "GET", "path": f"{INTENTS}/*", "effect": "lose_answer"},
    {"method": "GET", "path": INTENTS, "effect": "error_before"},
    {"method": "POST", "path": "/v1/refunds", "effect": "error_after", "saved": False},
)


class GivenUp(Exception):
    """No answer came in all the time a caller had."""


@dataclass
class Gift:
    """One gift as its giver knows it. `None` is what was never answered."""

    key: UUID
    campaign: UUID
    currency: str
    amount: str
    cover_fees: bool
    card: str
    browser: bool
    user: UUID | None
    email: str | None
    payment_id: UUID | None = None
    intent_id: str | None = None
    client_secret: str | None = None
    charged: str | None = None
    refused: str | None = None
    succeeded: bool = False
    declined: bool = False
    refunds: dict[str, int] = field(default_factory=dict)

    @property
    def is_meant_to_fail(self) -> bool:
        return self.card != "pm_card_visa"


@dataclass
class Ground:
    """Where gifts go: a campaign per currency, one that refuses whatever it is offered, and people with accounts."""

    campaigns: dict[str, UUID]
    strict: UUID
    users: tuple[UUID, ...]

    def address_of(self, user: UUID) -> str:
        return f"user.{user.hex[:12]}@demo.test"


class Storm:
    """Writers and chaos of one run, and the history of what was answered."""

    def __init__(self, house: House, seed: str, seconds: float, say: Callable[[str], None]) -> None:
        self.house, self.seed, self.seconds, self.say = house, seed, seconds, say
        self.gifts: list[Gift] = []
        self.outcomes: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()
        self.refusals: list[str] = []
        self.over = threading.Event()
        self._never = threading.Event()
        self._lock = threading.Lock()
        self._crashes: list[BaseException] = []
        self._give_up_at = float("inf")
        self.ground = self._prepare()
        self.news = Newsroom(house, seed)
        self.news.prepare()

    def rage(self) -> None:
        """Run it; returns once the last caller has an answer or gave up. Raises what a thread of it raised."""
        threads = [
            threading.Thread(target=self._guarded, args=(self._write, n), name=f"writer-{n}") for n in range(WRITERS)
        ]
        threads.append(threading.Thread(target=self._guarded, args=(self._tell,), name="newsroom"))
        chaos = threading.Thread(target=self._guarded, args=(self._chaos,), name="chaos")
        for thread in (*threads, chaos):
            thread.start()
        self.over.wait(self.seconds)
        self._give_up_at = time.monotonic() + min(PATIENCE, self.seconds)
        self.over.set()
        for thread in (chaos, *threads):
            thread.join()
        # A stand-in that is just coming back has forgotten its tricks anyway.
        with suppress(httpx.HTTPError):
            self.house.standin("DELETE", "levers")
        if self._crashes:
            raise self._crashes[0]

    def _guarded(self, work: Callable[..., None], *args: Any) -> None:
        try:
            work(*args)
        except BaseException as crash:
            self._crashes.append(crash)
            self.over.set()

    # --- what is prepared -----------------------------------------------------------------------------------------

    def _prepare(self) -> Ground:
        dice, doors = random.Random(f"{self.seed}/ground"), self.house.doors
        ground = Ground(
            campaigns={currency: _id(dice) for currency in AMOUNTS},
            strict=_id(dice),
            users=tuple(_id(dice) for _ in range(USERS)),
        )
        owner = _id(dice)
        doors.notify.describe_contact(owner, email=f"owner.{owner.hex[:12]}@demo.test", name="Grace Otieno")
        for user in ground.users:
            doors.notify.describe_contact(user, email=ground.address_of(user), name="Peter Lang")
        for currency, campaign in ground.campaigns.items():
            doors.payments.describe_campaign(
                campaign, title=f"Storm {currency}", owner_id=owner, currency=currency, goal="1000000", status="FUNDING"
            )
        doors.payments.describe_campaign(
            ground.strict,
            title="Too much asked",
            owner_id=owner,
            currency="GBP",
            goal="1000000",
            status="FUNDING",
            min_amount="5000.00",
        )
        # Stripe waits for hours between its last tries; a test does not. It tells everything twice, in any order.
        patience = {"retry_base": 0.2, "retry_cap": 1.0, "webhooks_copies": 2, "webhooks_shuffle": 0.5}
        self.house.standin("POST", "settings", patience)
        return ground

    # --- those who give -------------------------------------------------------------------------------------------

    def _write(self, number: int) -> None:
        dice = random.Random(f"{self.seed}/writer/{number}")
        with httpx.Client(base_url=self.house.url("stripe"), timeout=10, trust_env=False) as stripe:
            while not self.over.is_set():
                gift = self._imagine(dice)
                with self._lock:
                    self.gifts.append(gift)
                with self._as(gift) as client, suppress(GivenUp):
                    self._give(gift, client, stripe, dice)

    def _tell(self) -> None:
        dice = random.Random(f"{self.seed}/newsroom")
        while not self.over.wait(dice.uniform(0.2, 1.0)):
            with suppress(GivenUp):
                self.news.write(dice, self._insist)

    def _imagine(self, dice: random.Random) -> Gift:
        currency = dice.choice(("GBP", "GBP", "JPY"))
        user = dice.choice(self.ground.users) if dice.random() < 0.4 else None
        key = _id(dice)
        strict = dice.random() < 0.08
        return Gift(
            key=key,
            campaign=self.ground.strict if strict else self.ground.campaigns[currency],
            currency="GBP" if strict else currency,
            amount="10.00" if strict else dice.choice(AMOUNTS[currency]),
            cover_fees=dice.random() < 0.5,
            card=dice.choice(CARDS),
            browser=dice.random() < 0.3,
            user=user,
            email=None if user else f"guest.{key.hex[:16]}@demo.test",
        )

    @contextmanager
    def _as(self, gift: Gift) -> Iterator[Payments]:
        auth = self.house.doors.as_user(gift.user) if gift.user else None
        # Whoever storms a house does not stop at a closed door.
        keen = Breakers(BreakerPolicy(least=10**9))
        with Payments(self.house.url("payments"), auth=auth, timeout=15, breakers=keen) as client:
            yield client

    def _give(self, gift: Gift, client: Payments, stripe: httpx.Client, dice: random.Random) -> None:
        try:
            opened = self._insist(
                "open",
                lambda: client.create_intent(
                    campaign_id=gift.campaign,
                    amount=gift.amount,
                    currency=gift.currency,
                    cover_fees=gift.cover_fees,
                    donor=GuestDonor(name="Ruth Adler", email=gift.email) if gift.email else None,
                    idempotency_key=gift.key,
                ),
            )
        except Refused as refusal:
            gift.refused = refusal.code
            return
        gift.payment_id, gift.intent_id = opened.payment_id, opened.payment_intent_id
        gift.client_secret, gift.charged = opened.client_secret, opened.charged
        if gift.browser:
            self._pay_in_the_browser(gift, stripe, dice)
        else:
            self._pay_here(gift, client, dice)
        if gift.succeeded and dice.random() < 0.25:
            self._take_back(gift, stripe, dice)

    def _pay_here(self, gift: Gift, client: Payments, dice: random.Random) -> None:
        key = _id(dice)
        done = self._insist(
            "confirm",
            lambda: client.confirm(
                payment_intent_id=str(gift.intent_id),
                payment_method_id=gift.card,
                client_secret=None if gift.user else gift.client_secret,
                idempotency_key=key,
            ),
        )
        gift.succeeded, gift.declined = done.status == "succeeded", done.failure_code is not None

    def _pay_in_the_browser(self, gift: Gift, stripe: httpx.Client, dice: random.Random) -> None:
        """Only Stripe's webhook will tell us of it."""
        form = {"payment_method": gift.card, "client_secret": str(gift.client_secret)}
        answer = self._stripe(stripe, f"/v1/payment_intents/{gift.intent_id}/confirm", form, _id(dice), PUBLISHABLE)
        gift.succeeded = answer.get("status") == "succeeded"
        gift.declined = "error" in answer

    def _take_back(self, gift: Gift, stripe: httpx.Client, dice: random.Random) -> None:
        """Refunds at Stripe's side: a part, or all there is."""
        form = {"payment_intent": str(gift.intent_id)}
        if dice.random() < 0.6:
            form["amount"] = "200" if gift.currency == "GBP" else "100"
        answer = self._stripe(stripe, "/v1/refunds", form, _id(dice), self._secret)
        gift.refunds[answer["id"]] = int(answer["amount"])

    @property
    def _secret(self) -> str:
        return (self.house.stack.keys / "stripe").read_text().strip()

    def _stripe(self, stripe: httpx.Client, path: str, form: dict[str, str], key: UUID, secret: str) -> dict[str, Any]:
        headers = {"Idempotency-Key": str(key)}

        def ask() -> dict[str, Any]:
            answer = stripe.post(path, data=form, headers=headers, auth=(secret, ""))
            if answer.status_code >= 500 or answer.status_code in (409, 429):
                raise httpx.HTTPStatusError("again", request=answer.request, response=answer)
            body: dict[str, Any] = answer.json()
            return body

        return self._insist("stripe", ask)

    def _insist(self, what: str, call: Callable[[], T]) -> T:
        """Repeat a call until it is answered. Raises the refusal it was answered with, or GivenUp."""
        while True:
            try:
                answer = call()
            except (Unauthenticated, Forbidden) as refusal:
                # The token was good.
                self._count(what, refusal.code)
                self.refusals.append(f"{what}: {refusal}")
                raise GivenUp from refusal
            except Refused as refusal:
                if refusal.status not in (409, 429) or refusal.code in ("campaign_not_accepting", "conflict"):
                    self._count(what, refusal.code)
                    raise
                self._count(what, f"again: {refusal.code}")
            except BHError as failure:
                self._count(what, f"again: {failure.code}")
            except httpx.HTTPError as failure:
                self._count(what, f"again: {type(failure).__name__}")
            else:
                self._count(what, "answered")
                return answer
            if time.monotonic() > self._give_up_at:
                self._count(what, "given up")
                raise GivenUp
            self._never.wait(0.1)

    def _count(self, what: str, outcome: str) -> None:
        with self._lock:
            self.outcomes[f"{what} {outcome}"] += 1

    # --- what goes wrong ------------------------------------------------------------------------------------------

    def _chaos(self) -> None:
        dice = random.Random(f"{self.seed}/chaos")
        deck = dice.sample(FIRST, len(FIRST))
        while not self.over.wait(dice.uniform(0.5, 1.7)):
            if not deck:
                deck = dice.sample(VICTIMS, len(VICTIMS))
            victim = deck.pop()
            if dice.random() < 0.3:
                self._flush()
            if pid := self.house.pids().get(victim):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self.kills[victim] += 1
                    self.say(f"kill -9 {victim}")
            if dice.random() < 0.2:
                self._flush()
            if dice.random() < 0.5:
                self._play_a_trick(dice.choice(TRICKS) | {"times": dice.randint(1, 3)})
            if dice.random() < 0.5:
                self._trouble_mail([dice.choice(TROUBLES)] * dice.randint(1, 8))

    def _trouble_mail(self, answers: list[str]) -> None:
        with suppress(httpx.HTTPError):
            httpx.post(f"{self.house.url('mail')}/trouble", json=answers, timeout=5, trust_env=False).raise_for_status()
            self.kills[f"mail {answers[0][:4].strip()}"] += 1
            self.say(f"mail server: {len(answers)} times {answers[0]}")

    def _play_a_trick(self, trick: dict[str, Any]) -> None:
        with suppress(httpx.HTTPError):
            self.house.standin("POST", "levers", trick)
            name = f"stripe {trick.get('effect', 'late')}"
            self.kills[name] += 1
            self.say(f"{name} at {trick['method']} {trick['path']}")

    def _flush(self) -> None:
        with suppress(redis.RedisError):
            with redis.Redis(port=self.house.stack.ports.of("redis"), socket_timeout=2) as client:
                client.flushall()
            self.kills["FLUSHALL"] += 1
            self.say("FLUSHALL")


def _id(dice: random.Random) -> UUID:
    return UUID(int=dice.getrandbits(128), version=4)
