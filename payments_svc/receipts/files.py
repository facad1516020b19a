"""The drawn PDFs, kept in the files' storage: sealed, under names that say nothing of the donor.

They are copies: one that is missing or does not open is drawn again.
"""

from __future__ import annotations

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from bh_sdk.server.ops.sealed import SealBroken, seal, unseal
from payments_svc.receipts.models import Receipt
from payments_svc.receipts.printing import draw


def pdf_of(receipt: Receipt) -> bytes:
    """The receipt's PDF, kept or drawn now. Raises ReceiptBroken when the row was tampered with."""
    name = _name(receipt)
    try:
        with default_storage.open(name) as kept:
            return unseal(kept.read(), name)
    except (FileNotFoundError, SealBroken):
        drawn = draw(receipt)
    default_storage.save(name, ContentFile(seal(drawn, name)))
    return drawn


def _name(receipt: Receipt) -> str:
    """A voided receipt is another file: the one that holds must not be handed out any more."""
    return f"receipts/{receipt.issued_at.year}/{receipt.id}{'-void' if receipt.voided else ''}.pdf.sealed"
