"""A generated mesh played by real Envoys: planned as on one machine, edited while it runs."""

import random
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from smi.compiler.compile import Compiler
from smi.compiler.state import ClusterState, ResourceKey, collect, resource_key
from smi.decision.request import Protocol, Request, caller, target
from smi.k8s.resource import NamespacedName, Resource
from smi.model.identity import PodUid, SpiffeId, spiffe_id
from smi.model.inbound import Mode
from smi.model.mesh import Mesh
from smi.model.outbound import NamedPod
from smi.model.service import AppProtocol
from smi.model.workload import Workload
from smi.standalone.addressing import Machine
from smi.standalone.plan import Plan, loopback, make_plan, running_pod
from smi_envoy.ca import store
from smi_envoy.ca.authority import Authority, new_root
from smi_envoy.translate import names
from tests import outsiders
from tests.integration.envoy import harness, speech
from tests.integration.envoy.harness import Lab
from tests.integration.envoy.speech import Dialled
from tests.strategies import Document
from tests.worlds import Decoder

FOREIGN = "example.org"

_HOST = r"[!$-.0-;=?-\[\]_a-z~]*"
_FIRST_LINE = re.compile(
    rf"(CONNECT {_HOST}|[\w!#$%&'*+.^`|~-]+ ([a-z]+://{_HOST}|\*[!-~]*|(?=/)))([/?][!-~]*)?\0?",
    re.IGNORECASE | re.ASCII,
)
"""What Envoy takes for the method and target of HTTP/1."""


class Way(NamedTuple):
    """How a request is sent, by name.

    `nameable` says whether the client's sidecar knows the Service, `speaks` for what it takes what
    is said: it looks at the first bytes where nothing is declared. `host` is what the client names,
    where it names one pod.
    """

    name: str
    to: Dialled
    nameable: bool = True
    speaks: AppProtocol = AppProtocol.HTTP
    host: str = ""

    def authority(self, request: Request) -> str:
        """The host that a client of this way names."""
        if self.host:
            return self.host
        wanted = target(request.target)
        host = f"{wanted.name.name}.{wanted.name.namespace}"
        return request.authority or (f"{host}:{wanted.port}" if self.name == "proxy" else host)

    def carries_bytes(self, request: Request) -> bool:
        """Whether it takes HTTP for bytes though none are declared: no line that begins HTTP/1."""
        if self.speaks is not AppProtocol.DETECT or request.protocol is not Protocol.HTTP:
            return False
        line = f"{request.method} {request.path}".partition("\n")[0].rstrip("\r")
        return not _FIRST_LINE.fullmatch(line)


