"""`exclude-newer` is one moment in UTC, however it is written."""

from __future__ import annotations

import pytest

from tests.settings_samples import WORKER, faults, parse


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ('"2026-01-31"', "2026-02-01T00:00:00Z"),
        ("2026-01-31", "2026-02-01T00:00:00Z"),
        ('"2024-02-28"', "2024-02-29T00:00:00Z"),
        ('"2026-12-31"', "2027-01-01T00:00:00Z"),
        ('"2026-01-31T12:00:00Z"', "2026-01-31T12:00:00Z"),
        ('"2026-01-31t12:00:00z"', "2026-01-31T12:00:00Z"),
        ('"2026-01-31 12:00:00+02:00"', "2026-01-31T10:00:00Z"),
        ('"2026-01-31T23:30:00-01:00"', "2026-02-01T00:30:00Z"),
        ('"2026-01-31T12:00:00.5Z"', "2026-01-31T12:00:00.500000Z"),
        ('"2026-01-31T12:00:00.123456789Z"', "2026-01-31T12:00:00.123456Z"),
        ("2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00Z"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
    ],
)
def test_a_date_means_its_end_and_a_timestamp_itself(written: str, moment: str) -> None:
    assert parse(f"exclude-newer = {written}\n[roles.R]\n{WORKER}").exclude_newer == moment


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ('"yesterday"', ""),
        ('""', ""),
        ('"2026-1-31"', ""),
        ('"20260131"', ""),
        ('"2026-01-31T12:00Z"', ""),
        ('"2026-01-31T25:00:00Z"', "there is no such date or time"),
        ('"2026-13-01"', "there is no such date or time"),
        ('"2026-01-31T12:00:00+99:00"', "there is no such date or time"),
        ('"0001-01-01T00:00:00+01:00"', "there is no such date in UTC"),
        ('"9999-12-31"', "that is the last day there is; leave the key out instead"),
        ("9999-12-31", "that is the last day there is; leave the key out instead"),
        ("12:00:00", ""),
        ("20260131", "write it in quotes"),
    ],
)
def test_what_is_no_moment_is_refused(written: str, remedy: str) -> None:
    [fault] = faults(f"exclude-newer = {written}\n[roles.R]\n{WORKER}")
    assert fault.startswith("exclude-newer: found ")
    assert fault.partition("\n    Next: ")[2] == remedy
