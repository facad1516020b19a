"""What a program made while it started stays as long as it runs, so no garbage collection has to look through it.

A full collection over a started Django takes about 100 ms, in the middle of somebody's request or mail.
"""

from __future__ import annotations

import gc


def settle() -> None:
    """Call once, when the program is ready to work."""
    gc.collect()
    gc.freeze()
