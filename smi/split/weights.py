"""Weights of v1alpha1, which are quantities, and the whole numbers that stand for them later."""

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator
from pydantic_core import PydanticCustomError, PydanticKnownError

from smi.k8s.quantity import Quantity, Written, quantity

LARGEST = 2**63 - 1
"""The Go type of a weight is int, and a quantity ends there too: 64 bits."""


def whole(quantities: Sequence[Quantity]) -> tuple[int, ...]:
    """The smallest whole numbers of the same proportions that keep whole quantities as they are.

    Weights that are further apart than 64 bits can tell are brought near: none becomes 0.
    """
    factor = math.lcm(*(q.value.denominator for q in quantities))
    weights = [int(q.value * factor) for q in quantities]
    if max(weights, default=0) > LARGEST:
        divisor = math.gcd(*weights)
        weights = [weight // divisor for weight in weights]
    most = max([LARGEST, *weights])
    return tuple(max(weight * LARGEST // most, int(weight > 0)) for weight in weights)


def _decoded(written: object) -> Quantity:
    if isinstance(written, Quantity):
        return written
    read = quantity(written)
    if read is None:
        raise PydanticCustomError(
            "quantity", 'should be a quantity: 1, "500m" or "1.5"', {"written": written}
        )
    if read.value < 0:
        raise PydanticKnownError("greater_than_equal", {"ge": 0})
    if read.value > LARGEST:
        raise PydanticKnownError("less_than_equal", {"le": LARGEST})
    return read


def _encoded(read: Quantity) -> Written:
    return read.written


QuantityWeight = Annotated[Quantity, PlainValidator(_decoded), PlainSerializer(_encoded)]
