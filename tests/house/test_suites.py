"""The fan-out over suites is itself a program of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.suites import TESTS, select, verdict

ROOT = TESTS.parent


@pytest.mark.parametrize("paths", [[], ["."], ["tests"], [str(TESTS)]])
def test_no_path_the_root_and_the_test_folder_mean_every_suite(paths: list[str]) -> None:
    every = {ini.parent.name for ini in TESTS.glob("*/pytest.ini")}
    chosen = select(paths, ROOT)
    assert {suite.name for suite in chosen} == every
    assert all(suite.paths == [] for suite in chosen if not suite.part)


def test_the_parts_of_a_suite_hold_each_of_its_files_once() -> None:
    parts = [suite for suite in select([], ROOT) if suite.name == "payments"]
    files = [path for part in parts for path in part.paths]
    assert sorted(files) == sorted(str(file) for file in (TESTS / "payments").rglob("test_*.py"))
    assert len({part.label for part in parts}) == len(parts) > 1


def test_a_test_of_one_suite_and_the_whole_of_another_are_two_suites() -> None:
    chosen = {suite.name: suite.paths for suite in select(["tests/house/test_suites.py::test_x", "tests/sdk"], ROOT)}
    assert chosen == {"house": [f"{TESTS}/house/test_suites.py::test_x"], "sdk": [f"{TESTS}/sdk"]}


def test_paths_are_understood_from_where_the_user_stands() -> None:
    (suite,) = select(["test_suites.py"], TESTS / "house")
    assert (suite.name, suite.paths) == ("house", [f"{TESTS}/house/test_suites.py"])


def test_a_path_outside_every_suite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(pytest.UsageError):
        select([str(tmp_path)], ROOT)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [([0, 0], 0), ([0, 1, 5], 1), ([5, 5], 5), ([0, 5], 0), ([0, 2], 2), ([0, -9], 1), ([1, 4], 1), ([], 5)],
)
def test_one_failing_suite_fails_the_run_and_no_test_at_all_is_no_success(codes: list[int], expected: int) -> None:
    assert verdict(codes) == expected
