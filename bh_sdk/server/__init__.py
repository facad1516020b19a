"""The server kit: what all three services share. Not part of the SDK's promised surface; it may change with any release."""

from __future__ import annotations

try:
    import django  # noqa: F401
except ImportError as missing:
    raise ImportError('bh_sdk.server needs Django and its friends: pip install "bh-sdk[services]"') from missing
