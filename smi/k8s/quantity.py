"""resource.Quantity: a number as Kubernetes writes the weights `1`, `500m` and `1k`."""

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

_FORM = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))"
    r"(?:(?P<binary>[KMGTPE]i)|(?P<decimal>[numkMGTPE])|[eE](?P<exponent>[+-]?[0-9]{1,2}))?"
)
_BINARY = {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", 1)}
_DECIMAL = dict(zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True))
_LONGEST = 64  # digits and all: more than any number that Kubernetes keeps

Written = int | float | str


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as it is `written`; equal only to one that is written in the same way."""

    written: Written
    value: Fraction


def quantity(written: object) -> Quantity | None:
    """What Kubernetes reads in `written`, `None` where that is no quantity.

    Exact, but for what lies below a billionth: that is rounded up, as Kubernetes does.
    """
    if isinstance(written, bool) or not isinstance(written, int | float | str):
        return None
    if isinstance(written, int):
        return Quantity(written, Fraction(written))
    value = _value(format(Decimal(repr(written)), "f") if isinstance(written, float) else written)
    return None if value is None else Quantity(written, value)


@lru_cache(maxsize=1024)
def _value(text: str) -> Fraction | None:
    """Remembered, for the weights of many objects are the same few."""
    form = _FORM.fullmatch(text) if len(text) <= _LONGEST else None
    if form is None:
        return None
    value = Fraction(form["number"]) * _scale(form)
    return Fraction(math.ceil(value * 10**9), 10**9)


def _scale(form: re.Match[str]) -> Fraction:
    if form["binary"]:
        return Fraction(_BINARY[form["binary"]])
    power = _DECIMAL[form["decimal"]] if form["decimal"] else int(form["exponent"] or 0)
    return Fraction(10) ** power
