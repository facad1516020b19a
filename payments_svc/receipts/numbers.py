"""Receipt numbers: gapless in each year, whoever issues at the same moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import transaction

from bh_sdk.errors import Conflict
from payments_svc.receipts.models import NumberRow, Receipt
from payments_svc.receipts.rules import LAST_OF_A_YEAR, highest_by_year, number_of


def take(year: int) -> str:
    """The next number of a year, for a receipt that is written in this transaction: rolled back, it was never taken.

    The row stays locked until then. Lock whatever else belongs to the receipt (its payments) before.
    """
    # A row that is not there cannot be locked: make sure of it first.
    NumberRow.objects.bulk_create([NumberRow(year=year)], ignore_conflicts=True)
    row = NumberRow.objects.select_for_update().get(year=year)
    if row.last >= LAST_OF_A_YEAR:
        raise Conflict(f"The receipt numbers of {year} are used up")
    row.last += 1
    row.save(update_fields=["last"])
    return number_of(year, row.last)


@transaction.atomic
def continue_after(numbers: Iterable[str]) -> tuple[Mapping[int, int], list[str]]:
    """Go on after the highest of these numbers in each year; either style of the old platform counts. Never goes back.

    Answers the last number of each year that was named, and the texts that are no receipt numbers. Raises Conflict, and
    moves nothing, when receipts of such a year were issued here already and the old numbers go on after them: then numbers
    may be taken twice, or would be left out.
    """
    highest, strange = highest_by_year(numbers)
    for year, last in sorted(highest.items()):
        NumberRow.objects.bulk_create([NumberRow(year=year)], ignore_conflicts=True)
        row = NumberRow.objects.select_for_update().get(year=year)
        if last > row.last:
            _accept_jump(year, ours=row.last, theirs=last)
            row.last = last
            row.save(update_fields=["last"])
        highest[year] = row.last
    return highest, strange


def _accept_jump(year: int, *, ours: int, theirs: int) -> None:
    """Raise Conflict where moving the counter would leave a gap behind receipts of ours."""
    if Receipt.objects.filter(number__startswith=number_of(year, 0)[:-6]).exists():
        raise Conflict(
            f"Receipts of {year} were issued here already, up to {number_of(year, ours)}; the numbers to import go up to "
            f"{number_of(year, theirs)}. Nothing was imported: import before the first receipt of a year"
        )
