"""How long the API server may be silent. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds without a byte after which a connection counts as dead."""

    connect: float = 5.0
    answer: float = 65.0  # the API server gives up by itself after 60
    idle: float = 90.0  # of a watch

    def watch(self, chance: float) -> int:
        """How long to watch at once, between two and five sixths of `idle`; `chance` is 0 to 1.

        An API server sends no bookmarks of a collection that nobody has touched since it started:
        only that it ends a watch in time tells that it is there. Chance keeps watches from ending
        together.
        """
        return max(1, int(self.idle * (4 + chance) / 6))
