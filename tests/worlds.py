"""From generated documents to what is compiled, and what is asked of it."""

import random
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Any

from smi import scheme
from smi.compiler.state import ClusterState
from smi.decision.decide import Decision
from smi.decision.judge import Verdict
from smi.errors import InvalidResource
from smi.k8s import core_v1
from smi.k8s.resource import Resource
from tests import outsiders
from tests.naive import Answer
from tests.strategies import Document


class Decoder:
    """Owns what was decoded, so that equal documents stay the same objects."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Document, Resource | None]] = {}

    def resources(self, found: Iterable[Document]) -> list[Resource]:
        """The objects that `found` describe; what is invalid describes none."""
        decoded = (self._resource(document) for document in found)
        return [resource for resource in decoded if resource is not None]

    def _resource(self, document: Document) -> Resource | None:
        if id(document) not in self._known:
            self._known[id(document)] = (document, _decoded(document))
        return self._known[id(document)][1]


def _decoded(document: Document) -> Resource | None:
    try:
        resource = scheme.decode(document)
    except InvalidResource:
        return None
    assert resource is not None, document
    return resource


def state(found: Iterable[Document]) -> ClusterState:
    """The cluster of `found`, all pods ready."""
    return outsiders.collected(Decoder().resources(found))


def unsettled(rng: random.Random, cluster: ClusterState) -> ClusterState:
    """`cluster` with some pods that are not ready, have ended, or are only just made."""
    resources = dict(cluster.resources)
    for key, resource in resources.items():
        if isinstance(resource, core_v1.Pod) and rng.random() < 0.15:
            resources[key] = _unsettled(rng, resource)
    return replace(cluster, resources=resources)


def _unsettled(rng: random.Random, pod: core_v1.Pod) -> core_v1.Pod:
    not_ready = core_v1.PodCondition(type="Ready", status="False")
    changes: dict[str, dict[str, Any]] = {
        "not ready": {"conditions": (not_ready,)},
        "ended": {"phase": rng.choice(("Succeeded", "Failed"))},
        "pending": {"phase": "Pending", "pod_ip": "", "conditions": ()},
        "without address": {"pod_ip": ""},
    }
    change = changes[rng.choice(tuple(changes))]
    return pod.model_copy(update={"status": pod.status.model_copy(update=change)})


def answers(decision: Decision) -> dict[Answer, Fraction]:
    """A decision in the words of `tests.naive`."""
    found: dict[Answer, Fraction] = {}
    for destination in decision.destinations:
        service = destination.place.service
        allowed = destination.judgement.verdict is Verdict.ALLOW
        answer = Answer(service and str(service), str(destination.place.identity), allowed)
        found[answer] = found.get(answer, Fraction()) + destination.share
    return found
