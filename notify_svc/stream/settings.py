"""What the stream is told by its environment, and its measures."""

from __future__ import annotations

from urllib.parse import urlsplit

from bh_sdk.server.ops import env

# Seconds: a comment keeps the way open; a browser whose stream broke comes back after so long; one that takes nothing is
# let go; and no stream outlives what a token may have lost meanwhile.
HEARTBEAT = 15.0
RETRY = 2.0
PATIENCE = 20.0
LONGEST = 3600.0
# Streams of one person, and of all.
EACH = 6
MOST = 5_000
# Changes that one stream is told at once; beyond so many in all it is told to read the feed anew.
PAGE = 100
TOO_MANY = 1_000
# Seconds between two looks for what nobody notified us of: what was due later, and what was lost on the way.
SWEEP = 1.0
# Readers that are served together.
TOGETHER = 200


def database() -> str:
    return env.secret("DATABASE_URL")


def direct_database() -> str:
    """Past a pooler: LISTEN belongs to one session."""
    return env.secret("BH_DIRECT_DATABASE_URL", database())


def origins() -> frozenset[str]:
    """Which pages may read a stream: the same as may call the API."""
    site = urlsplit(env.text("BH_SITE_URL", ""))
    usual = f"{site.scheme}://{site.netloc}" if site.netloc else ""
    return frozenset(env.words("BH_ALLOWED_ORIGINS", usual))
