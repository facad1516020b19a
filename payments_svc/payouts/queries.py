"""Finding payouts, holds and what a campaign has. Whatever a caller may not see is NotFound, as if it were not there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from bh_sdk.errors import FundsNotAvailable, NotFound
from bh_sdk.money import Money
from bh_sdk.server.access import Principal
from bh_sdk.server.access.models import Staff
from payments_svc.donations import queries as donations
from payments_svc.ledger import queries as ledger
from payments_svc.payouts.models import Escrow, Hold, Payout, PayoutAccount
from payments_svc.payouts.rules import VOID, WAITING, Balance, Terms, balance_of, per_currency, possible_from


def payout_for_update(payout_id: UUID) -> Payout:
    """The payout's row, locked until the transaction ends, and before it the escrow of its campaign: nothing else promises
    money out of it meanwhile. Raises NotFound."""
    campaign_id = Payout.objects.filter(id=payout_id).values_list("campaign_id", flat=True).first()
    if campaign_id is None:
        raise NotFound("There is no such payout")
    lock_escrow(campaign_id)
    return Payout.objects.select_for_update().get(id=payout_id)


def lock_escrow(campaign_id: UUID) -> None:
    """Hold the campaign's escrow until the transaction ends. The row is made first: nobody can lock one that is missing."""
    Escrow.objects.bulk_create([Escrow(campaign_id=campaign_id)], ignore_conflicts=True)
    Escrow.objects.select_for_update().get(campaign_id=campaign_id)


def access_payout(payout_id: UUID, *, by: Principal) -> Payout:
    """The payout, for the organiser it is for and for staff."""
    payout = Payout.objects.filter(id=payout_id).first()
    if payout is None or not (str(payout.owner_id) == by.id or by.may("payout", "read_any")):
        raise NotFound("There is no such payout")
    return payout


def payouts(*, by: Principal, campaign_id: UUID | None) -> QuerySet[Payout]:
    """One's own payouts; everybody's for staff and the platform."""
    found = Payout.objects.all() if by.may("payout", "read_any") else Payout.objects.filter(owner_id=UUID(by.id))
    return found.filter(campaign_id=campaign_id) if campaign_id else found


def access_escrow(campaign_id: UUID, *, by: Principal) -> EscrowState:
    """What a campaign has, for its organiser, staff and the platform. Raises NotFound."""
    campaign = donations.campaign(campaign_id)
    if str(campaign.owner_id) != by.id and not by.may("escrow", "read_any"):
        raise NotFound("There is no such campaign")
    return escrow(campaign_id)


@dataclass(frozen=True, slots=True)
class EscrowState:
    """A campaign's money by currency, what stops it, and when it may be asked for."""

    campaign_id: UUID
    currency: str
    balances: list[Balance]
    on_hold: bool
    minimum: Money
    possible_from: datetime | None


def escrow(campaign_id: UUID) -> EscrowState:
    campaign = donations.campaign(campaign_id)
    return EscrowState(
        campaign_id=campaign_id,
        currency=campaign.currency,
        balances=balances(campaign_id, campaign.currency),
        on_hold=is_held(campaign_id, campaign.owner_id),
        minimum=per_currency(settings.PAYOUT_MINIMUM, campaign.currency),
        possible_from=possible_from(terms(campaign_id)),
    )


def balances(campaign_id: UUID, currency: str) -> list[Balance]:
    """What the ledger says of a campaign in each currency, its own first; that one also when nothing was booked."""
    rows = Payout.objects.filter(campaign_id=campaign_id, status__in=WAITING).values("currency").annotate(Sum("amount"))
    reserved = {row["currency"]: row["amount__sum"] for row in rows}
    lines: dict[str, dict[tuple[str, str], int]] = {currency: {}} | ledger.lines_of(campaign_id)
    found = [balance_of(code, lines[code], reserved=reserved.get(code, 0)) for code in lines]
    return sorted(found, key=lambda balance: (balance.currency != currency, balance.currency))


