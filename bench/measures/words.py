"""Writing one mail: how long the renderer that sends takes for every template that ships, with its samples.

Sources are parsed once a process, as in a worker; the first mail of a version pays for it and is shown beside.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from bench.figures import Figure, percentile
from deploy.local.stack import Stack

ROUNDS = 20


def measure(stack: Stack) -> Iterator[Figure]:
    from bh_sdk.server.ops import heap
    from notify_svc.wording import liquid, rendering
    from notify_svc.wording.seeds import seeds

    mails = [seed.source for seed in seeds() if seed.source.channel == "email"]
    liquid.parse.cache_clear()
    heap.settle()
    first = [_milliseconds(partial(rendering.sampled, source)) for source in mails]
    later = [_milliseconds(partial(rendering.sampled, source)) for _ in range(ROUNDS) for source in mails]
    yield Figure("a mail, p50", percentile(later, 0.5), "ms", note=f"{len(mails)} templates, {ROUNDS} times each")
    yield Figure("a mail, p99", percentile(later, 0.99), "ms", "< 50", "HTML, text and inlined styles")
    yield Figure("the first mail of a version", max(first), "ms", "< 50", "the slowest: its sources are parsed")


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1_000
