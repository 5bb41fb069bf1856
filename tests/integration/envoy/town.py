"""A mesh of documents that real Envoys play, edited one document at a time."""

import json
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from smi.compiler.compile import Compiler
from smi.compiler.state import collect
from smi.k8s.resource import NamespacedName
from smi.model.mesh import Mesh
from smi.model.workload import Workload
from smi.standalone.addressing import Machine
from smi.standalone.plan import Plan, loopback, make_plan, running_pod
from smi_envoy import admin
from smi_envoy.backend import Lifetimes
from smi_envoy.ca.authority import Root
from tests import builders as a
from tests.integration.envoy import harness, speech
from tests.integration.envoy.harness import Lab
from tests.worlds import Decoder

Document = dict[str, Any]

PORT = 8080


class Speaking(Lab):
    """Owns pods whose applications answer every request with their pod's name."""

    async def _start_apps(self, workload: Workload) -> None:
        stack = self.apps[workload.name] = AsyncExitStack()
        assert workload.loopback is not None
        for detour in workload.loopback.detours.values():
            host = harness.application_host(workload)
            app = speech.application(str(workload.name), detour.application, host)
            await stack.enter_async_context(app)


@dataclass(slots=True)
class Town:
    """Owns the documents of a running mesh, and all that came of them."""

    lab: Lab
    machine: Machine
    documents: dict[tuple[str, str], Document] = field(default_factory=dict)
    absent: set[NamespacedName] = field(default_factory=set)
    decoder: Decoder = field(default_factory=Decoder)
    compiler: Compiler = field(default_factory=Compiler)
    plan: Plan = field(default_factory=Plan)
    trust_domain: str = harness.TRUST_DOMAIN
    aliases: tuple[str, ...] = ()

    async def play(self, *changed: Document) -> None:
        """Bring in `changed`; return when the mesh of all documents is in force."""
        await self.lab.publish(self.mesh(*changed))

    async def drop(self, *named: tuple[str, str]) -> None:
        """Take the documents away that have these kinds and names."""
        for key in named:
            del self.documents[key]
        await self.play()

    def mesh(self, *changed: Document) -> Mesh:
        """The mesh of all documents, `changed` among them; pods in `absent` are not ready."""
        for document in changed:
            self.documents[document["kind"], document["metadata"]["name"]] = document
        resources = self.decoder.resources(self.documents.values())
        self.plan, _ = make_plan(resources, {}, self.machine, self.plan)
        pods = [
            running_pod(replica, ready=name not in self.absent)
            for name, replica in self.plan.replicas.items()
        ]
        controllers = {"Deployment", "StatefulSet"}
        rest = [resource for resource in resources if resource.kind not in controllers]
        doors = {name: loopback(r, self.plan) for name, r in self.plan.replicas.items()}
        state = collect([*rest, *pods], doors, self.trust_domain, trust_domain_aliases=self.aliases)
        return self.compiler.update(state).mesh

    async def counters(self, pod: str, pattern: str) -> dict[str, int]:
        """An Envoy's own statistics, by name, where they match `pattern`."""
        return await counters(self.lab, a.name(pod), pattern)


async def counters(running: Lab, pod: NamespacedName, pattern: str) -> dict[str, int]:
    """An Envoy's own statistics, by name, where they match `pattern`."""
    text = await admin.ask(running.directory(pod), f"/stats?format=json&filter={pattern}")
    assert text is not None, f"{pod} does not answer"
    return {s["name"]: s["value"] for s in json.loads(text)["stats"] if "name" in s}


@asynccontextmanager
async def town(
    *documents: Document, lifetimes: Lifetimes | None = None, root: Root | None = None
) -> AsyncIterator[Town]:
    """A running mesh of `documents`."""
    async with harness.lab(lifetimes=lifetimes or Lifetimes(), root=root) as lab:
        own = Speaking(lab.state, lab.backend, lab.banners)
        network = f"127.{random.randint(16, 250)}.{random.randint(0, 250)}"
        found = Town(own, Machine(network, UUID(int=random.getrandbits(128)), harness.is_free))
        try:
            await found.play(*documents)
            yield found
        finally:
            await own.close()


