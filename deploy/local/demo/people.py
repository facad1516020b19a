"""Who and what the demo is about. Everybody's address ends in demo.test; ids are the same in every stack."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5


def demo_id(name: str) -> UUID:
    """The id that stands for `name` in every demo stack."""
    return uuid5(NAMESPACE_URL, f"https://blessedhorizon.test/demo/{name}")


@dataclass(frozen=True)
class Person:
    name: str
    verified: tuple[str, ...] = ()
    locale: str = "en"
    timezone: str = "UTC"

    @property
    def id(self) -> UUID:
        return demo_id(f"user/{self.name}")

    @property
    def email(self) -> str:
        return f"{self.name.split()[0].lower()}@demo.test"


@dataclass(frozen=True)
class DemoCampaign:
    title: str
    owner: Person
    currency: str
    goal: str
    category: str
    days_old: int
    updates: int
    min_amount: str | None = None

    @property
    def id(self) -> UUID:
        return demo_id(f"campaign/{self.title}")


OWNERS = (
    Person("Grace Otieno", ("email", "phone", "identity", "bank"), timezone="Africa/Nairobi"),
    Person("Samuel Brandt", ("email", "identity", "registry"), timezone="Europe/Berlin"),
    Person("Hana Sato", ("email", "phone", "identity", "bank", "address"), timezone="Asia/Tokyo"),
    Person("Lucía Morales", ("email",), timezone="America/Bogota"),
    Person("Tom Hughes", (), timezone="Europe/London"),
)
DONORS = tuple(
    Person(name) for name in ("Miriam Cole", "Peter Lang", "Naomi Field", "Isaac Reed", "Esther Young", "Daniel Okafor")
)
GUESTS = tuple(
    Person(name) for name in ("Ruth Adler", "Joseph Kim", "Lydia Stone", "Caleb Moore", "Anna Weber", "Noah Price")
)
CAMPAIGNS = (
    DemoCampaign("Clean water for Kisumu", OWNERS[0], "GBP", "12000.00", "water", 210, 7),
    DemoCampaign("A roof for St Brigid", OWNERS[1], "GBP", "30000.00", "building", 120, 3),
    DemoCampaign("Kitchen for the homeless in Osaka", OWNERS[2], "JPY", "1500000", "food", 160, 5),
    DemoCampaign("School books for Medellín", OWNERS[3], "USD", "8000.00", "education", 60, 1, min_amount="5.00"),
    DemoCampaign("Winter coats for Leeds", OWNERS[4], "GBP", "2500.00", "relief", 14, 0),
)
