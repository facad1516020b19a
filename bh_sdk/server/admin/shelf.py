"""Which reports there are, for the sidebar. Knows nothing of how they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse

if TYPE_CHECKING:
    from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Shelved:
    """A report by its title, the noun whose viewers may read it, and the name of its address."""

    title: str
    thing: str
    route: str

    @property
    def href(self) -> str:
        return reverse(self.route)


REPORTS: dict[str, Shelved] = {}


def readable(request: HttpRequest) -> list[Shelved]:
    """The reports that the caller may read."""
    return [each for each in REPORTS.values() if request.user.may(each.thing, "view")]  # type: ignore[union-attr]
