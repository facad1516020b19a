"""One request path: what is sent, what is repeated, and what comes back as what."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from bh_sdk import correlation, errors
from bh_sdk.breaker import Breakers
from bh_sdk.clients import AsyncNotify, AsyncPayments, AsyncTrust, BearerAuth, Feed, Notify, Payments, Trust
from bh_sdk.deadlines import deadline
from bh_sdk.errors import (
    AmountInvalid,
    CircuitOpen,
    ConnectFailed,
    ConnectionLost,
    CurrencyMismatch,
    DeadlineExceeded,
    Invalid,
    NotFound,
    RetryBudgetSpent,
    TimedOut,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
)
from bh_sdk.events import UserVerified
from bh_sdk.money import Money
from bh_sdk.retries import RetryBudget
from bh_sdk.wire.trust import EvidenceFact, Subject
from tests.sdk.clock import Clock

CAMPAIGN = uuid.UUID("11111111-2222-4333-8444-555555555555")
USER = uuid.UUID("66666666-7777-4888-8999-aaaaaaaaaaaa")

PAYMENT: dict[str, Any] = {
    "payment_id": str(uuid.uuid4()),
    "payment_intent_id": "pi_1",
    "campaign_id": str(CAMPAIGN),
    "user_id": None,
    "amount": "25.00",
    "charged": "25.00",
    "currency": "GBP",
    "status": "requires_payment_method",
    "refund_status": "none",
    "refunded_amount": "0.00",
    "dispute_status": "none",
    "anonymous": False,
    "message": None,
    "created_at": "2026-11-22T12:00:00Z",
}
CREATED = PAYMENT | {
    "client_secret": "pi_1_secret_x",
    "fees": {"processing": "0.55", "platform": "0.00"},
    "net_amount": "24.45",
}


class Service:
    """A service that answers what it is told, in order, and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]) -> None:
        self.answers, self.asked = list(answers), list[httpx.Request]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if not isinstance(answer, httpx.Response):
            return answer(request)
        # A response belongs to the client that read it, so every call gets one of its own.
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.asked]


def problem(kind: type[errors.BHError], **headers: str) -> httpx.Response:
    return httpx.Response(
        kind.status, json=kind().problem("req-7"), headers={"Content-Type": "application/problem+json"} | headers
    )


