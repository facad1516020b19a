"""What one person may ask for: everything that is known of them, or that it goes."""

from __future__ import annotations

from bh_sdk.clients.call import Call, Ident, answer, ask, ident
from bh_sdk.wire.gdpr import Erased, ErasePerson, PersonalData

BASE = "/api/v1/notifications/gdpr"


def export_person(user_id: Ident, *, timeout: float | None = None) -> Call[PersonalData]:
    """Everything about a person: one's own, or anybody's for the platform. Raises NotFound."""
    path = f"{BASE}/export/{ident(user_id, 'user_id')}"
    return Call("notify.export_person", "GET", path, answer(PersonalData), timeout=timeout)


def erase_person(user_id: Ident, *, timeout: float | None = None) -> Call[Erased]:
    """Erase a person: at once nothing is sent to them, and soon nothing is kept. Repeating it changes nothing."""
    body = ask(ErasePerson, user_id=ident(user_id, "user_id"))
    return Call(
        "notify.erase_person", "POST", f"{BASE}/erase", answer(Erased), body=body, harmless=True, timeout=timeout
    )
