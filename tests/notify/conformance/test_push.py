"""What every provider of pushes promises, asked of each: Web Push (a strict push service), FCM (its wire format)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from bh_sdk.server.ops import clock
from notify_svc.delivery.channels.base import GONE, Letter, Outcome, Provider
from notify_svc.delivery.channels.push.fcm import Fcm
from notify_svc.delivery.channels.push.webpush import WebPush
from notify_svc.devices.rules import Opened
from notify_svc.wording.rendering import Rendered
from tests.notify.conformance.test_email import nowhere
from tests.notify.pushes import FcmDesk, PushService, fcm_error
from tests.notify.standins import Answer


@dataclass
class Shown:
    """One push as a device shows it."""

    device: str
    title: str
    body: str
    url: str
    tag: str
    urgency: str


class Carrier(Protocol):
    """A provider and the levers of its other side."""

    provider: Provider

    def device(self) -> Opened: ...
    def shown(self) -> list[Shown]: ...
    def forget(self, device: Opened) -> None: ...
    def says(self, what: str) -> None: ...
    def calls(self) -> int: ...
    def away(self, settings: Any) -> None: ...


def device(address: str = "https://push.example.org/x", kind: str = "webpush", **keys: str) -> Opened:
    own = {"p256dh": "", "auth": ""} | keys
    return Opened(uuid.uuid4(), uuid.uuid4(), kind, address, own["p256dh"], own["auth"], clock.now())


def letter(to: Opened, **rest: Any) -> Letter:
    words = Rendered(
        title=rest.pop("title", "A well is dug"),
        body=rest.pop("body", "Grüße aus Kibera"),
        action_url="https://blessed-horizon.example/campaigns/1",
    )
    return Letter(
        uuid.uuid4(), "campaign_update", "subscription", words, device=to, notification_id=uuid.uuid4(), **rest
    )


def carried(carrier: Carrier, *letters: Letter) -> list[Outcome]:
    with carrier.provider.open() as link:
        return [link.hand_over(one) for one in letters]


SAYS = {
    "transient": Answer(503),
    "throttled": Answer(429, headers={"Retry-After": "30"}),
    "too_large": Answer(413),
    "redirect": Answer(307, headers={"Location": "http://127.0.0.1:9/"}),
    "lost": Answer(None),
    "auth": Answer(401),
    "gateway": Answer(504),
}


class OverWebPush:
    provider: Provider = WebPush()

    def __init__(self, desk: PushService) -> None:
        self.desk = desk
        self.names: dict[str, str] = {}

    def device(self) -> Opened:
        told = self.desk.subscribe()
        made = device(told["endpoint"], **told["keys"])
        self.names[told["endpoint"].rpartition("/")[2]] = str(made.id)
        return made

    def shown(self) -> list[Shown]:
        return [
            Shown(
                self.names[one.browser],
                one.told["title"],
                one.told["body"],
                one.told["url"],
                one.told["tag"],
                one.headers["urgency"],
            )
            for one in self.desk.pushed
        ]

    def forget(self, device: Opened) -> None:
        self.desk.gone.add(device.address.rpartition("/")[2])

    def says(self, what: str) -> None:
        self.desk.script = [SAYS[what]]

    def calls(self) -> int:
        return len(self.desk.calls)

    def away(self, settings: Any) -> None:
        self.desk.url = f"http://127.0.0.1:{nowhere()}"
        settings.WEBPUSH_SERVICES = [self.desk.url]


FCM_SAYS = {
    "transient": fcm_error(503, "UNAVAILABLE", "UNAVAILABLE"),
    "throttled": fcm_error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", Retry_After="30"),
    "too_large": fcm_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    "auth": fcm_error(403, "PERMISSION_DENIED"),
}


class OverFcm:
    provider: Provider = Fcm()

    def __init__(self, desk: FcmDesk) -> None:
        self.desk = desk
        self.names: dict[str, str] = {}

    def device(self) -> Opened:
        made = device(f"app:{uuid.uuid4().hex}", "fcm")
        self.names[made.address] = str(made.id)
        return made

    def shown(self) -> list[Shown]:
        return [
            Shown(
                self.names[one["token"]],
                one["notification"]["title"],
                one["notification"]["body"],
                one["data"]["url"],
                one["android"]["notification"]["tag"],
                {"HIGH": "high", "NORMAL": "normal"}[one["android"]["priority"]],
            )
            for one in self.desk.messages
        ]

    def forget(self, device: Opened) -> None:
        self.desk.gone.add(device.address)

    def says(self, what: str) -> None:
        self.desk.script = [FCM_SAYS.get(what, SAYS[what])]

    def calls(self) -> int:
        return sum(path.endswith(":send") for _, path in self.desk.calls)

    def away(self, settings: Any) -> None:
        settings.FCM_URL = f"http://127.0.0.1:{nowhere()}"


@pytest.fixture(params=["webpush", "fcm"])
def carrier(request: pytest.FixtureRequest) -> Carrier:
    desk = request.getfixturevalue(f"{request.param}_desk")
    made: Carrier = {"webpush": OverWebPush, "fcm": OverFcm}[request.param](desk)
    return made


def test_a_push_arrives_readable_under_its_notification_s_name(carrier: Carrier) -> None:
    to = carrier.device()
    sent = letter(to, urgency="high")
    (outcome,) = carried(carrier, sent)
    assert outcome.fate == "accepted"
    (shown,) = carrier.shown()
    assert (shown.device, shown.title, shown.body) == (str(to.id), "A well is dug", "Grüße aus Kibera")
    assert (shown.url, shown.tag) == ("https://blessed-horizon.example/campaigns/1", str(sent.notification_id))
    assert shown.urgency == "high"


def test_a_device_that_is_gone_is_told_so_and_holds_up_none_behind_it(carrier: Carrier) -> None:
    lost, there = carrier.device(), carrier.device()
    carrier.forget(lost)
    outcomes = carried(carrier, letter(lost), letter(there))
    assert [(one.fate, one.reason) for one in outcomes] == [("permanent", GONE), ("accepted", "")]
    assert [one.device for one in carrier.shown()] == [str(there.id)]
    assert lost.address not in repr(outcomes)


def test_the_longest_words_in_any_alphabet_fit(carrier: Carrier) -> None:
    title, body = "祝" * 65, "😀" * 240
    assert [one.fate for one in carried(carrier, letter(carrier.device(), title=title, body=body))] == ["accepted"]
    assert [(one.title, one.body) for one in carrier.shown()] == [(title, body)]


@pytest.mark.parametrize("what", ["transient", "throttled"])
def test_a_refusal_is_told_by_its_class_and_nothing_arrives(carrier: Carrier, what: str) -> None:
    carrier.says(what)
    (outcome,) = carried(carrier, letter(carrier.device()))
    assert outcome.fate == what
    assert carrier.shown() == []


def test_throttling_says_how_long_to_wait_and_the_rest_of_the_batch_is_not_pressed_on(carrier: Carrier) -> None:
    carrier.says("throttled")
    outcomes = carried(carrier, letter(carrier.device()), letter(carrier.device()))
    assert [one.fate for one in outcomes] == ["throttled", "throttled"]
    assert outcomes[0].wait is not None
    assert outcomes[0].wait.total_seconds() == 30
    assert carrier.calls() == 1


@pytest.mark.parametrize("what", ["too_large", "redirect"])
def test_what_will_never_be_taken_is_given_up(carrier: Carrier, what: str) -> None:
    carrier.says(what)
    assert [one.fate for one in carried(carrier, letter(carrier.device()))] == ["permanent"]


def test_a_refused_signature_forgets_nobody(carrier: Carrier) -> None:
    carrier.says("auth")
    (outcome,) = carried(carrier, letter(carrier.device()))
    assert (outcome.fate, outcome.reason == GONE) == ("auth", False)


@pytest.mark.parametrize("what", ["lost", "gateway"])
def test_an_answer_that_is_lost_leaves_the_fate_unknown(carrier: Carrier, what: str) -> None:
    carrier.says(what)
    assert [one.fate for one in carried(carrier, letter(carrier.device()))] == ["unknown"]


def test_a_provider_that_is_away_took_nothing(carrier: Carrier, settings: Any) -> None:
    carrier.away(settings)
    outcomes = carried(carrier, letter(carrier.device()), letter(carrier.device()))
    assert {(one.fate, one.reason) for one in outcomes} == {("transient", "server_away")}


def test_a_letter_without_a_device_goes_nowhere(carrier: Carrier) -> None:
    words = Rendered(title="x")
    (outcome,) = carried(carrier, Letter(uuid.uuid4(), "t", "social", words))
    assert (outcome.fate, carrier.calls()) == ("permanent", 0)
