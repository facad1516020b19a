"""Three months of trust that went before the demo, told by a command of the service while everything else is laid out."""

from __future__ import annotations

import subprocess
import sys
from uuid import UUID

from deploy.local import environment
from deploy.local.demo.people import demo_id
from deploy.local.stack import ROOT, Stack


def begin(stack: Stack) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "trust_svc.manage", "demo_past"]
    env = environment.program("trust", stack)
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def end(told: subprocess.Popen[str]) -> str:
    """Wait for it; returns what it says. Raises RuntimeError when it failed."""
    said, _ = told.communicate()
    if told.returncode:
        raise RuntimeError(f"trust: demo_past failed\n{said[-2000:]}")
    return said.strip().splitlines()[-1]


def organiser(number: int) -> UUID:
    """An organiser of that time, as the service numbers them."""
    return demo_id(f"past/organiser/{number}")


def campaign(number: int) -> UUID:
    return demo_id(f"past/campaign/{number}")
