"""What is measured: five numbers by name, the times among them in one unit or the other."""

from fractions import Fraction
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator
from pydantic_core import PydanticCustomError

from smi.k8s.quantity import Quantity, Written, quantity

LATENCIES = ("p99_response_latency", "p90_response_latency", "p50_response_latency")
"""In the order of the specification: the slowest first."""

COUNTS = ("success_count", "failure_count")

SECONDS = {"seconds": Fraction(1), "ms": Fraction(1, 1000)}
"""The units of a latency. The specification writes seconds, the sdk and its servers ms."""


def seconds(unit: str | None, value: Quantity) -> Fraction | None:
    """The time that `value` says, exactly; `None` where `unit` is not one of time."""
    scale = SECONDS.get(unit or "")
    return None if scale is None else value.value * scale


def _decoded(written: object) -> Quantity:
    read = written if isinstance(written, Quantity) else quantity(written)
    if read is None:
        raise PydanticCustomError("quantity", 'should be a quantity: 100, "10m" or "1.5"')
    return read


def _encoded(read: Quantity) -> Written:
    return read.written


Value = Annotated[Quantity, PlainValidator(_decoded), PlainSerializer(_encoded)]
