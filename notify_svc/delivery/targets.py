"""Where the letters of a batch go, opened for the sending alone: mail addresses, devices, telephone numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from bh_sdk.server.ops.settings import setting
from notify_svc.audience import queries as audience
from notify_svc.delivery import rules
from notify_svc.delivery.channels import simulator
from notify_svc.delivery.channels.base import Outcome
from notify_svc.delivery.models import Delivery
from notify_svc.devices import queries as devices
from notify_svc.devices.rules import Opened
from notify_svc.tracking import queries as tracking


@dataclass(frozen=True, slots=True)
class Target:
    """Where one letter goes. `simulated`: to an address that stands for a fate and for nobody."""

    name: str = ""
    email: str = ""
    device: Opened | None = None
    phone: str = ""
    simulated: bool = False

    def __repr__(self) -> str:
        return "<Target>"


@dataclass(frozen=True, slots=True)
class Gone:
    """There is nowhere to send to: that fails, or, without an outcome, has become pointless."""

    outcome: Outcome | None = None
    why: str = ""


_NO_ADDRESS = Gone(Outcome("permanent", "address_gone"))
_SUPPRESSED = Gone(Outcome("permanent", rules.SUPPRESSED))
# It was retired, taken back, or belongs to somebody else by now.
_NO_DEVICE = Gone(why="device_gone")


class Targets:
    """Looks everything up at once, and only what the batch needs."""

    def __init__(self, batch: Sequence[Delivery]) -> None:
        people: dict[str, set[UUID]] = {}
        for row in batch:
            people.setdefault(row.channel, set()).add(row.recipient_id)
        self._mails = audience.addresses(people["email"]) if "email" in people else {}
        self._phones = audience.telephones(people["sms"]) if "sms" in people else {}
        self._devices = devices.opened({row.device_id for row in batch if row.device_id}) if "push" in people else {}
        self._names = audience.names(people["push"]) if "push" in people else {}
        self._unwelcome = {
            "email": tracking.unwelcome({one: person.email for one, person in self._mails.items()}),
            "sms": tracking.unwelcome_by_phone({one: person.number for one, person in self._phones.items()}),
        }

    def of(self, delivery: Delivery) -> Target | Gone:
        """Where a delivery goes. A test needs nobody: it goes nowhere."""
        found = getattr(self, f"_{delivery.channel}")(delivery)
        if isinstance(found, Gone) and delivery.notification.test and found is not _SUPPRESSED:
            return Target()
        if delivery.recipient_id in self._unwelcome.get(delivery.channel, ()):
            return _SUPPRESSED
        target: Target | Gone = found
        return target

    def _email(self, delivery: Delivery) -> Target | Gone:
        person = self._mails.get(delivery.recipient_id)
        if person is None:
            return _NO_ADDRESS
        simulated = simulator.reserved(person.email, domain=setting("NOTIFY_SIMULATOR"))
        return Target(person.name, person.email, simulated=simulated)

    def _push(self, delivery: Delivery) -> Target | Gone:
        device = self._devices.get(delivery.device_id) if delivery.device_id else None
        if device is None or device.user_id != delivery.recipient_id:
            return _NO_DEVICE
        name = self._names.get(delivery.recipient_id, "")
        return Target(name, device=device, simulated=simulator.stands_for_a_fate(device.address))

    def _sms(self, delivery: Delivery) -> Target | Gone:
        person = self._phones.get(delivery.recipient_id)
        if person is None:
            return _NO_ADDRESS
        return Target(person.name, phone=person.number, simulated=simulator.stands_for_a_fate(person.number))
