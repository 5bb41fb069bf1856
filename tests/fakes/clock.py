"""Time that passes only when somebody sleeps."""

import asyncio

from smi.standalone.processes import Clock


class FakeClock:
    """Starts at zero; `slept` holds every sleep. Each one ends as soon as the loop has turned."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)

    def clock(self) -> Clock:
        return Clock(lambda: self.time, self._sleep)