def _document(api: str, kind: str, name: str, spec: Document) -> Document:
    metadata = {"name": name, "namespace": a.NAMESPACE}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def app(
    name: str, replicas: int = 1, of: str = "", account: str = "", *, meshed: bool = True
) -> list[Document]:
    """A Deployment with a ServiceAccount of its name, and a Service of its name, port 80.

    It is a version of the Service `of`, where one is named.
    """
    container = {"name": "c", "command": ["serve"], "ports": [{"containerPort": PORT}]}
    spec = {"containers": [container], "serviceAccountName": account or name}
    labels = {"app": of or name, "version": name}
    annotations = {} if meshed else {"smi-mesh.io/inject": "disabled"}
    template = {"metadata": {"labels": labels, "annotations": annotations}, "spec": spec}
    deployment = {"replicas": replicas, "template": template}
    return [
        _document("apps/v1", "Deployment", name, deployment),
        service(name, {"version": name}),
    ]


def stateful(name: str, replicas: int, port: str = "http") -> list[Document]:
    """A StatefulSet with a ServiceAccount of its name, and its headless Service of that name.

    The Service's port 80 has the name `port`, which says what is spoken, and leads to the pods'.
    """
    deployment, headless = app(name, replicas)
    headless["spec"]["clusterIP"] = "None"
    headless["spec"]["ports"][0]["name"] = port
    return [
        {**deployment, "kind": "StatefulSet", "spec": {**deployment["spec"], "serviceName": name}},
        headless,
    ]


def external(name: str, host: str, *ports: int) -> Document:
    """A Service that is another name of `host`."""
    named = [{"name": f"p{port}", "port": port} for port in ports]
    return _document(
        "v1", "Service", name, {"type": "ExternalName", "externalName": host, "ports": named}
    )


def service(name: str, selector: Mapping[str, str]) -> Document:
    """A Service of HTTP on port 80."""
    ports = [{"name": "http", "port": 80, "targetPort": PORT}]
    return _document("v1", "Service", name, {"selector": dict(selector), "ports": ports})


def addresses(service: str, *found: tuple[str, int]) -> list[Document]:
    """A Service without selector, port 80, and an EndpointSlice for each address and port."""
    made = [_document("v1", "Service", service, {"ports": [{"name": "http", "port": 80}]})]
    for number, (address, port) in enumerate(found):
        labels = {"kubernetes.io/service-name": service}
        metadata = {"name": f"{service}-{number}", "namespace": a.NAMESPACE, "labels": labels}
        made.append(
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": metadata,
                "addressType": "IPv4",
                "endpoints": [{"addresses": [address]}],
                "ports": [{"name": "http", "port": port}],
            }
        )
    return made


def bytes_service(name: str, of: str) -> Document:
    """A Service of bytes on port 80, of the pods of `of`."""
    ports = [{"name": "tcp-bytes", "port": 80, "targetPort": PORT}]
    return _document("v1", "Service", name, {"selector": {"version": of}, "ports": ports})


def bytes_grant(name: str, destination: str, sources: Sequence[str]) -> list[Document]:
    """A TrafficTarget over ServiceAccounts for bytes on the pods' port, and its TCPRoute."""
    found = grant(name, destination, sources)
    found["spec"]["rules"] = [{"kind": "TCPRoute", "name": name}]
    spec = {"matches": {"ports": [PORT]}}
    return [found, _document("specs.smi-spec.io/v1alpha4", "TCPRoute", name, spec)]


def routes(name: str, *matches: Document) -> Document:
    """An HTTPRouteGroup."""
    named = [{"name": f"m{number}", **match} for number, match in enumerate(matches)]
    return _document(
        "specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", name, {"matches": named or [{"name": "m"}]}
    )


def grant(name: str, destination: str, sources: Sequence[str], group: str = "all") -> Document:
    """A TrafficTarget over the ServiceAccounts of these names."""
    spec = {
        "destination": {"kind": "ServiceAccount", "name": destination},
        "rules": [{"kind": "HTTPRouteGroup", "name": group}],
        "sources": [{"kind": "ServiceAccount", "name": source} for source in sources],
    }
    return _document("access.smi-spec.io/v1alpha4", "TrafficTarget", name, spec)


def split(name: str, root: str, weights: Mapping[str, int]) -> Document:
    """A TrafficSplit."""
    backends = [{"service": service, "weight": weight} for service, weight in weights.items()]
    return _document(
        "split.smi-spec.io/v1alpha4", "TrafficSplit", name, {"service": root, "backends": backends}
    )
