"""What `manage.py check` demands of admin pages."""

from __future__ import annotations

import os
from typing import Any

from django.contrib import admin
from django.core import checks

from bh_sdk.server.admin.guarded import Guarded
from bh_sdk.server.admin.site import House

BUTTONS = ("actions_list", "actions_detail", "actions_row", "actions_submit_line")


@checks.register("bh_admin")
def the_site_is_ours(**_: Any) -> list[checks.CheckMessage]:
    if isinstance(admin.site, House):
        return []
    hint = "Put `theme.APPS` into INSTALLED_APPS, and never plain `unfold`."
    return [checks.Error("Another admin site stands in the place of ours.", hint=hint, id="bh_admin.E001")]


@checks.register("bh_admin")
def buttons_have_dialogs(**_: Any) -> list[checks.CheckMessage]:
    """A button without a dialog acts on GET: a link, a prefetch or a picture on a foreign page could press it."""
    found: list[checks.CheckMessage] = []
    for page in admin.site._registry.values():
        if not isinstance(page, Guarded):
            continue
        for name in (name for kind in BUTTONS for name in page._extract_action_names(getattr(page, kind))):
            method = getattr(page, name, None)
            if method is None or getattr(method, "dialog", None):
                continue
            text = f"{type(page).__name__}.{name} changes things on GET: it has no dialog."
            found.append(checks.Error(text, hint="Use bh_sdk.server.admin.action.", obj=type(page), id="bh_admin.E002"))
    return found


@checks.register("bh_admin")
def pages_name_their_thing(**_: Any) -> list[checks.CheckMessage]:
    return [
        checks.Error(f"{type(page).__name__} has no `thing`.", obj=type(page), id="bh_admin.E003")
        for page in admin.site._registry.values()
        if isinstance(page, Guarded) and not getattr(type(page), "thing", "")
    ]


@checks.register("bh_admin")
def the_second_factor_is_not_promised_in_vain(**_: Any) -> list[checks.CheckMessage]:
    if os.environ.get("BH_OTP", "off").lower() in ("", "0", "off", "false", "no"):
        return []
    text = "BH_OTP asks for a second factor, and this version has none: refusing to run without it."
    return [checks.Error(text, id="bh_admin.E004")]