@dataclass(slots=True)
class Stage:
    """Owns a generated mesh from its first documents to its last edit."""

    lab: Lab
    machine: Machine
    unready: float
    decoder: Decoder = field(default_factory=Decoder)
    compiler: Compiler = field(default_factory=Compiler)
    plan: Plan = field(default_factory=Plan)
    state: ClusterState = field(default_factory=lambda: ClusterState({}))

    @property
    def outside(self) -> str:
        """The address of somebody who is no pod."""
        return f"{self.machine.network}.255"

    @property
    def mesh(self) -> Mesh:
        """What the Envoys were told last."""
        return self.lab.mesh

    async def play(self, found: list[Document]) -> None:
        """Make the running mesh that of `found`."""
        resources = self.decoder.resources(found)
        self.plan, _ = make_plan(resources, {}, self.machine, self.plan)
        # Which pods are not ready must not change from one edit to the next.
        pods = [
            running_pod(replica, ready=random.Random(str(replica.name)).random() >= self.unready)
            for replica in self.plan.replicas.values()
        ]
        controllers = {"Deployment", "StatefulSet"}
        rest = [resource for resource in resources if resource.kind not in controllers]
        there: dict[ResourceKey, Resource] = {resource_key(pod): pod for pod in pods}
        rest = outsiders.placed(rest, there, self.outside)
        doors = {name: loopback(r, self.plan) for name, r in self.plan.replicas.items()}
        self.state = collect([*rest, *pods], doors)
        mesh = self.compiler.update(self.state).mesh
        for name in [n for n in self.lab.apps if _uid(mesh, n) != _uid(self.mesh, n)]:
            await self.lab.stop(name)  # another pod bears the name
        await self.lab.publish(mesh)

    def way(self, rng: random.Random, request: Request) -> Way | None:
        """One of the ways of `request`, or `None` if it cannot be tried."""
        ways = self.ways(request)
        return rng.choice(ways) if ways else None

    def ways(self, request: Request) -> list[Way]:
        """How the source of `request` can reach its target."""
        wanted = target(request.target)
        is_broken = request.protocol is Protocol.HTTP and "\n" in request.path
        if is_broken and (wanted.kind == "service" or request.path.lower().startswith("http")):
            return []  # whoever knows the host reads the first line alone, as HTTP/0.9
        if wanted.kind == "service":
            client = _client(self.mesh, request)
            return list(self._through_sidecar(client, request)) if client else []
        pod = self.mesh.workloads.get(wanted.name) if wanted.kind == "pod" else None
        if pod is None or not pod.ready or pod.loopback is None:
            return []
        if wanted.port not in pod.loopback.detours:
            return []
        stranger = is_stranger(self.mesh, request)
        if not pod.meshed:
            # What a sidecar would have tidied up arrives as it is.
            tidy = request.forwarded == request.path if request.is_http else True
            bare = Dialled(pod.address, pod.loopback.detours[wanted.port].inbound)
            speaks = AppProtocol.HTTP if request.is_http else AppProtocol.TCP
            if stranger:
                return [Way("bare", bare, speaks=speaks)] if tidy else []
            return [] if is_broken else list(self._by_name(request, pod, wanted.port))
        if stranger and self.mesh.inbound[pod.group].mode is not Mode.STRICT:
            plain = Dialled(pod.address, pod.loopback.detours[wanted.port].inbound)
            return [Way("plain", plain, speaks=AppProtocol.DETECT)]
        if not request.is_http and _is_of_no_pod(self.mesh, request.source):
            return []  # whatever its account may: there is no such caller
        spoken = AppProtocol.HTTP if request.is_http else AppProtocol.TCP
        named = [] if is_broken else list(self._by_name(request, pod, wanted.port))
        return [Way("direct", self._direct(request, pod, wanted.port), speaks=spoken), *named]

    def _by_name(self, request: Request, pod: Workload, port: int) -> Iterator[Way]:
        """Through the caller's own proxy, which knows the pod by its name and its address."""
        client = _client(self.mesh, request)
        if client is None:
            return
        known = {n for sent in self.mesh.outbound.values() for n in sent.pods if n.pod == pod.name}
        mine = self.mesh.outbound[client.identity].pods
        addresses = {n.address for n in mine}
        for named in sorted(known):
            assert client.loopback is not None
            proxy = Dialled(client.address, client.loopback.proxy)
            for name in _hosts(named):
                # Of several Services that name it, any makes its address known.
                nameable, host = name in addresses or named in mine, f"{name}:{port}"
                if request.protocol is Protocol.TCP:
                    tunnel = proxy._replace(tunnel=host)
                    yield Way("tunnel", tunnel, nameable, AppProtocol.TCP, host)
                elif request.is_http and _names_itself(request, {host}):
                    yield Way("pod", proxy, nameable, host=host)

    def _through_sidecar(self, client: Workload, request: Request) -> Iterator[Way]:
        wanted = target(request.target)
        routes = self.mesh.outbound[client.identity].routes
        mine = [r for r in routes if (r.root, r.port) == (wanted.name, wanted.port)]
        speaks = mine[0].speaks if mine else AppProtocol.DETECT
        assert client.loopback is not None
        port = client.loopback.services[wanted.name, wanted.port]
        yield Way("door", Dialled(client.address, port), bool(mine), speaks)
        host = f"{wanted.name.name}.{wanted.name.namespace}:{wanted.port}"
        through = Dialled(client.address, client.loopback.proxy, tunnel=host)
        yield Way("door", through, bool(mine), speaks)
        if request.is_http and _is_named_by_proxy(request):
            yield Way("proxy", Dialled(client.address, client.loopback.proxy), bool(mine))

    def _direct(self, request: Request, pod: Workload, port: int) -> Dialled:
        who = caller(self.mesh, request.source)
        tls = self._certificate(who.spiffe or SpiffeId(""), who.pod or PodUid(""))
        tls.set_alpn_protocols(["h2"] if request.protocol is Protocol.H2 else ["http/1.1"])
        someone = min(w.uid for w in self.mesh.workloads.values())
        name = names.HTTP_SNI if request.is_http else names.tcp_sni(who.pod or someone)
        assert pod.loopback is not None
        inbound = pod.loopback.detours[port].inbound
        return Dialled(pod.address, inbound, tls, name)

    def _certificate(self, spiffe: SpiffeId, uid: PodUid) -> ssl.SSLContext:
        """Client TLS with an SVID of `spiffe`; of another CA where the trust domain is another."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # without the machine's many roots
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if spiffe:
            file = self.lab.state / f"{abs(hash((spiffe, uid)))}.pem"
            if not file.exists():
                _issue(self.lab.state, spiffe, uid, file)
            context.load_cert_chain(file)
        return context


def _is_named_by_proxy(request: Request) -> bool:
    """Whether a proxy reads out of it which Service is meant."""
    host, _, port = Way("proxy", Dialled("", 0)).authority(request).partition(":")
    others = {host, f"{host}:{port}"} if port == "80" else {f"{host}:{port}"}
    return not request.authority and _names_itself(request, others)


def _names_itself(request: Request, hosts: set[str]) -> bool:
    """Whether it names no host but one of `hosts`, where it names any itself."""
    absolute = re.match("(?i)https?://([^/?]*)", request.path)
    repeated = any(name.lower() == "host" for name, _ in request.headers)
    return not repeated and (not absolute or absolute[1] in hosts)


def _hosts(pod: NamedPod) -> Iterator[str]:
    yield pod.address
    if pod.hostname == pod.pod.name:  # no other has it
        yield f"{pod.hostname}.{pod.service.name}.{pod.service.namespace}"


def is_stranger(mesh: Mesh, request: Request) -> bool:
    """Whether the caller has no identity that this mesh knows, and no sidecar."""
    return not caller(mesh, request.source).meshed


def _uid(mesh: Mesh, name: NamespacedName) -> PodUid | None:
    workload = mesh.workloads.get(name)
    return None if workload is None else workload.uid


def _issue(state: Path, spiffe: SpiffeId, uid: PodUid, file: Path) -> None:
    def now() -> float:
        return harness.clock().timestamp()

    own = not spiffe.startswith(f"spiffe://{FOREIGN}/")
    root = (
        store.load_roots(state, harness.TRUST_DOMAIN, now)[0] if own else new_root(FOREIGN, now())
    )
    issued = Authority(root, now).issue(spiffe, (uid,) if uid else ())
    file.write_bytes(issued.cert_chain_pem + issued.key_pem)


@asynccontextmanager
async def stage(rng: random.Random, unready: float = 0.1) -> AsyncIterator[Stage]:
    """A stage with nothing on it, on which a share of the pods never is ready."""
    async with harness.lab() as lab:
        own = _Speaking(lab.state, lab.backend, lab.banners)
        network = f"127.{rng.randint(16, 250)}.{rng.randint(0, 250)}"
        machine = Machine(network, UUID(int=rng.getrandbits(128)), harness.is_free)
        found = Stage(own, machine, unready)
        try:
            async with speech.application(found.outside, outsiders.OUTSIDE_PORT, found.outside):
                yield found
        finally:
            await own.close()


class _Speaking(Lab):
    """Owns pods whose applications speak HTTP/1, HTTP/2 and bytes on every port."""

    async def _start_apps(self, workload: Workload) -> None:
        stack = self.apps[workload.name] = AsyncExitStack()
        assert workload.loopback is not None
        for detour in workload.loopback.detours.values():
            host = harness.application_host(workload)
            app = speech.application(str(workload.name), detour.application, host)
            await stack.enter_async_context(app)


def _client(mesh: Mesh, request: Request) -> Workload | None:
    """The pod through whose sidecar `request` goes, if its source is one."""
    if not request.source.startswith("pod/"):
        return None
    pod = mesh.workloads[NamespacedName(*request.source.split("/")[1:])]
    return pod if pod.meshed else None


def concrete(rng: random.Random, mesh: Mesh, request: Request) -> Request:
    """`request` to a pod where it names a ServiceAccount, or a Service without a sidecar."""
    wanted = target(request.target)
    if wanted.kind == "service" and _client(mesh, request) is not None:
        return request
    authority = request.authority or f"{wanted.name.name}.{wanted.name.namespace}"
    if wanted.kind == "service":
        port = mesh.services[wanted.name].port(wanted.port)
        there = port.endpoints if port else ()
        choice = [f"pod/{e.pod}:{e.target_port}" for e in there if e.pod is not None]
    else:
        pods = (w for w in mesh.workloads.values() if str(w.identity) == str(wanted.name))
        named = pods if wanted.kind == "sa" else ()
        choice = [f"pod/{w.name}:{wanted.port}" for w in named] or [request.target]
    to = rng.choice(sorted(choice) or [request.target])
    found = replace(request, target=to, authority=authority)
    return found if request.is_http else replace(found, source=tcp_source(mesh, request.source))


def tcp_source(mesh: Mesh, source: str) -> str:
    """A pod of the account that `source` names, if there is one: TCP knows its callers by pod."""
    if not _is_of_no_pod(mesh, source):
        return source
    spiffe = caller(mesh, source).spiffe
    pods = [
        workload.name
        for workload in mesh.workloads.values()
        if workload.meshed and spiffe_id(mesh.trust_domain, workload.identity) == spiffe
    ]
    return f"pod/{min(pods)}" if pods else source


def _is_of_no_pod(mesh: Mesh, source: str) -> bool:
    """Whether `source` is an account of the mesh and no pod that has it."""
    who = caller(mesh, source)
    own = f"spiffe://{mesh.trust_domain}/"
    return who.pod is None and (who.spiffe or "").startswith(own)
