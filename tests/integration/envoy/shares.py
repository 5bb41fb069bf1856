"""Where many requests of a kind arrive, against the shares that `decide` gives."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from fractions import Fraction

from smi.decision.decide import Decision
from smi.decision.judge import Verdict
from smi.decision.request import Request
from smi.model.mesh import Mesh
from tests import chance
from tests.integration.envoy.speech import Answer
from tests.integration.envoy.verdicts import pods_of

AT_ONCE = 8
FALSE_ALARM = 1e-9  # of one count; runs make fewer than a thousand


def expected(mesh: Mesh, request: Request, decision: Decision) -> dict[str, Fraction]:
    """The share of each pod, and of the refusal where some refuse."""
    refusal = "403" if request.is_http else "0"
    shares: dict[str, Fraction] = {}
    for destination in decision.destinations:
        pods = pods_of(mesh, destination)
        for pod in pods:
            at = pod if destination.judgement.verdict is Verdict.ALLOW else refusal
            shares[at] = shares.get(at, Fraction()) + destination.share / len(pods)
    return shares


async def surprises(
    send: Callable[[], Awaitable[Answer]], shares: Mapping[str, Fraction], times: int
) -> list[str]:
    """What of about `times` answers chance does not explain."""
    heard: Counter[str] = Counter()

    async def one() -> None:
        answer = await send()
        heard[answer.pod or str(answer.status)] += 1

    for _ in range(max(1, times // AT_ONCE)):
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(one())
    total = heard.total()
    return [
        f"{count} of {total} at {where}, whose share is {shares.get(where, 0)}"
        for where, count in ((where, heard[where]) for where in shares.keys() | heard.keys())
        if not chance.is_plausible(count, total, float(shares.get(where, 0)), FALSE_ALARM)
    ]
