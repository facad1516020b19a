"""Who may look at what providers said, and let an address go, as it is shipped."""

from __future__ import annotations

from functools import partial

from django.db import migrations

from bh_sdk.server.access import seed_policies
from notify_svc.policies import TRACKING


class Migration(migrations.Migration):
    dependencies = [("notify_tracking", "0002_words_of_others_stay"), ("bh_access", "0003_policies")]
    operations = [migrations.RunPython(partial(seed_policies, policies=TRACKING), migrations.RunPython.noop)]
