from fractions import Fraction

import pytest

from smi.k8s.interval import duration, is_time


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30s", 30),
        ("1m30s", 90),
        ("1.5h", 5400),
        ("1h0.5m", 3630),
        ("-1ms", Fraction(-1, 1000)),
        ("+7us3ns", Fraction(7003, 10**9)),
        ("1µs", Fraction(1, 10**6)),
        ("1μs", Fraction(1, 10**6)),
        (".5s", Fraction(1, 2)),
        ("1.s", 1),
        ("0.9ns", 0),
        ("0", 0),
        ("2562047h", 2562047 * 3600),
    ],
)
def test_duration_is_what_go_reads(written: str, seconds: Fraction) -> None:
    read = duration(written)
    assert read is not None
    assert (read.written, read.seconds) == (written, seconds)


@pytest.mark.parametrize(
    "written",
    ["", "30", "s", "1d", "1 s", "1s ", "1m-1s", ".s", "9" * 70 + "s", "2562048h", 30, None],
)
def test_what_go_does_not_read_is_no_duration(written: object) -> None:
    assert duration(written) is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2019-04-08T22:25:55Z", True),
        ("2019-04-08T22:25:55.123456789+05:30", True),
        ("2024-02-29T00:00:00Z", True),
        ("2023-02-29T00:00:00Z", False),
        ("2019-04-08T22:25:60Z", False),
        ("2019-04-08 22:25:55Z", False),
        ("2019-04-08T22:25:55", False),
        ("2019-04-08", False),
        (1554762355, False),
    ],
)
def test_time_is_one_of_rfc_3339(written: object, expected: bool) -> None:
    assert is_time(written) is expected
