"""Where one local stack lives: its folders and its ports, from `BH_STATE` and `BH_PORT_BASE`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import Ports
from deploy.local.postgres import Cluster

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".local" / "cache"
SERVICES = ("payments", "trust", "notify")


@dataclass(frozen=True)
class Stack:
    """One stack on this machine; two with other bases and states run side by side."""

    state: Path
    ports: Ports

    @classmethod
    def here(cls) -> Stack:
        """The stack that the environment names; `.local/` and 8000 when it names none."""
        state = Path(os.environ.get("BH_STATE") or ROOT / ".local")
        return cls(state=(ROOT / state).resolve(), ports=Ports(int(os.environ.get("BH_PORT_BASE") or 8000)))

    @property
    def keys(self) -> Path:
        """Keys of this stack, made once; nothing in it leaves the machine."""
        return self.state / "keys"

    @property
    def data(self) -> Path:
        return self.state / "data"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def run(self) -> Path:
        """Locks and process numbers."""
        return self.state / "run"

    @property
    def clock(self) -> Path:
        """The file that holds by how many seconds the local clock is ahead."""
        return self.state / "clock"

    @property
    def postgres(self) -> Cluster:
        return Cluster(data=self.data / "postgres", port=self.ports.of("postgres"))


def is_built(service: str) -> bool:
    """True when the service's program is in this checkout."""
    return (ROOT / f"{service}_svc" / "manage.py").exists()
