"""Finding recurring gifts. Whatever a caller may not see is NotFound, as if it were not there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Extract

from bh_sdk.errors import Invalid, NotFound
from bh_sdk.server.access import Principal
from payments_svc.recurring.models import Period, RecurringGift


def access_recurring(recurring_id: UUID, *, by: Principal) -> RecurringGift:
    """The series, for its donor, for staff and the platform."""
    gift = RecurringGift.objects.filter(id=recurring_id).first()
    if gift is not None and (str(gift.donor_id) == by.id or by.may("recurring", "read_any")):
        return gift
    raise NotFound("There is no such recurring gift")


def access_own(recurring_id: UUID, *, by: Principal) -> RecurringGift:
    """The series, for its donor alone: nobody else decides what a donor gives."""
    gift = RecurringGift.objects.filter(id=recurring_id).first()
    if gift is None or str(gift.donor_id) != by.id:
        raise NotFound("There is no such recurring gift")
    return gift


def access_list(user_id: UUID | None, *, by: Principal) -> UUID:
    """Whose recurring gifts may be listed: one's own, and anybody's by staff and the platform. Raises NotFound, and Invalid
    when it takes a user's id to know whose."""
    if user_id is None and by.kind != "user":
        raise Invalid(errors=[{"pointer": "#/query/user_id", "message": "is required from a service"}])
    if user_id is not None and str(user_id) != by.id and not by.may("recurring", "read_any"):
        raise NotFound("There are no such recurring gifts")
    return user_id or UUID(by.id)


def of_donor(donor_id: UUID) -> QuerySet[RecurringGift]:
    return RecurringGift.objects.filter(donor_id=donor_id)


def in_trouble(gifts: list[RecurringGift]) -> dict[UUID, Period]:
    """The period of each series that could not be charged yet."""
    found = Period.objects.filter(recurring__in=gifts, state="open", first_failed_at__isnull=False)
    return {period.recurring_id: period for period in found}


def failing() -> Exists:
    """Whether a series has a period that could not be charged yet, to annotate lists with."""
    return Exists(Period.objects.filter(recurring=OuterRef("pk"), state="open", first_failed_at__isnull=False))


@dataclass(frozen=True, slots=True)
class Counts:
    active: int
    failing: int
    expiring: int


def counts(*, expiring_by: datetime) -> Counts:
    """How many series run, how many wait for their money, and how many are charged until `expiring_by` to a card that will
    be over by then."""
    active = RecurringGift.objects.filter(status="active")
    charged = active.filter(next_at__lte=expiring_by).annotate(
        charge_year=Extract("next_at", "year"), charge_month=Extract("next_at", "month")
    )
    over = Q(exp_year__lt=F("charge_year")) | Q(exp_year=F("charge_year"), exp_month__lt=F("charge_month"))
    return Counts(active.count(), active.filter(failing()).count(), charged.filter(over).count())
