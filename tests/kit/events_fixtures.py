"""Where handlers of these tests leave their effects; a test module asks for it by `pytest_plugins`."""

from __future__ import annotations

import psycopg
import pytest

from tests.kit.events_road import EFFECT


@pytest.fixture
def effects(transactional_db: None, owner_url: str) -> None:
    """An empty table of effects, outside of Django's models."""
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("SET client_min_messages = warning")
        owner.execute(EFFECT)
        owner.execute("TRUNCATE effect")
        owner.execute("GRANT ALL ON effect, effect_seq_seq TO PUBLIC")