def ok(body: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Both:
    """The same call over the blocking and the awaiting client, each on a service of its own."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def __call__(
        self, service: str, answers: list[Any], call: Callable[[Any], Any], **options: Any
    ) -> list[tuple[Any, Service]]:
        blocking = {"payments": Payments, "trust": Trust, "notify": Notify}[service]
        awaiting = {"payments": AsyncPayments, "trust": AsyncTrust, "notify": AsyncNotify}[service]
        first, second = Service(*answers), Service(*answers)
        common: dict[str, Any] = {"clock": self.clock, "draw": lambda: 0.5} | options
        with blocking(
            "http://service.test", transport=httpx.MockTransport(first), sleep=self.clock.sleep, **common
        ) as client:
            outcome = _outcome(lambda: call(client))

        async def later() -> Any:
            async with awaiting(
                "http://service.test", transport=httpx.MockTransport(second), sleep=self.clock.asleep, **common
            ) as client:
                try:
                    return await call(client)
                except errors.BHError as error:
                    return error

        return [(outcome, first), (asyncio.run(later()), second)]


def _outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except errors.BHError as error:
        return error


@pytest.fixture
def both(clock: Clock) -> Both:
    return Both(clock)


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_a_gift_is_sent_as_the_wire_type_and_read_as_one(both: Both) -> None:
    for gift, service in both(
        "payments",
        [ok(CREATED | {"added_later": 1}, 201)],
        lambda payments: payments.create_intent(
            campaign_id=CAMPAIGN,
            amount=Money.parse("25.00", "GBP"),
            donor={"name": "Ruth", "email": "ruth@demo.test"},
            message="God bless ☀",
        ),
    ):
        assert gift.client_secret == "pi_1_secret_x"
        assert gift.created_at == datetime(2026, 11, 22, 12, tzinfo=UTC)
        (request,) = service.asked
        assert (request.method, request.url.path) == ("POST", "/api/v1/payments/create-intent")
        assert json.loads(request.content) == {
            "campaign_id": str(CAMPAIGN),
            "amount": "25.00",
            "currency": "GBP",
            "cover_fees": False,
            "anonymous": False,
            "message": "God bless ☀",
            "donor": {"name": "Ruth", "email": "ruth@demo.test"},
        }
        assert uuid.UUID(request.headers["Idempotency-Key"]).version == 4
        assert "Authorization" not in request.headers


SCORE = {
    "entity_kind": "campaign",
    "entity_id": str(CAMPAIGN),
    "score": 80.5,
    "rated": True,
    "tier": "TRUSTED",
    "confidence": 0.9,
    "factors": [],
    "cap_adjustment": 0,
    "trend": None,
    "reasons": [],
    "calculated_at": "2026-11-22T12:00:00Z",
}
JOB = {"job_id": str(uuid.uuid4()), "status": "queued", "done": 0, "total": 2}
ITEM: dict[str, Any] = {
    "id": str(uuid.uuid4()),
    "type": "thank_you",
    "title": "Thank you",
    "body": "",
    "data": {},
    "action_url": None,
    "created_at": "2026-11-22T12:00:00Z",
    "seen_at": None,
    "read_at": None,
    "archived_at": None,
}
DESCRIBED = {
    "campaign_id": str(CAMPAIGN),
    "title": "Roof",
    "owner_id": str(USER),
    "currency": "GBP",
    "goal": "100.00",
    "status": "FUNDING",
    "min_amount": None,
    "max_amount": None,
    "ends_at": None,
    "category": None,
}
REPORT = {
    "report_id": str(uuid.uuid4()),
    "entity_type": "campaign",
    "entity_id": str(CAMPAIGN),
    "kind": "fraud",
    "status": "open",
    "created_at": "2026-11-22T12:00:00Z",
}
TOTALS = {
    "campaign_id": str(CAMPAIGN),
    "currency": "GBP",
    "raised": "1.00",
    "refunded": "0.00",
    "donors": 1,
    "gifts": 1,
    "recent": [],
}
CONTACT = {
    "user_id": str(USER),
    "has_email": True,
    "has_phone": False,
    "locale": "en",
    "timezone": "UTC",
    "updated_at": "2026-11-22T12:00:00Z",
}
FACT = EvidenceFact(
    id=uuid.uuid4(), type="user.joined", time=datetime(2026, 1, 1, tzinfo=UTC), subject=Subject(kind="user", id=USER)
)
JANUARY = "2026-01-01T00%3A00%3A00%2B00%3A00"
DEVICE = {
    "device_id": str(USER),
    "kind": "fcm",
    "service": "fcm.googleapis.com",
    "created_at": "2026-01-01T00:00:00Z",
    "seen_at": "2026-01-01T00:00:00Z",
    "expires_at": None,
}
EMPTY: dict[str, Any] = {
    "person_id": str(USER),
    "profile": None,
    "preferences": {
        "choices": [],
        "quiet_hours": "none",
        "timezone": "",
        "consent": None,
        "follows": [],
        "history": [],
        "updated_at": None,
    },
    **{name: [] for name in ("devices", "gifts", "digests", "suppressions", "events", "notifications", "mentions")},
}
ERASED = {
    "user_id": str(USER),
    "status": "erased",
    "erased_at": "2026-01-01T00:00:00Z",
    "finished_at": "2026-01-01T00:00:00Z",
}
OPERATIONS: list[tuple[str, Callable[[Any], Any], Any, str, bool]] = [
    (
        "payments",
        lambda c: c.confirm(payment_intent_id="pi_1", payment_method_id="pm_card_visa"),
        PAYMENT,
        "POST /api/v1/payments/confirm",
        True,
    ),
    ("payments", lambda c: c.payment(USER, link="abc"), PAYMENT, f"GET /api/v1/payments/{USER}?link=abc", False),
    (
        "payments",
        lambda c: c.history_page(
            USER, status="succeeded", campaign_id=str(CAMPAIGN), from_=datetime(2026, 1, 1, tzinfo=UTC), limit=10
        ),
        {"results": [PAYMENT], "next": None, "previous": None},
        f"GET /api/v1/payments/history/{USER}?status=succeeded&campaign_id={CAMPAIGN}&from={JANUARY}&limit=10",
        False,
    ),
    (
        "payments",
        lambda c: c.campaign_totals(CAMPAIGN),
        TOTALS,
        f"GET /api/v1/payments/campaigns/{CAMPAIGN}/totals",
        False,
    ),
    (
        "payments",
        lambda c: c.describe_campaign(
            CAMPAIGN, title="Roof", owner_id=USER, goal="100", currency="GBP", status="FUNDING", min_amount="5"
        ),
        DESCRIBED,
        f"PUT /api/v1/payments/campaigns/{CAMPAIGN}",
        False,
    ),
    ("trust", lambda c: c.campaign(CAMPAIGN), SCORE, f"GET /api/v1/trust/campaign/{CAMPAIGN}", False),
    ("trust", lambda c: c.user(USER), SCORE, f"GET /api/v1/trust/user/{USER}", False),
    (
        "trust",
        lambda c: c.factors(CAMPAIGN),
        {"score": SCORE, "evidence": None},
        f"GET /api/v1/trust/factors/{CAMPAIGN}",
        False,
    ),
    (
        "trust",
        lambda c: c.history_page(CAMPAIGN),
        {"results": [{"score": 1.5, "tier": "NEW", "rated": True, "calculated_at": "2026-11-22T12:00:00Z"}]},
        f"GET /api/v1/trust/history/{CAMPAIGN}?limit=50",
        False,
    ),
    ("trust", lambda c: c.calculate("campaign", CAMPAIGN), SCORE, "POST /api/v1/trust/calculate", True),
    ("trust", lambda c: c.calculate_many([("user", USER)]), JOB, "POST /api/v1/trust/calculate", True),
    ("trust", lambda c: c.calculate_many(), JOB, "POST /api/v1/trust/calculate", True),
    ("trust", lambda c: c.job(USER), JOB, f"GET /api/v1/trust/jobs/{USER}", False),
    (
        "trust",
        lambda c: c.report(entity_type="campaign", entity_id=CAMPAIGN, kind="fraud", description="They never built it"),
        REPORT,
        "POST /api/v1/trust/report",
        True,
    ),
    ("trust", lambda c: c.evidence(FACT), {"accepted": 1, "repeated": 0}, "POST /api/v1/trust/evidence", False),
    ("trust", lambda c: c.evidence([FACT, FACT]), {"accepted": 1, "repeated": 1}, "POST /api/v1/trust/evidence", False),
    (
        "trust",
        lambda c: c.describe_campaign(CAMPAIGN, title="Roof", owner_id=USER, currency="GBP"),
        DESCRIBED,
        f"PUT /api/v1/trust/campaigns/{CAMPAIGN}",
        False,
    ),
    (
        "notify",
        lambda c: c.send(recipient_ids=[USER], type="campaign_update", data={"a": None}),
        {"results": []},
        "POST /api/v1/notifications/send",
        True,
    ),
    (
        "notify",
        lambda c: c.feed(USER, unread=True),
        {"results": [ITEM], "unread_count": 1, "next": None},
        f"GET /api/v1/notifications/user/{USER}?unread=true&limit=50",
        False,
    ),
    ("notify", lambda c: c.mark_read(USER), ITEM, f"PUT /api/v1/notifications/read/{USER}", False),
    ("notify", lambda c: c.mark_seen(USER), ITEM, f"PUT /api/v1/notifications/seen/{USER}", False),
    ("notify", lambda c: c.mark_unread(USER), ITEM, f"DELETE /api/v1/notifications/read/{USER}", False),
    ("notify", lambda c: c.archive(USER), ITEM, f"PUT /api/v1/notifications/archive/{USER}", False),
    ("notify", lambda c: c.unarchive(USER), ITEM, f"DELETE /api/v1/notifications/archive/{USER}", False),
    ("notify", lambda c: c.read_all(), {"marked": 3}, "POST /api/v1/notifications/read-all", False),
    ("notify", lambda c: c.see_all(), {"marked": 3}, "POST /api/v1/notifications/seen-all", False),
    ("notify", lambda c: c.push_key(), {"public_key": "BKvE"}, "GET /api/v1/notifications/push-key", False),
    ("notify", lambda c: c.subscribe(token="an-app-s-token"), DEVICE, "POST /api/v1/notifications/subscribe", False),
    ("notify", lambda c: c.devices(), {"results": [DEVICE]}, "GET /api/v1/notifications/subscribe", False),
    (
        "notify",
        lambda c: c.unsubscribe(token="an-app-s-token"),
        {"results": []},
        "DELETE /api/v1/notifications/subscribe",
        False,
    ),
    (
        "notify",
        lambda c: c.remove_device(USER),
        {"results": []},
        f"DELETE /api/v1/notifications/subscribe/{USER}",
        False,
    ),
    ("notify", lambda c: c.export_person(USER), EMPTY, f"GET /api/v1/notifications/gdpr/export/{USER}", False),
    ("notify", lambda c: c.erase_person(USER), ERASED, "POST /api/v1/notifications/gdpr/erase", False),
    (
        "notify",
        lambda c: c.stream_ticket(),
        {"ticket": "t", "expires_at": "2026-01-01T00:00:30Z", "url": "https://stream.example/stream"},
        "POST /api/v1/notifications/stream-ticket",
        False,
    ),
    (
        "notify",
        lambda c: c.feed_counts(USER),
        {"unread_count": 2, "unseen_count": 1},
        f"GET /api/v1/notifications/user/{USER}/counts",
        False,
    ),
    (
        "notify",
        lambda c: c.describe_contact(USER, email="ruth@demo.test"),
        CONTACT,
        f"PUT /api/v1/notifications/contacts/{USER}",
        False,
    ),
    (
        "notify",
        lambda c: c.describe_campaign(CAMPAIGN, title="Roof", owner_id=USER, currency="GBP"),
        DESCRIBED,
        f"PUT /api/v1/notifications/campaigns/{CAMPAIGN}",
        False,
    ),
    (
        "trust",
        lambda c: c.push_fact(UserVerified(user_id=USER, item="email"), subject=USER),
        {"id": "1", "status": "accepted"},
        "POST /api/v1/events",
        False,
    ),
    (
        "trust",
        lambda c: c.events.page(after="e:4", limit=10),
        {"results": [], "next": "e:4", "head": "e:4"},
        "GET /api/v1/events?after=e%3A4&limit=10",
        False,
    ),
    ("notify", lambda c: c.health(), {"status": "ready"}, "GET /readyz", False),
]


@pytest.mark.parametrize(("service", "call", "body", "line", "keyed"), OPERATIONS, ids=lambda value: str(value)[:40])
def test_every_operation_goes_to_its_place(
    both: Both, service: str, call: Callable[[Any], Any], body: Any, line: str, keyed: bool
) -> None:
    for answer, served in both(service, [ok(body)], call):
        assert not isinstance(answer, Exception), answer
        (request,) = served.asked
        assert f"{request.method} {request.url.raw_path.decode()}" == line
        assert ("Idempotency-Key" in request.headers) is keyed
        assert (request.headers.get("Content-Type") == "application/json") is bool(request.content)


def test_every_operation_exists_in_both_worlds_with_the_same_parameters() -> None:
    for blocking, awaiting in ((Payments, AsyncPayments), (Trust, AsyncTrust), (Notify, AsyncNotify)):
        one, two = blocking("http://x.test"), awaiting("http://x.test")
        names = {name for name in dir(one) if not name.startswith("_")} - {"close"}
        assert names == {name for name in dir(two) if not name.startswith("_")} - {"aclose"}
        for name in names - {"base_url", "events"}:
            assert inspect.signature(getattr(one, name)).parameters == inspect.signature(getattr(two, name)).parameters
            assert getattr(one, name).__doc__


def test_what_the_service_would_refuse_is_refused_before_it_is_sent(both: Both) -> None:
    wrong: list[tuple[str, Callable[[Any], Any], type[Exception]]] = [
        ("payments", lambda c: c.create_intent(campaign_id=CAMPAIGN, amount="25.001", currency="GBP"), AmountInvalid),
        ("payments", lambda c: c.create_intent(campaign_id=CAMPAIGN, amount="25.00"), AmountInvalid),
        (
            "payments",
            lambda c: c.create_intent(campaign_id=CAMPAIGN, amount=Money(1, "GBP"), currency="JPY"),
            CurrencyMismatch,
        ),
        ("payments", lambda c: c.create_intent(campaign_id="x", amount="1", currency="GBP"), Invalid),
        ("payments", lambda c: c.payment("../campaigns"), Invalid),
        ("payments", lambda c: c.confirm(payment_intent_id="pi_1/../../"), Invalid),
        ("notify", lambda c: c.send(recipient_ids=[], type="a"), Invalid),
        ("notify", lambda c: c.send(recipient_ids=[USER], type="a", data={"x": float("nan")}), Invalid),
        ("notify", lambda c: c.send(recipient_ids=[USER], type="a", data={"x": "\ud800"}), Invalid),
        ("trust", lambda c: c.evidence([]), Invalid),
    ]
    for service, call, error in wrong:
        for outcome, served in both(service, [ok({})], call):
            assert isinstance(outcome, error), (outcome, error)
            assert served.asked == []


def test_an_invalid_argument_names_its_place_and_never_its_value(both: Both) -> None:
    secret = "not-an-address-but-private"
    for outcome, _ in both("notify", [ok({})], lambda c: c.describe_contact(USER, email=secret)):
        assert isinstance(outcome, Invalid)
        assert outcome.facts["errors"][0]["pointer"] == "#/email"
        assert secret not in json.dumps(outcome.problem())


def test_the_request_id_and_the_trace_are_handed_on(both: Both) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with correlation.carrying(request_id="req-1", traceparent=trace):
        results = both("payments", [ok(PAYMENT)], lambda c: c.payment(USER))
    for _, service in results:
        (request,) = service.asked
        assert request.headers["X-Request-ID"] == "req-1"
        version, trace_id, span, flags = request.headers["traceparent"].split("-")
        assert (version, trace_id, flags) == ("00", "0af7651916cd43dd8448eb211c80319c", "01")
        assert span != "b7ad6b7169203331"


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "", "x" * 129, None])
def test_what_cannot_be_a_request_id_is_replaced(both: Both, value: str | None) -> None:
    with correlation.carrying(request_id=value, traceparent="00-" + "0" * 32 + "-" + "1" * 16 + "-01"):
        ((_, service), _) = both("payments", [ok(PAYMENT)], lambda c: c.payment(USER))
    assert uuid.UUID(service.asked[0].headers["X-Request-ID"]).version == 4
    assert not service.asked[0].headers["traceparent"].startswith("00-0000")


# --- what is repeated -------------------------------------------------------------------------------------------------


def test_a_keyed_call_is_repeated_with_the_same_key_body_and_request_id(both: Both, clock: Clock) -> None:
    answers = [httpx.ReadError("lost"), problem(errors.ProviderUnavailable, **{"Retry-After": "2"}), ok(CREATED, 201)]
    for gift, service in both(
        "payments", answers, lambda c: c.create_intent(campaign_id=CAMPAIGN, amount="25.00", currency="GBP")
    ):
        assert gift.payment_intent_id == "pi_1"
        assert len(service.asked) == 3
        assert len({request.headers["Idempotency-Key"] for request in service.asked}) == 1
        assert len({request.headers["X-Request-ID"] for request in service.asked}) == 1
        assert len({request.content for request in service.asked}) == 1
    assert clock.slept == [0.025, 2.05] * 2


def test_the_callers_own_key_is_used(both: Both) -> None:
    key = uuid.uuid4()
    for _, service in both(
        "notify", [ok({"results": []})], lambda c: c.send(recipient_ids=[USER], type="a", idempotency_key=key)
    ):
        assert service.asked[0].headers["Idempotency-Key"] == str(key)


def test_a_call_still_running_is_asked_for_when_it_says(both: Both) -> None:
    answers = [problem(errors.IdempotencyInProgress, **{"Retry-After": "1"}), ok(CREATED, 201)]
    for gift, service in both(
        "payments", answers, lambda c: c.create_intent(campaign_id=CAMPAIGN, amount="25.00", currency="GBP")
    ):
        assert gift.payment_intent_id == "pi_1"
        assert len(service.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        problem(errors.InternalError),
        problem(errors.NotFound),
        problem(errors.IdempotencyInProgress),
        problem(errors.IdempotencyKeyReused),
        ok({"nonsense": 1}),
        httpx.Response(302, headers={"Location": "https://attacker.test/"}),
    ],
)
def test_an_answer_that_would_not_change_is_taken_at_once(both: Both, answer: httpx.Response) -> None:
    for outcome, service in both("payments", [answer], lambda c: c.payment(USER)):
        assert isinstance(outcome, errors.BHError)
        assert len(service.asked) == 1


def test_three_attempts_are_all(both: Both) -> None:
    for outcome, service in both("payments", [problem(errors.Unavailable)], lambda c: c.payment(USER)):
        assert isinstance(outcome, Unavailable)
        assert len(service.asked) == 3


def test_a_wait_beyond_the_deadline_is_not_begun(both: Both, clock: Clock) -> None:
    answer = problem(errors.RateLimited, **{"Retry-After": "60"})
    for outcome, service in both("payments", [answer], lambda c: c.payment(USER, timeout=5)):
        assert isinstance(outcome, errors.RateLimited)
        assert outcome.retry_after == 60
        assert isinstance(outcome.__cause__, DeadlineExceeded)
        assert len(service.asked) == 1
    assert clock.slept == []


def test_the_deadline_travels_and_shrinks(both: Both, clock: Clock) -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        clock.now += 1.5
        return problem(errors.Unavailable)

    with deadline(4, clock=clock):
        ((outcome, service),) = both("payments", [slow], lambda c: c.payment(USER, timeout=60))[:1]
    assert isinstance(outcome, TimedOut), "the third answer came too late to be taken"
    told = [int(request.headers["X-Request-Deadline"]) for request in service.asked]
    assert told == pytest.approx([4000, 2475, 925], abs=1)


def test_after_the_deadline_nothing_is_sent(both: Both, clock: Clock) -> None:
    with deadline(0, clock=clock):
        for outcome, service in both("payments", [ok(PAYMENT)], lambda c: c.payment(USER)):
            assert isinstance(outcome, DeadlineExceeded)
            assert service.asked == []


def test_when_the_budget_is_spent_the_first_answer_is_the_last(both: Both, clock: Clock) -> None:
    budget = RetryBudget(per_second=0, clock=clock)
    for outcome, service in both("payments", [problem(errors.Unavailable)], lambda c: c.payment(USER), budget=budget):
        assert isinstance(outcome, Unavailable)
        assert isinstance(outcome.__cause__, RetryBudgetSpent)
        assert len(service.asked) == 1


def test_a_service_that_only_fails_is_called_twenty_times_and_then_left_alone(clock: Clock) -> None:
    service = Service(problem(errors.Unavailable))
    payments = Payments("http://p.test", transport=httpx.MockTransport(service), clock=clock, sleep=clock.sleep)
    outcomes = [type(_outcome(lambda: payments.payment(USER))) for _ in range(100)]
    assert len(service.asked) == 20
    assert outcomes[-1] is CircuitOpen
    assert set(outcomes) == {Unavailable, CircuitOpen}
    assert isinstance(_outcome(lambda: payments.campaign_totals(USER)), Unavailable), "another operation is tried"
    service.answers = [ok(PAYMENT)]
    clock.now += 5
    assert payments.payment(USER).amount == "25.00"


def test_refusals_never_open_the_circuit(clock: Clock) -> None:
    service = Service(problem(errors.NotFound))
    payments = Payments("http://p.test", transport=httpx.MockTransport(service), clock=clock, sleep=clock.sleep)
    assert {type(_outcome(lambda: payments.payment(USER))) for _ in range(100)} == {NotFound}
    assert len(service.asked) == 100


def test_breakers_can_be_shared(clock: Clock) -> None:
    breakers, service = Breakers(clock=clock), Service(httpx.ConnectError("refused"))
    for _ in range(20):
        client = Payments(
            "http://p.test", transport=httpx.MockTransport(service), breakers=breakers, clock=clock, sleep=clock.sleep
        )
        _outcome(functools.partial(client.payment, USER))
    assert len(service.asked) == 20


def test_a_given_up_call_does_not_hold_a_probe(clock: Clock) -> None:
    class Stop(BaseException):
        pass

    def stop(request: httpx.Request) -> httpx.Response:
        raise Stop

    service = Service(problem(errors.Unavailable))
    payments = Payments("http://p.test", transport=httpx.MockTransport(service), clock=clock, sleep=clock.sleep)
    for _ in range(10):
        _outcome(lambda: payments.payment(USER))
    clock.now += 5
    service.answers = [stop]
    for _ in range(5):
        with pytest.raises(Stop):
            payments.payment(USER)
    service.answers = [ok(PAYMENT)]
    assert payments.payment(USER).amount == "25.00"


# --- tokens -----------------------------------------------------------------------------------------------------------


class Renewing:
    """A caller whose token can be replaced."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)

    def token(self) -> str:
        return self.tokens[0]

    async def atoken(self) -> str:
        return self.tokens[0]

    def renew(self, refused: str) -> bool:
        if self.tokens[0] == refused and len(self.tokens) > 1:
            self.tokens.pop(0)
            return True
        return False


@pytest.mark.parametrize("keyed", [True, False])
def test_a_refused_token_is_renewed_once(clock: Clock, keyed: bool) -> None:
    service = Service(problem(errors.Unauthenticated), ok(CREATED, 201))
    auth = Renewing("old", "new")
    payments = Payments("http://p.test", auth=auth, transport=httpx.MockTransport(service), clock=clock)
    if keyed:
        payments.create_intent(campaign_id=CAMPAIGN, amount="25.00", currency="GBP")
    else:
        payments.payment(USER)
    assert [request.headers["Authorization"] for request in service.asked] == ["Bearer old", "Bearer new"]


def test_a_refusal_after_the_renewal_is_final(both: Both) -> None:
    for outcome, service in both(
        "payments", [problem(errors.Unauthenticated)], lambda c: c.payment(USER), auth=Renewing("a", "b", "c", "d", "e")
    ):
        assert isinstance(outcome, Unauthenticated)
        assert len(service.asked) == 2


def test_cookies_are_not_kept(clock: Clock) -> None:
    service = Service(httpx.Response(200, json=PAYMENT, headers={"Set-Cookie": "session=1; Path=/"}))
    payments = Payments("http://p.test", transport=httpx.MockTransport(service), clock=clock)
    payments.payment(USER)
    payments.payment(USER)
    assert all("Cookie" not in request.headers for request in service.asked)


def test_a_bearers_token_is_sent_and_not_shown(both: Both) -> None:
    auth = BearerAuth(lambda: "secret-token")
    for _, service in both("payments", [ok(PAYMENT)], lambda c: c.payment(USER), auth=auth):
        assert service.asked[0].headers["Authorization"] == "Bearer secret-token"
    client = Payments("http://p.test/", auth=BearerAuth("secret-token"))
    assert repr(client) == "Payments('http://p.test', auth=BearerAuth(…))"


def test_health_needs_no_token_and_no_repeat(both: Both) -> None:
    answer = httpx.Response(503, json={"status": "unready", "checks": {}})
    for health, service in both("trust", [answer], lambda c: c.health(), auth=BearerAuth("t")):
        assert not health.ready
        assert health.detail["status"] == "unready"
        assert "Authorization" not in service.asked[0].headers
        assert len(service.asked) == 1


# --- what comes back --------------------------------------------------------------------------------------------------


def test_a_problem_comes_back_as_the_error_that_was_raised(both: Both) -> None:
    raised = errors.AmountOutOfBounds("Too small", minimum="5.00")
    answer = httpx.Response(422, json=raised.problem("req-9"))
    for error, _ in both("payments", [answer], lambda c: c.payment(USER)):
        assert type(error) is errors.AmountOutOfBounds
        assert (error.detail, error.request_id, error.facts) == ("Too small", "req-9", {"minimum": "5.00"})
        assert str(error) == "Too small (request req-9)"


def test_a_proxys_page_is_what_its_status_says(both: Both) -> None:
    page = httpx.Response(404, text="<h1>404</h1>", headers={"X-Request-ID": "req-3"})
    for error, _ in both("payments", [page], lambda c: c.payment(USER)):
        assert type(error) is NotFound
        assert error.request_id == "req-3"


@pytest.mark.parametrize(
    "answer",
    [
        ok({}),
        ok(PAYMENT | {"amount": 25.0}),
        ok(PAYMENT | {"status": "gone"}),
        ok([PAYMENT]),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, content=b"\xff"),
        httpx.Response(204),
        lambda request: httpx.Response(200, stream=httpx.ByteStream(b"not gzip"), headers={"Content-Encoding": "gzip"}),
    ],
)
def test_what_is_not_the_wire_type_is_unexpected(both: Both, answer: Any) -> None:
    for error, _ in both("payments", [answer], lambda c: c.payment(USER)):
        assert isinstance(error, UnexpectedAnswer), error