def terms(campaign_id: UUID) -> Terms:
    """What a request for a payout is held against. Under the lock of the escrow it stays true."""
    campaign = donations.campaign(campaign_id)
    asked = Payout.objects.filter(campaign_id=campaign_id).exclude(status__in=VOID)
    return Terms(
        campaign_status=campaign.status,
        available=Money(balances(campaign_id, campaign.currency)[0].available, campaign.currency),
        minimum=per_currency(settings.PAYOUT_MINIMUM, campaign.currency),
        first_gift_at=ledger.first_gift_at(campaign_id),
        last_asked_at=asked.order_by("-created_at").values_list("created_at", flat=True).first(),
        first_after=timedelta(days=settings.PAYOUT_FIRST_AFTER_DAYS),
        every=timedelta(hours=settings.PAYOUT_EVERY_HOURS),
    )


def _holds(campaign_id: UUID | OuterRef, owner_id: UUID | OuterRef) -> QuerySet[Hold]:
    about = Q(entity_kind="campaign", entity_id=campaign_id) | Q(entity_kind="user", entity_id=owner_id)
    return Hold.objects.filter(about, lifted_at__isnull=True)


def holds_on(campaign_id: UUID, owner_id: UUID) -> list[Hold]:
    """The holds that stop a campaign's payouts at present: its own and those of its organiser."""
    return list(_holds(campaign_id, owner_id))


def is_held(campaign_id: UUID, owner_id: UUID) -> bool:
    return _holds(campaign_id, owner_id).exists()


def held(payouts: QuerySet[Payout]) -> QuerySet[Payout]:
    """Those of them that a hold stops."""
    return payouts.filter(Exists(_holds(OuterRef("campaign_id"), OuterRef("owner_id"))))


def held_among(payouts: Iterable[Payout]) -> set[UUID]:
    """The ids of those that a hold stops."""
    return set(held(Payout.objects.filter(id__in=[one.id for one in payouts])).values_list("id", flat=True))


def payout_account(owner_id: UUID) -> PayoutAccount | None:
    return PayoutAccount.objects.filter(owner_id=owner_id).first()


def payout_of_transfer(transfer_id: str, *, noted: str | None) -> UUID | None:
    """Whose transfer is this? Stripe may tell of it before the call that sent it came back: then its own note says."""
    known = Payout.objects.filter(transfer_id=transfer_id).values_list("id", flat=True).first()
    if known is None and noted is not None:
        try:
            wanted = UUID(noted)
        except ValueError:
            return None
        known = Payout.objects.filter(id=wanted, transfer_id__isnull=True).values_list("id", flat=True).first()
    return known


def check_still_there(payout: Payout, *, promised: int = 0) -> None:
    """Raise FundsNotAvailable when the campaign no longer has what a payout takes, because gifts went back to donors since.
    `promised` is what of it stands in flight already, in minor units."""
    balance = next(one for one in balances(payout.campaign_id, payout.currency) if one.currency == payout.currency)
    left = Money(max(0, balance.owed - balance.disputed + promised), payout.currency)
    if left < payout.money:
        raise FundsNotAvailable(
            f"Gifts went back to donors since: {left} is left", available=left.decimal, currency=payout.currency
        )


def second_person_above(currency: str) -> Money:
    """Above which a second person approves: what the settings say, and never more than the database allows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT payments_payouts_second_above(%s)", [currency])
        most = Money(cursor.fetchone()[0], currency)
    return min(per_currency(settings.PAYOUT_SECOND_PERSON_ABOVE, currency), most)


def latest(campaign_id: UUID, limit: int) -> list[Payout]:
    """The newest payouts of a campaign."""
    return list(Payout.objects.filter(campaign_id=campaign_id).order_by("-created_at")[:limit])


def names(people: Iterable[UUID | None]) -> dict[UUID, str]:
    """How staff are called, by their `sub`; organisers have no account here."""
    return {one.sub: str(one) for one in Staff.objects.filter(sub__in=[person for person in people if person])}


def paid_before(payout: Payout) -> int:
    """How many earlier payouts of the same campaign to the same organiser arrived."""
    same = Payout.objects.filter(campaign_id=payout.campaign_id, owner_id=payout.owner_id, status="paid")
    return same.filter(created_at__lt=payout.created_at).count()
