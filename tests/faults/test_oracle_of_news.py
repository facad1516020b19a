"""The judge of news finds what is wrong, and nothing where nothing is."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from tests.faults.news import Arrived, Told, wrongs

READER, OTHER, STRANGER = (uuid.uuid4() for _ in range(3))
NEWS = Told(uuid.uuid4(), "News 1", "list", frozenset({READER, OTHER}), answered=True)
WELL = Arrived(entries=1, mails=(("sent", ""),), in_the_sink=1)
FINE = {(NEWS.key, READER): WELL, (NEWS.key, OTHER): WELL}


def test_what_is_as_it_must_be_is_not_wrong() -> None:
    assert list(wrongs([NEWS], FINE)) == []
    for lost in (0, 1):
        unknown = Arrived(entries=1, mails=(("unknown", "fate_unknown"),), in_the_sink=lost)
        assert list(wrongs([NEWS], FINE | {(NEWS.key, READER): unknown})) == []
    # Nobody was answered, so nobody need have been told; but all or none.
    assert list(wrongs([replace(NEWS, answered=False)], {})) == []


@pytest.mark.parametrize(
    "tampered",
    [
        replace(WELL, in_the_sink=2),
        replace(WELL, in_the_sink=0),
        replace(WELL, entries=2),
        replace(WELL, entries=0),
        replace(WELL, mails=()),
        replace(WELL, mails=(("sent", ""), ("sent", ""))),
        replace(WELL, mails=(("queued", ""),)),
        replace(WELL, mails=(("failed", "refused"),)),
        replace(WELL, mails=(("sending", ""),)),
        Arrived(entries=1, mails=(("unknown", "fate_unknown"),), in_the_sink=2),
    ],
)
def test_whatever_is_tampered_with_is_found(tampered: Arrived) -> None:
    assert list(wrongs([NEWS], FINE | {(NEWS.key, READER): tampered}))


def test_somebody_who_was_left_out_and_somebody_whom_nobody_meant_are_found() -> None:
    assert list(wrongs([NEWS], {(NEWS.key, READER): WELL}))
    assert list(wrongs([replace(NEWS, answered=False)], {(NEWS.key, READER): WELL}))
    assert list(wrongs([NEWS], FINE | {(NEWS.key, STRANGER): WELL}))
    assert list(wrongs([], {(NEWS.key, READER): WELL}))
