from fractions import Fraction

import pytest

from smi.k8s.quantity import quantity


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (7, Fraction(7)),
        (0.5, Fraction(1, 2)),
        (1e-7, Fraction(1, 10**7)),
        ("1", Fraction(1)),
        ("+1.50", Fraction(3, 2)),
        ("5.", Fraction(5)),
        (".5", Fraction(1, 2)),
        ("500m", Fraction(1, 2)),
        ("1k", Fraction(1000)),
        ("1Ki", Fraction(1024)),
        ("2Ei", Fraction(2**61)),
        ("3e2", Fraction(300)),
        ("3E-2", Fraction(3, 100)),
        ("2E", Fraction(2 * 10**18)),
        ("7u", Fraction(7, 10**6)),
        ("1n", Fraction(1, 10**9)),
        ("-1", Fraction(-1)),
    ],
)
def test_quantity_is_read_as_kubernetes_reads_it(written: int | float | str, value: object) -> None:
    read = quantity(written)
    assert read is not None
    assert (read.written, read.value) == (written, value)


def test_what_is_below_a_billionth_is_rounded_up() -> None:
    read = quantity("0.1n")
    assert read is not None
    assert read.value == Fraction(1, 10**9)


@pytest.mark.parametrize(
    "written",
    [
        *("", "m", "1 ", "1kk", "1K", "0x1", "1e100", "1e1000000", "1" * 65, ".", "--1", "\u0661"),
        *(True, None, [], float("nan"), float("inf")),
    ],
)
def test_what_is_no_quantity_is_not_read(written: object) -> None:
    assert quantity(written) is None
