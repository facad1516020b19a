"""Who may do what with receipts, as it is shipped."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from bh_sdk.server.access import seed_policies
from payments_svc.policies import RECEIPTS


def seed(apps: Any, schema_editor: Any) -> None:
    seed_policies(apps, schema_editor, RECEIPTS)


class Migration(migrations.Migration):
    dependencies = [("payments_receipts", "0002_guard"), ("bh_access", "0003_policies")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
