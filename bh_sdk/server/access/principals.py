"""The one who calls, the same at every door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bh_sdk.server.access import watch
from bh_sdk.server.access.roles import GUEST_ROLE, STAFF


@dataclass(frozen=True, slots=True)
class Principal:
    """A person (`id` is the `sub`), a service (`id` is its client id) or nobody in particular."""

    id: str
    kind: Literal["user", "service", "guest"]
    roles: frozenset[str]

    def may(self, noun: str, verb: str) -> bool:
        """Whether a policy lets one of the roles do this. Raises Unavailable when the policies cannot be read."""
        return watch.current().rules().allow(self.roles, noun, verb)

    @property
    def is_guest(self) -> bool:
        return self.kind == "guest"


GUEST = Principal(id="guest", kind="guest", roles=frozenset({GUEST_ROLE}))


def staff_who_may(noun: str, verb: str) -> list[str]:
    """The roles of staff that a policy lets do this. Raises Unavailable like `may`."""
    rules = watch.current().rules()
    return [role for role in STAFF if rules.allow([role], noun, verb)]
