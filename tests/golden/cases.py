"""The sentences of the specification, one a folder: objects, requests, and what they get."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from smi import scheme
from smi.decision.decide import Decision
from smi.decision.request import Protocol, Request
from smi.errors import InvalidResource
from smi.k8s.resource import Resource
from tests.strategies import Document

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One folder. Every case runs on top of the workloads in `base.yaml`."""

    folder: Path

    @property
    def name(self) -> str:
        """The number of the sentence, and the sentence in short."""
        return self.folder.name

    @cached_property
    def own(self) -> list[Document]:
        """The objects of this case."""
        return list(yaml.safe_load_all((self.folder / "cluster.yaml").read_text()))

    @property
    def documents(self) -> list[Document]:
        """All objects; those of the base are the same in every case."""
        return BASE + self.own

    @cached_property
    def requests(self) -> list[dict[str, Any]]:
        """What is asked, and what is answered."""
        return list(yaml.safe_load((self.folder / "requests.yaml").read_text()))

    @cached_property
    def diagnostics(self) -> list[str]:
        """What is found wrong."""
        return list(yaml.safe_load((self.folder / "diagnostics.yaml").read_text()))


BASE: list[Document] = list(yaml.safe_load_all((HERE / "base.yaml").read_text()))
CASES = [Case(path.parent) for path in sorted(HERE.glob("*/cluster.yaml"))]


def decoded(documents: Iterable[Document]) -> tuple[list[Resource], list[str]]:
    """The objects that are valid, and what is wrong with the others."""
    resources, problems = list[Resource](), list[str]()
    for document in documents:
        try:
            resource = scheme.decode(document)
        except InvalidResource as error:
            problems += [f"invalid {problem}" for problem in error.problems]
        else:
            assert resource is not None, document
            resources.append(resource)
    return resources, problems


def request(one: dict[str, Any]) -> Request:
    """The request that an entry of `requests.yaml` describes."""
    return Request(
        source=one["from"],
        target=one["to"],
        protocol=Protocol(one.get("protocol", "http")),
        method=one.get("method", "GET"),
        path=one.get("path", "/"),
        headers=tuple((name, value) for name, value in one.get("headers", ())),
    )


def asked(one: dict[str, Any]) -> dict[str, Any]:
    """The entry without its answer."""
    return {key: value for key, value in one.items() if key not in {"verdict", "by", "shares"}}


def answer(decision: Decision) -> dict[str, Any]:
    """Verdict; why, or by which policies; and the shares where there is more than one."""
    why = {
        ", ".join(policy.name for policy in d.judgement.policies) or d.judgement.reason
        for d in decision.destinations
    }
    shares: dict[str, str] = {}
    if decision.split is not None:
        shares = {str(d.place.service): str(d.share) for d in decision.destinations}
    said: dict[str, Any] = {"verdict": str(decision.verdict)}
    if why:
        said["by"] = "; ".join(sorted(why))
    return said | ({"shares": shares} if shares else {})
