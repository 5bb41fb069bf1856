"""Real Envoys, `decide` and a naive reading of the objects say the same of every request."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import pytest

from smi.decision.decide import Decision, decide
from smi.decision.judge import Verdict
from smi.decision.request import Protocol, Request
from smi.k8s.resource import NamespacedName
from smi.model.inbound import Mode
from tests import questions, strategies, worlds
from tests.conftest import DEFAULT_SEED
from tests.integration.envoy import shares, speech
from tests.integration.envoy.stage import Stage, Way, concrete, is_expected, stage
from tests.naive import Naive

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(600)]

MESHES, WORKLOADS, QUESTIONS, EDITS, QUESTIONS_AFTER_EDIT = 7, 4, 150, 3, 45
AT_ONCE = 8
SPLITS, REQUESTS_OF_SPLIT = 3, 300
REASONS = {
    "Allowed",
    "NoPolicy",
    "SourceNotListed",
    "ProtocolNotGranted",
    "PortNotGranted",
    "RouteNotGranted",
    "NoIdentity",
    "BadRequest",
    "EscapedSlash",
    "unavailable",
    "Permissive",
}


@dataclass(slots=True)
class Tally:
    """Owns what was asked and what disagreed, over a whole run."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)

    def note(self, request: Request, decision: Decision, way: Way) -> None:
        """Count one request."""
        reasons = {d.judgement.reason for d in decision.destinations} or {"unavailable"}
        self.counts["requests", "all"] += 1
        self.counts["verdict", str(decision.verdict)] += 1
        self.counts["mode", str(decision.mode)] += 1
        self.counts["protocol", str(request.protocol)] += 1
        self.counts["way", way.name if way.nameable else f"{way.name}, not nameable"] += 1
        if request.is_http:
            self.counts["method", request.method] += 1
        self.counts.update(("reason", reason) for reason in reasons)
        if decision.split is not None:
            self.counts["split", "yes"] += 1

    def of(self, what: str) -> dict[str, int]:
        """The counts of one kind."""
        return {name: count for (kind, name), count in sorted(self.counts.items()) if kind == what}

    def table(self) -> str:
        """All counts, a line a kind."""
        kinds = dict.fromkeys(kind for kind, _ in self.counts)
        return "\n".join(f"{kind:10} {self.of(kind)}" for kind in kinds)


async def test_envoy_decide_and_the_naive_reading_agree(
    seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    tally, seeds = Tally(), tuple(range(seed, seed + MESHES))
    for number in seeds:
        await _play(random.Random(number), number, tally)
    with capsys.disabled():
        print(f"\nseeds {seeds}\n{tally.table()}")  # noqa: T201 - a run says what it was about
    assert not tally.disagreements, "\n".join(tally.disagreements)
    total = tally.counts["requests", "all"]
    assert total >= 1000
    assert tally.counts["verdict", "allow"] >= 0.3 * total
    if seed == DEFAULT_SEED:  # of chance nothing is asked that it may not give
        _assert_everything_occurs(tally)


def _assert_everything_occurs(tally: Tally) -> None:
    assert set(tally.of("reason")) == REASONS
    assert set(tally.of("verdict")) == set(Verdict)
    assert set(tally.of("mode")) == set(Mode)
    assert "plain" in tally.of("way")
    assert set(tally.of("method")) >= {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"}
    assert set(tally.of("protocol")) == {"http", "h2", "tcp"}
    assert sum(tally.of("shares").values()) >= SPLITS


async def _play(rng: random.Random, number: int, tally: Tally) -> None:
    found = strategies.documents(rng, WORKLOADS)
    found += strategies.canary(rng, found) if not _has_canary(found) else []
    async with stage(rng) as playing:
        await playing.play(found)
        await _ask_all(rng, playing, found, QUESTIONS, f"seed {number}", tally)
        await _judge_shares(rng, playing, found, f"seed {number}", tally)
        for edit in range(EDITS):
            found = strategies.edited(rng, found, edit)
            await playing.play(found)
            name = f"seed {number}, edit {edit}"
            await _ask_all(rng, playing, found, QUESTIONS_AFTER_EDIT, name, tally)


def _has_canary(found: list[strategies.Document]) -> bool:
    return any(d["metadata"]["name"] == "canary" for d in found)


def _askable(
    rng: random.Random, playing: Stage, found: list[strategies.Document], count: int
) -> Iterator[Request]:
    """Requests over TCP whose source and target are there."""
    mesh = playing.mesh
    for request in questions.questions(rng, found, count):
        named = [request.source, request.target.rpartition(":")[0]]
        pods = [NamespacedName(*n.split("/")[1:]) for n in named if n.startswith("pod/")]
        if request.protocol != "udp" and all(pod in mesh.workloads for pod in pods):
            yield concrete(rng, mesh, request)


async def _ask_all(
    rng: random.Random,
    playing: Stage,
    found: list[strategies.Document],
    count: int,
    where: str,
    tally: Tally,
) -> None:
    naive, limit = Naive(playing.state.resources.values()), asyncio.Semaphore(AT_ONCE)

    async def judge(request: Request, way: Way) -> None:
        async with limit:
            answer = await _send(request, way)
        decision = decide(playing.mesh, request)
        tally.note(request, decision, way)
        if worlds.answers(decision) != naive.shares(request):
            tally.disagreements.append(f"{where}: decide and the naive reading of {request}")
        if not is_expected(playing.mesh, request, decision, way, answer):
            said = [(d.place, d.judgement.reason) for d in decision.destinations]
            tally.disagreements.append(f"{where}: {way.name} {request}\n  {answer} for {said}")

    async with asyncio.TaskGroup() as tasks:
        for request in _askable(rng, playing, found, count):
            way = playing.way(rng, request)
            if way is not None:
                tasks.create_task(judge(request, way))


async def _send(request: Request, way: Way) -> speech.Answer:
    return await speech.ask(way.to, request, request.path, way.authority(request))


async def _judge_shares(
    rng: random.Random,
    playing: Stage,
    found: list[strategies.Document],
    where: str,
    tally: Tally,
) -> None:
    """Send some requests of each of some splits many times, and count where they arrive."""
    tried: set[tuple[object, ...]] = set()
    for request in _to_splits(rng, playing, found):
        decision = decide(playing.mesh, request)
        share = shares.expected(playing.mesh, request, decision)
        way = playing.way(rng, request)
        key = (decision.split, request.protocol)
        if decision.verdict is not Verdict.ALLOW or len(share) < 2 or key in tried or way is None:
            continue
        tried.add(key)
        tally.counts["shares", str(request.protocol)] += 1
        tally.disagreements += [
            f"{where}: shares of {request}: {problem}"
            for problem in await _surprises(request, way, share)
        ]


def _to_splits(
    rng: random.Random, playing: Stage, found: list[strategies.Document]
) -> Iterator[Request]:
    """Requests that some split divides, each protocol's some times over."""
    clients = [f"pod/{questions.pod_of(rng, d)}" for d in strategies.of(found, "Deployment")]
    for name, routes in playing.mesh.routes.items():
        for route in routes:
            if any(split.matches is None for split in route.splits):
                for client, protocol in itertools.product(clients, ("http", "h2", "tcp")):
                    target = f"{name}:{route.port}"
                    yield Request(source=client, target=target, protocol=Protocol(protocol))


async def _surprises(request: Request, way: Way, share: Mapping[str, Fraction]) -> list[str]:
    return await shares.surprises(lambda: _send(request, way), share, REQUESTS_OF_SPLIT)
