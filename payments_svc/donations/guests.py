"""The people who give without an account."""

from __future__ import annotations

from datetime import datetime

from bh_sdk.server.ops import clock
from bh_sdk.server.ops.sealed import keyed_hash, keyed_hashes
from payments_svc.donations import handoffs
from payments_svc.donations.models import Guest, Payment


def behind(name: str, email: str) -> Guest:
    """The guest behind a mail address. Whoever types an address has not proved that it is theirs, so what is known of a
    guest does not change here, but when a gift arrives."""
    address = email.strip().lower()
    now = clock.now()
    known = Guest.objects.select_for_update().filter(email_hash__in=keyed_hashes(address, "email")).first()
    if known is None:
        known, _ = Guest.objects.get_or_create(
            email_hash=keyed_hash(address, "email"), defaults={"email": email.strip(), "name": name, "created_at": now}
        )
        handoffs.guest_changed(known.id, at=now)
    return known


def greet_by(payment: Payment, *, at: datetime) -> None:
    """A guest is greeted by the name of the last gift that arrived."""
    if payment.guest_name is None:
        return
    guest = Guest.objects.select_for_update().get(id=payment.donor_id)
    if guest.name.open() != payment.guest_name.open():
        guest.name = payment.guest_name.open()
        guest.save(update_fields=["name"])
        handoffs.guest_changed(guest.id, at=at)