def test_an_unexpected_answer_never_repeats_what_it_said(both: Both) -> None:
    answer = ok(PAYMENT | {"amount": {"donor": "ruth@demo.test"}})
    for error, _ in both("payments", [answer], lambda c: c.payment(USER)):
        assert "ruth" not in json.dumps(error.problem())
        assert error.facts["errors"][0]["pointer"] == "#/amount"


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx.ConnectError("x"), ConnectFailed),
        (httpx.ConnectTimeout("x"), ConnectFailed),
        (httpx.ReadTimeout("x"), TimedOut),
        (httpx.ReadError("x"), ConnectionLost),
        (httpx.RemoteProtocolError("x"), ConnectionLost),
    ],
)
def test_a_network_that_fails_is_told_in_our_words(both: Both, failure: Exception, kind: type[Exception]) -> None:
    for error, service in both("payments", [failure], lambda c: c.payment(USER)):
        assert type(error) is kind
        assert len(service.asked) == 3


# --- lists ------------------------------------------------------------------------------------------------------------


def _pages(request: httpx.Request) -> httpx.Response:
    number = int(request.url.params.get("cursor", "0"))
    following = f"{request.url.path}?limit=2&cursor={number + 1}" if number < 2 else None
    results = [PAYMENT | {"message": f"{number}-{n}"} for n in range(2)]
    return ok({"results": results, "next": following, "previous": None})


