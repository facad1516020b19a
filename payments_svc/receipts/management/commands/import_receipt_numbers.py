"""`manage.py import_receipt_numbers < numbers.txt`: go on after the receipts that the old platform issued."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bh_sdk.errors import Conflict
from payments_svc.receipts import numbers


class Command(BaseCommand):
    help = "Reads receipt numbers, one a line in either style (BH-2025-000123, BH2025000123), and continues after them"
    stealth_options = ("stdin",)

    def handle(self, *args: Any, **options: Any) -> None:
        given = [line.strip() for line in (options.get("stdin") or sys.stdin) if line.strip()]
        try:
            highest, strange = numbers.continue_after(given)
        except Conflict as refusal:
            raise CommandError(refusal.detail) from refusal
        for year, last in sorted(highest.items()):
            self.stdout.write(f"{year}: the last number is {last:06d}")
        for text in strange:
            self.stderr.write(f"no receipt number, left aside: {text}")
