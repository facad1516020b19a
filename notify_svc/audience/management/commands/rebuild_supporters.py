"""Build the list of supporters again from payments' facts."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from bh_sdk.clients import Feed, ServiceAuth
from bh_sdk.server.ops import env
from bh_sdk.server.ops.settings import setting
from notify_svc.audience import rebuild


class Command(BaseCommand):
    help = "Build the list of supporters again from the facts in payments' feed."

    def handle(self, *args: Any, **options: Any) -> None:
        url = setting("BH_EVENT_SOURCES")["payments"]["url"]
        auth = ServiceAuth(f"{url}/oauth2/token", "notify", env.secret("BH_SIGNING_KEY"), "payments")
        done = rebuild.supporters(Feed(url, auth=auth, timeout=30.0))
        self.stdout.write(f"{done} facts")
