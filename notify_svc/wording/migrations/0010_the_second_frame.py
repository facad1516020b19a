"""The frame of mails in the reader's language and direction, with its blocks; every live mail moves into it."""

from __future__ import annotations

from django.db import migrations

from notify_svc.wording.seeds import frame_mails


class Migration(migrations.Migration):
    dependencies = [("notify_wording", "0009_review")]
    operations = [migrations.RunPython(frame_mails, migrations.RunPython.noop)]
