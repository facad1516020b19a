"""What donors say of themselves for receipts: their details, and a UK taxpayer's Gift Aid declaration."""

from __future__ import annotations

import json
from typing import cast
from uuid import UUID

from django.db import IntegrityError, transaction

from bh_sdk.errors import GiftAidDeclared, NotFound
from bh_sdk.server.ops import clock
from payments_svc.donations import queries as donations
from payments_svc.receipts.content import sealed_address
from payments_svc.receipts.models import DonorDetails, GiftAidDeclaration
from payments_svc.receipts.rules import Address, Recipient


@transaction.atomic
def remember(*, donor_id: UUID, to: Recipient) -> DonorDetails:
    """Keep a donor's name and address for the next receipt, and for those of the year. Replaces what was there."""
    row = DonorDetails(
        donor_id=donor_id,
        name=to.name,
        address=sealed_address(to.address),
        country=to.country,
        updated_at=clock.now(),
    )
    # One statement: of two first times at once the second replaces, and neither fails.
    DonorDetails.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["donor_id"],
        update_fields=["name", "address", "country", "updated_at"],
    )
    return DonorDetails.objects.get(donor_id=donor_id)


def details(donor_id: UUID) -> DonorDetails:
    """Raises NotFound when the donor gave none."""
    row = DonorDetails.objects.filter(donor_id=donor_id).first()
    if row is None:
        raise NotFound("No details for receipts were given yet")
    return row


def known_recipient(donor_id: UUID) -> Recipient | None:
    """Who a donor's receipts are made out to when nobody says: the details given last, those of the declaration that
    holds, or a guest's name alone."""
    row = DonorDetails.objects.filter(donor_id=donor_id).first() or standing(donor_id)
    if row is not None:
        return Recipient(row.name.open(), address_in(row))
    guest = donations.guest_name(donor_id)
    return Recipient(guest) if guest else None


def address_in(row: DonorDetails | GiftAidDeclaration) -> Address | None:
    known = json.loads(row.address.open())
    return cast(Address, known) if known else None


def standing(donor_id: UUID) -> GiftAidDeclaration | None:
    """The declaration that holds now."""
    return GiftAidDeclaration.objects.filter(donor_id=donor_id, canceled_at__isnull=True).first()


@transaction.atomic
def declare(*, donor_id: UUID, to: Recipient, statement: str, past_years: bool) -> tuple[GiftAidDeclaration, bool]:
    """Store a declaration, valid from today; True when it is new. The same once more changes nothing.

    Raises GiftAidDeclared when another one holds: cancel it first, so that what was agreed to is never overwritten.
    """
    held = standing(donor_id)
    if held is not None:
        return _same(held, to=to, statement=statement, past_years=past_years), False
    now = clock.now()
    row = GiftAidDeclaration(
        donor_id=donor_id,
        name=to.name,
        address=sealed_address(to.address),
        statement=statement,
        valid_from=now.date(),
        past_years=past_years,
        made_at=now,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        # Two at once: one of them holds, and is the answer to both when they say the same.
        held = standing(donor_id)
        if held is None:
            # It was canceled in this very moment.
            raise GiftAidDeclared from None
        return _same(held, to=to, statement=statement, past_years=past_years), False
    return row, True


def _same(held: GiftAidDeclaration, *, to: Recipient, statement: str, past_years: bool) -> GiftAidDeclaration:
    """The declaration that holds, when it says this. Raises GiftAidDeclared."""
    says = (held.statement, held.past_years, held.name.open(), address_in(held))
    if says != (statement, past_years, to.name, to.address):
        raise GiftAidDeclared
    return held


@transaction.atomic
def cancel(*, donor_id: UUID) -> None:
    """End the declaration that holds: gifts from now on are not covered. Raises NotFound when there is none."""
    held = GiftAidDeclaration.objects.select_for_update().filter(donor_id=donor_id, canceled_at__isnull=True).first()
    if held is None:
        raise NotFound("There is no Gift Aid declaration")
    held.canceled_at = clock.now()
    held.save(update_fields=["canceled_at"])
