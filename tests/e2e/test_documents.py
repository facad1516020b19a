"""What the README and the first quarter of an hour show, typed as they show it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from deploy.local.stack import ROOT
from tests.e2e.scene import a_campaign
from tests.stack import House


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of one language, in the order of the page."""
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(), re.M | re.S)


def here(text: str, house: House) -> str:
    """The documents speak of the default ports."""
    base = house.stack.ports.base
    return re.sub(r"127\.0\.0\.1:80(\d\d)", lambda found: f"127.0.0.1:{base + int(found[1])}", text)


def typed(house: House, command: list[str]) -> str:
    """Run it in the repository with the house's own BH_STATE and BH_PORT_BASE; returns what it printed."""
    env = dict(os.environ) | {"BH_STATE": str(house.stack.state), "BH_PORT_BASE": str(house.stack.ports.base)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def answers(printed: str) -> list[Any]:
    """The JSON documents that several calls printed one after the other."""
    found: list[Any] = []
    while printed := printed.lstrip():
        document, end = json.JSONDecoder().raw_decode(printed)
        found.append(document)
        printed = printed[end:]
    return found


def test_the_readmes_python_gives_a_gift(house: House) -> None:
    (program,) = blocks(ROOT / "README.md", "python")
    program = here(program, house).replace('campaign_id="…"', f'campaign_id="{a_campaign(house).id}"')
    assert typed(house, [sys.executable, "-c", program]) == "succeeded\n"


def test_the_first_quarter_of_an_hour_gives_a_gift_by_curl(house: House) -> None:
    _, _, open_and_ask, confirm = blocks(ROOT / "docs" / "start.md", "sh")
    printed = typed(house, ["bash", "-euc", here(open_and_ask, house) + '\necho "\\"$CAMPAIGN\\""'])
    *_, asked, campaign = answers(printed)
    words = here(confirm, house).replace("pi_…", asked["payment_intent_id"], 1).replace("pi_…", asked["client_secret"])
    assert json.loads(typed(house, ["bash", "-euc", words]))["status"] == "succeeded"
    totals = httpx.get(
        f"{house.url('payments')}/api/v1/payments/campaigns/{campaign}/totals", timeout=30, trust_env=False
    )
    assert totals.status_code == 200
