"""What every suite gets. A suite's own `conftest.py` adds to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest import mock
from urllib.parse import urlsplit

import pytest
import redis

from tests.databases import Seeds


@pytest.fixture(scope="session")
def owner_url() -> str:
    """The suite's database as a superuser, for what services may not do (such as planting a broken row)."""
    database = urlsplit(os.environ["DATABASE_URL"]).path.lstrip("/")
    return os.environ["BH_TEST_PG"] + database


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, owner_url: str) -> Iterator[None]:
    """The database is there already, cloned and migrated.

    After a test that commits (`transactional_db`) the rows of the migrations are put back; Django's flush loses them.
    """
    from django.db import connections
    from django.test import TransactionTestCase

    seeds = Seeds(owner_url)
    seeds.remember()

    def put_back(self: TransactionTestCase) -> None:
        connections.close_all()
        seeds.put_back()

    with mock.patch.object(TransactionTestCase, "_fixture_teardown", put_back):
        yield


@pytest.fixture
def clean_redis() -> Iterator[redis.Redis]:
    """The suite's own Redis database, empty before and after."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.flushdb()
        yield client
        client.flushdb()