def test_a_list_is_followed_to_its_end(clock: Clock) -> None:
    service = Service(_pages)
    payments = Payments("http://p.test/prefix", transport=httpx.MockTransport(service), clock=clock)
    found = payments.history(USER, limit=2)
    assert service.asked == [], "nothing is fetched before it is needed"
    assert [payment.message for payment in found] == ["0-0", "0-1", "1-0", "1-1", "2-0", "2-1"]
    assert [request.url.raw_path.decode().partition("?")[2] for request in service.asked] == [
        "limit=2",
        "limit=2&cursor=1",
        "limit=2&cursor=2",
    ]

    async def later() -> list[str | None]:
        transport = httpx.MockTransport(Service(_pages))
        async with AsyncPayments("http://p.test/prefix", transport=transport) as client:
            return [payment.message async for payment in client.history(USER, limit=2)]

    assert asyncio.run(later()) == ["0-0", "0-1", "1-0", "1-1", "2-0", "2-1"]


@pytest.mark.parametrize(
    "following",
    [
        "http://attacker.test/api?cursor=1",
        "//attacker.test/api?cursor=1",
        "/api/v1/payments/refund?cursor=1",
        "/api/v1/payments/history/{user}/../x?cursor=1",
        "/api/v1/payments/history/{user}",
        "/api/v1/payments/history/{user}?cursor=1#frag",
        "/api/v1/payments/history/{user}?cursor=1 2",
    ],
)
def test_a_next_page_that_leads_elsewhere_is_not_followed(clock: Clock, following: str) -> None:
    service = Service(ok({"results": [PAYMENT], "next": following.format(user=USER)}))
    payments = Payments("http://p.test", transport=httpx.MockTransport(service), auth=BearerAuth("t"), clock=clock)
    with pytest.raises(UnexpectedAnswer):
        list(payments.history(USER))
    assert len(service.asked) == 1


