"""Who there is: the roles of people and of services, and which role includes which."""

from __future__ import annotations

# Roles that a person's token or staff account may carry. A role of a service in a person's token is ignored.
PEOPLE = ("donor", "recipient", "support", "finance", "analyst", "editor", "admin", "auditor")
STAFF = ("support", "finance", "analyst", "editor", "admin", "auditor")
SERVICES = ("monolith", "payments", "trust", "notify")

GUEST_ROLE = "guest"


def service_role(client_id: str) -> str:
    return f"service:{client_id}"


ALL = (GUEST_ROLE, *PEOPLE, *(service_role(name) for name in SERVICES))

# (role, includes). A service includes nobody: what it may do is named, line by line. Being admin is the sum of the desks
# and nothing more: the second person of a four-eyes decision is still somebody else, because commands and constraints
# compare people, not roles.
INCLUDES: tuple[tuple[str, str], ...] = (
    ("donor", GUEST_ROLE),
    ("recipient", "donor"),
    *(("admin", desk) for desk in ("support", "finance", "analyst", "editor", "auditor")),
)
