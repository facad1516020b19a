"""The demo staff of a local stack."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError

from bh_sdk.server.access import wiring
from bh_sdk.server.access.models import Staff, demo_sub

PASSWORD = "demo"  # noqa: S105  # published on purpose, and refused outside a local stack
DEMO = {
    "admin": ("Amara Admin", "admin"),
    "support": ("Sam Support", "support"),
    "finance": ("Fiona Finance", "finance"),
    "finance2": ("Felix Finance", "finance"),
    "analyst": ("Ana Analyst", "analyst"),
    "analyst2": ("Abel Analyst", "analyst"),
    "editor": ("Edith Editor", "editor"),
    "auditor": ("Adil Auditor", "auditor"),
}


class Command(BaseCommand):
    help = "Create or restore the demo staff (password: demo). Local stacks only."

    def handle(self, *_: Any, **__: Any) -> None:
        environment = wiring.setting("BH_ENV")
        if environment not in ("local", "test"):
            raise CommandError(f"demo staff are for local stacks only, and BH_ENV is {environment or 'not set'}")
        # Deriving a password takes a second of a busy machine, so all share one, and the next start keeps it.
        first = Staff.objects.filter(username="admin").first()
        hashed = first.password if first and first.check_password(PASSWORD) else make_password(PASSWORD)
        for username, (name, role) in DEMO.items():
            staff = Staff.objects.filter(username=username).first() or Staff(username=username)
            staff.sub = demo_sub(username)
            staff.name = name
            staff.email = f"{username}@demo.test"
            staff.roles = [role]
            staff.is_active = True
            staff.password = hashed
            staff.save()
        self.stdout.write(f"{len(DEMO)} demo staff, password {PASSWORD}")
