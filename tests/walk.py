"""Every dialog of a service, at addresses that name nothing: what the desks of all services promise of them."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

from django.contrib import admin
from django.test import Client
from django.urls import reverse

from bh_sdk.server.access.models import Staff
from bh_sdk.server.admin import Guarded

ODD = ("x", "9" * 30, "nul\x00", str(uuid4()))


def dialogs() -> Iterator[tuple[Guarded, str]]:
    """(page, name of the address) of every button of one row, and of every page and history."""
    for page in admin.site.guarded():
        names = [*page.actions_detail, *page.actions_row]
        buttons = [each for name in names for each in (name["items"] if isinstance(name, dict) else [name])]
        for button in [*buttons, "change", "history"]:
            yield page, f"admin:{page.opts.app_label}_{page.opts.model_name}_{button}"


def answers(client: Client) -> Iterator[tuple[str, str, int]]:
    """(method, address, status) of each dialog at each odd id."""
    for _, name in dialogs():
        for odd in ODD:
            address = reverse(name, args=(odd,))
            yield "GET", address, client.get(address).status_code
            if not name.endswith(("_change", "_history")):
                said = {"_form_submitted": "on", "note": "Because of this"}
                yield "POST", address, client.post(address, said, headers={"HX-Request": "true"}).status_code


def everybody() -> Client:
    """Staff with every role there is."""
    roles = ["admin", "analyst", "auditor", "editor", "finance", "support"]
    staff = Staff.objects.create_user(f"staff-{uuid4().hex[:8]}", None, sub=uuid4(), roles=roles)
    client = Client(raise_request_exception=False)
    client.force_login(staff)
    return client


def found_instead_of_said() -> list[tuple[str, str, int]]:
    """What answers anything but "not there" (404, or a page that leads away with a message) or "not yours" (403)."""
    return [each for each in answers(everybody()) if each[2] not in (302, 403, 404)]
