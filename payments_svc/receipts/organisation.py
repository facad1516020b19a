"""The charity that issues receipts: what is printed of it, and whether that suffices for a kind."""

from __future__ import annotations

from django.conf import settings

from bh_sdk.errors import ReceiptKindUnavailable
from payments_svc.receipts.rules import Kind

_ALWAYS = ("name", "address")
NEEDED: dict[Kind, tuple[str, ...]] = {
    "standard": _ALWAYS,
    "us": (*_ALWAYS, "ein"),
    # CRA, "What is a registered charity required to put on a receipt": number, place of issue, authorised signature.
    "ca": (*_ALWAYS, "ca_registration", "ca_place", "signatory"),
    "uk_gift_aid": (*_ALWAYS, "uk_charity_number", "hmrc_reference"),
}


def particulars(kind: Kind) -> dict[str, str]:
    """What is printed of the organisation on receipts of this kind. Raises ReceiptKindUnavailable when some is missing."""
    known: dict[str, str] = settings.BH_CHARITY
    missing = [name for name in NEEDED[kind] if not known[name]]
    if missing:
        raise ReceiptKindUnavailable(
            f"The organisation's particulars for this kind of receipt are incomplete: {', '.join(missing)}",
            kind=kind,
            missing=missing,
        )
    return {name: known[name] for name in (*NEEDED[kind], "email")}


def name() -> str:
    """What the organisation is called; empty where nobody said."""
    return str(settings.BH_CHARITY["name"])
