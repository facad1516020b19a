"""The staff admin of a service: the site, the look, and the guarded pages.

    from bh_sdk.server.admin import CasePage, Dialog, Guarded, action, display, parts

    @admin.register(Payment)
    class PaymentAdmin(CasePage):
        thing = "payment"                        # every right on this page is a policy about this noun
        desk, icon = "Money", "payments"         # where the sidebar shows it
        list_display = ("title", "status_label")

        def case(self, request, obj):            # the page of one payment: cards, no form
            return parts.Case(
                headline=parts.Headline(title=str(obj), figure="£25.00"),
                wide=[parts.Timeline("What happened", moments)],
                narrow=[parts.Facts("Money", [("Captured", "£25.00")])],
            )

Names are looked up when first used: an AppConfig lives in this package too, and is read before models can be.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bh_sdk.server.admin import parts
    from bh_sdk.server.admin.actions import Dialog, action, display
    from bh_sdk.server.admin.guarded import Figure, Guarded
    from bh_sdk.server.admin.pages import BoardPage, CasePage

_PLACES = {
    "BoardPage": "bh_sdk.server.admin.pages",
    "CasePage": "bh_sdk.server.admin.pages",
    "Dialog": "bh_sdk.server.admin.actions",
    "Figure": "bh_sdk.server.admin.guarded",
    "Guarded": "bh_sdk.server.admin.guarded",
    "action": "bh_sdk.server.admin.actions",
    "display": "bh_sdk.server.admin.actions",
}

__all__ = ["BoardPage", "CasePage", "Dialog", "Figure", "Guarded", "action", "display", "parts"]


def __getattr__(name: str) -> Any:
    if name == "parts":
        return import_module("bh_sdk.server.admin.parts")
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(name)