def test_a_list_that_goes_in_circles_ends(clock: Clock) -> None:
    service = Service(ok({"results": [PAYMENT], "next": f"/api/v1/payments/history/{USER}?cursor=1"}))
    payments = Payments("http://p.test", transport=httpx.MockTransport(service), clock=clock)
    with pytest.raises(UnexpectedAnswer):
        list(payments.history(USER))
    assert len(service.asked) == 2


# --- construction -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["ftp://p.test", "p.test", "http://", "http://user:pw@p.test", "http://p.test?a=b"])
def test_a_base_url_is_an_address_and_nothing_else(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        Payments(url)


# --- over a real network ----------------------------------------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    """The first call is cut off, the second waits to be repeated, the third is answered."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str | None]]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers["Idempotency-Key"]))
        if len(self.seen) == 1:
            self.close_connection = True
            return
        status, body = (503, Unavailable().problem("r")) if len(self.seen) == 2 else (201, CREATED)
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    seen: list[tuple[str, str | None]] = []
    http = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"seen": seen}))
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}", seen
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.mark.parametrize("awaiting", [False, True])
def test_a_gift_survives_a_cut_connection(server: tuple[str, list[tuple[str, str | None]]], awaiting: bool) -> None:
    url, seen = server
    gift = {"campaign_id": CAMPAIGN, "amount": "25.00", "currency": "GBP"}

    async def later() -> str | None:
        async with AsyncPayments(url) as client:
            return (await client.create_intent(**gift)).payment_intent_id  # type: ignore[arg-type]

    if awaiting:
        assert asyncio.run(later()) == "pi_1"
    else:
        with Payments(url) as payments:
            assert payments.create_intent(**gift).payment_intent_id == "pi_1"  # type: ignore[arg-type]
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_nobody_there_is_connect_failed() -> None:
    with Payments("http://127.0.0.1:9", timeout=1) as payments, pytest.raises(ConnectFailed):
        payments.campaign_totals(CAMPAIGN)


def test_a_feed_client_reads_pages() -> None:
    event = {
        "id": str(uuid.uuid4()),
        "source": "payments",
        "type": "unknown.v9",
        "subject": "s",
        "time": "2026-11-22T12:00:00Z",
        "number": 5,
        "epoch": str(uuid.uuid4()),
        "data": {"a": 1},
    }
    service = Service(ok({"results": [event], "next": "e:5", "head": "e:9"}))
    with Feed("http://p.test", auth=BearerAuth("t"), transport=httpx.MockTransport(service)) as feed:
        page = feed.page(after="e:4", limit=1)
    assert (page.next, page.head, page.results[0].number, page.results[0].fact()) == ("e:5", "e:9", 5, None)
