"""`manage.py book_payout po_…`: look at a payout of Stripe to our bank and book what it did."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from payments_svc.reconciliation import commands
from payments_svc.reconciliation.models import BankPayout


class Command(BaseCommand):
    help = "Book a payout of Stripe to our bank, or its return. May run any number of times."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("payout")

    def handle(self, *args: Any, **options: Any) -> None:
        commands.book_payout(options["payout"])
        row = BankPayout.objects.get(id=options["payout"])
        self.stdout.write(f"{row.id}: {row.money}, {row.status}")
