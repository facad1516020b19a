"""One whole stack for the session."""

from __future__ import annotations

from tests.e2e.desk import browser
from tests.stack import _remember_where_logs_were, house, pytest_runtest_makereport

__all__ = ["_remember_where_logs_were", "browser", "house", "pytest_runtest_makereport"]
