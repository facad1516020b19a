"""`manage.py reseal`: after a new key was put first in `BH_SEAL_KEYS`, seal everything with it."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand
from django.db import models, transaction

from bh_sdk.server.ops.sealed import Sealed, SealedField, current_seal_key, sealed_fields


class Command(BaseCommand):
    help = "Seal all attributes with the current key; afterwards the old key can be removed"

    def handle(self, *args: Any, **options: Any) -> None:
        for model in apps.get_models():
            for field in sealed_fields(model):
                done = reseal(model, field)
                self.stdout.write(f"{model._meta.label} {field.name}: {done}")


def reseal(model: type[models.Model], field: SealedField) -> int:
    """Seal the column's values that another key sealed; one short transaction a row. Returns how many."""
    current, done = current_seal_key(), 0
    for row in model._default_manager.filter(**{f"{field.name}__isnull": False}).only("pk", field.name).iterator(500):
        if getattr(row, field.attname).key_id == current:
            continue
        with transaction.atomic():
            # Another process may have changed the value since it was listed.
            held = model._default_manager.select_for_update().filter(pk=row.pk).first()
            value: Sealed | None = getattr(held, field.attname) if held else None
            if held is None or value is None or value.key_id == current:
                continue
            setattr(held, field.attname, value.open())
            held.save(update_fields=[field.name])
            done += 1
    return done
