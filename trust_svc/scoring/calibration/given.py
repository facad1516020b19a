"""What an analyst gives on the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from trust_svc.scoring.calibration.errors import Unusable
from trust_svc.scoring.engine import SHIPPED, Params
from trust_svc.scoring.engine.params import NEEDED


def moment(text: str | None) -> float | None:
    """An RFC 3339 time in seconds since 1970."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise Unusable(f"--as-of {text}: not a time like 2026-01-31T12:00:00Z") from None
    if time.tzinfo is None:
        raise Unusable(f"--as-of {text}: says no time zone; add Z for UTC")
    return time.timestamp()


def keep_apart(output: Path, inputs: Sequence[Path]) -> None:
    """Raises Unusable when the output would take the place of what is read."""
    if output.exists() and any(each.exists() and each.samefile(output) for each in inputs):
        raise Unusable(f"{output} is read, so it cannot be written")


def parameters(file: Path | None) -> Params:
    """The parameters of a file: bare, or under `params` as `calibrate` writes them. None: the service's own."""
    if file is None:
        return SHIPPED
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
        named = given.get("params", given) if isinstance(given, dict) else given
        if not isinstance(named, dict):
            raise Unusable(f"{file}: parameters are a JSON object")
        found = Params.parse(json.dumps(named))
    except OSError as error:
        raise Unusable(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError) as error:
        raise Unusable(f"{file}: {error}") from None
    if missing := sorted(NEEDED - named.keys()):
        raise Unusable(f"{file}: a set of parameters names every number; missing: {', '.join(missing)}")
    return found
