"""meta/v1 Time and Duration: when something was measured, and for how long."""

import re
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator
from pydantic_core import PydanticCustomError

# RFC 3339, 5.6, as Go reads it: seconds may have any fraction, and there is no leap second.
_TIME = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)([.,]\d{1,30})?(?P<zone>Z|[+-]\d\d:\d\d)", re.ASCII
)
_PART = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:h|ms|m|s|us|µs|μs|ns)"  # both of Unicode's micro signs
_DURATION = re.compile(rf"[+-]?(?:0|(?:{_PART})+)")
_PARTS = re.compile(r"([0-9.]+)([a-zµμ]+)")
_NANOSECONDS = {
    "h": 3600 * 10**9,
    "m": 60 * 10**9,
    "s": 10**9,
    "ms": 10**6,
    "us": 1000,
    "µs": 1000,
    "μs": 1000,
    "ns": 1,
}
_LONGEST = 64  # of what is written
_MOST = 2**63  # Go counts nanoseconds in 64 bits


@dataclass(frozen=True, slots=True)
class Duration:
    """A time as Go writes it: `30s`, `1m30s`, `1.5h`; equal only to one written in the same way."""

    written: str
    seconds: Fraction


def duration(written: object) -> Duration | None:
    """What Go reads in `written`, `None` where that is no duration. Exact to the nanosecond."""
    if not isinstance(written, str) or len(written) > _LONGEST or not _DURATION.fullmatch(written):
        return None
    nanoseconds = sum(
        int(Fraction(number) * _NANOSECONDS[unit]) for number, unit in _PARTS.findall(written)
    )
    if nanoseconds >= _MOST:
        return None
    sign = -1 if written.startswith("-") else 1
    return Duration(written, sign * Fraction(nanoseconds, 10**9))


def is_time(written: object) -> bool:
    """Whether `written` is a time of RFC 3339, as in 2019-04-08T22:25:55Z."""
    form = _TIME.fullmatch(written) if isinstance(written, str) else None
    if form is None:
        return False
    try:
        datetime.fromisoformat(form["date"] + form["zone"])
    except ValueError:
        return False
    return True


def _decoded_duration(written: object) -> Duration:
    read = written if isinstance(written, Duration) else duration(written)
    if read is None:
        raise PydanticCustomError("duration", "should be a duration as Go writes it: 30s or 1m30s")
    return read


def _encoded_duration(read: Duration) -> str:
    return read.written


def _decoded_time(written: object) -> str:
    if not isinstance(written, str) or not is_time(written):
        raise PydanticCustomError("time", "should be a time of RFC 3339: 2019-04-08T22:25:55Z")
    return written


GoDuration = Annotated[
    Duration, PlainValidator(_decoded_duration), PlainSerializer(_encoded_duration)
]
Time = Annotated[str, PlainValidator(_decoded_time)]
"""A time of RFC 3339, as it is written."""
