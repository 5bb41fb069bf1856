"""How long the API server may be silent. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds without a byte after which a connection counts as dead."""

    connect: float = 5.0
    answer: float = 65.0  # the API server gives up by itself after 60
    idle: float = 90.0  # of a watch; the API server sends a bookmark every minute or so
