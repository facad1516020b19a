"""Three months of trust that went before the demo, told by a command of the service while everything else is laid out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime

from deploy.local import environment
from deploy.local.demo.doors import Doors
from deploy.local.stack import ROOT
from trust_svc.insights.management import past


def begin(doors: Doors) -> subprocess.Popen[str]:
    """Start to tell it."""
    command = [sys.executable, "-m", "trust_svc.manage", "demo_past"]
    env = environment.program("trust", doors.stack)
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def end(told: subprocess.Popen[str]) -> str:
    """Wait for it; returns what it says. Raises RuntimeError when it failed."""
    said, _ = told.communicate()
    if told.returncode:
        raise RuntimeError(f"trust: demo_past failed\n{said[-2000:]}")
    return said.strip().splitlines()[-1]


def campaigns() -> Iterable[past.Campaign]:
    return past.campaigns(datetime.now(UTC))


def introduce(doors: Doors, campaign: past.Campaign) -> None:
    """The platform still shows a campaign of that time, and knows how its organiser is reached."""
    number = campaign.number % past.ORGANISERS
    doors.notify.describe_contact(campaign.owner, email=f"organiser{number}@demo.test", name=f"Organiser {number}")
    doors.payments.describe_campaign(
        campaign.id,
        title=campaign.title,
        owner_id=campaign.owner,
        currency=campaign.currency,
        goal="1000000" if campaign.currency == "JPY" else "9000.00",
        status="FUNDING",
        category=campaign.category,
    )
