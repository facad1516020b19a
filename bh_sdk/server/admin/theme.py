"""What a service's settings need for the admin. Nothing here imports Django: settings read it."""

from __future__ import annotations

from typing import Any

# `unfold` by its plain name would replace our site, and with it whatever the site demands of a session.
APPS = (
    "bh_sdk.server.admin.apps.Look",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "bh_sdk.server.admin.apps.House",
)

DESKS = {
    "payments": ("Payments desk", "payments"),
    "trust": ("Trust desk", "verified_user"),
    "notify": ("Messages desk", "mail"),
}

# Where a role's work is done, for whoever signs in at a service that has none for it.
HOMES = {"finance": "payments", "support": "payments", "auditor": "payments", "analyst": "trust", "editor": "notify"}

# Deep green, from the platform's own palette.
PRIMARY = {
    "50": "#f0f9f7",
    "100": "#daf0ea",
    "200": "#b7e0d6",
    "300": "#86c9ba",
    "400": "#53ab9a",
    "500": "#378f7f",
    "600": "#287367",
    "700": "#235c54",
    "800": "#204b45",
    "900": "#1d3f3a",
    "950": "#0b2421",
}


def unfold(service: str) -> dict[str, Any]:
    """The `UNFOLD` setting of a service."""
    desk, symbol = DESKS.get(service, (service.capitalize(), "volunteer_activism"))
    ui = "bh_sdk.server.admin.ui"
    return {
        "SITE_TITLE": "Blessed Horizon",
        "SITE_HEADER": "Blessed Horizon",
        "SITE_SUBHEADER": desk,
        "SITE_SYMBOL": symbol,
        "SITE_URL": None,
        "SITE_DROPDOWN": f"{ui}.sister_sites",
        "ENVIRONMENT": f"{ui}.environment",
        "ENVIRONMENT_TITLE_PREFIX": f"{ui}.environment_prefix",
        "DASHBOARD_CALLBACK": f"{ui}.dashboard",
        "BORDER_RADIUS": "8px",
        "COLORS": {"primary": PRIMARY},
        "STYLES": [f"{ui}.style"],
        "SCRIPTS": [f"{ui}.script"],
        "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": f"{ui}.favicon"}],
        "SHOW_HISTORY": False,
        "SHOW_VIEW_ON_SITE": False,
        "SHOW_BACK_BUTTON": True,
        "SIDEBAR": {"show_search": True, "command_search": True, "navigation": f"{ui}.navigation"},
    }
