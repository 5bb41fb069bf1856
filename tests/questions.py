"""Requests to generated meshes: most are meant to be allowed, many then miss by a little."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from smi.decision.request import Protocol, Request
from smi.k8s.resource import NamespacedName
from smi.model.mesh import Mesh
from smi.model.path import is_ambiguous
from tests import adversary, samples
from tests.strategies import ACCOUNTS, NAMESPACES, Document, account, of

ADVERSARIAL = 0.35  # of HTTP requests
ODD_PATHS = ("*", "x", "", "/ space", "/\u00e9", "/%5C", "//", "/a/.", "/%zz", "/?\u00e9")


class Ends(NamedTuple):
    """A workload that may call, one that may answer, and what was granted."""

    caller: Document
    server: Document
    rules: list[Document]


def questions(rng: random.Random, found: list[Document], count: int) -> Iterator[Request]:
    """`count` requests to the mesh of the documents `found`."""
    for _ in range(count):
        request = _selected(rng, found, _granted(rng, found))
        for _ in range(rng.choice((0, 0, 0, 0, 1, 1, 2))):
            request = _missed(rng, found, request)
        if request.is_http and rng.random() < ADVERSARIAL:
            request = adversary.twisted(rng, request, _host(request))
        yield request


def _host(request: Request) -> str:
    """What a client that speaks through a proxy names as host."""
    to, _, port = request.target.rpartition(":")
    return request.authority or f"{'.'.join(reversed(to.split('/')[-2:]))}:{port}"


def pod_of(rng: random.Random, deployment: Document) -> str:
    """`namespace/name` of one of its pods (of its first, if it has none)."""
    meta, last = deployment["metadata"], max(0, deployment["spec"]["replicas"] - 1)
    return f"{meta['namespace']}/{meta['name']}-{rng.randint(0, last)}"


def _granted(rng: random.Random, found: list[Document]) -> Request:
    """What some TrafficTarget seems to grant."""
    ends = _ends(rng, found)
    ns, template = ends.server["metadata"]["namespace"], ends.server["spec"]["template"]
    rule = rng.choice(ends.rules) if ends.rules else {"kind": "HTTPRouteGroup", "name": ""}
    http = rng.choice((Protocol.HTTP, Protocol.HTTP, Protocol.H2))
    other = {"TCPRoute": rng.choice((http, Protocol.TCP)), "UDPRoute": Protocol.UDP}
    protocol = other.get(rule["kind"], http)
    groups = [d for d in of(found, "HTTPRouteGroup", ns) if d["metadata"]["name"] == rule["name"]]
    request = Request(
        source=rng.choice((f"pod/{pod_of(rng, ends.caller)}",) * 3 + (_account(ends.caller),)),
        target=_target(rng, found, ends.server, template, protocol),
        protocol=protocol,
        method=rng.choice(samples.SENT_METHODS),
        path=rng.choice(samples.ANY_PATH),
    )
    return satisfying(rng, request, rule, groups[0]) if groups else request


def _ends(rng: random.Random, found: list[Document]) -> Ends:
    deployments, targets = of(found, "Deployment"), of(found, "TrafficTarget")
    if not targets or rng.random() < 0.03:
        return Ends(rng.choice(deployments), rng.choice(deployments), [])
    target = rng.choice(targets)
    ns, spec = target["metadata"]["namespace"], target["spec"]
    source = rng.choice(spec["sources"] or [{}])
    callers = _members(found, source, source.get("namespace", ns)) or deployments
    servers = _members(found, spec["destination"], ns) or of(found, "Deployment", ns)
    return Ends(rng.choice(callers), rng.choice(servers), spec["rules"])


def _members(found: list[Document], reference: Document, ns: str) -> list[Document]:
    """The workloads that a reference means, roughly."""
    here = of(found, "Deployment", ns)
    if reference.get("kind") == "ServiceAccount":
        return [d for d in here if _account(d) == f"{ns}/{reference['name']}"]
    for binding in of(found, "IdentityBinding", ns):
        if binding["metadata"]["name"] == reference.get("name"):
            schemes: Any = binding["spec"]["schemes"]
            labels = schemes.get("podLabelSelector", {}).get("matchLabels", {"": ""})
            names = [schemes.get("serviceAccount"), *schemes.get("spiffeIdentities", ())]
            accounts = [name.rpartition("/")[2] for name in names if name]
            return [
                d
                for d in here
                if labels.items() <= d["spec"]["template"]["metadata"]["labels"].items()
                or _account(d).partition("/")[2] in accounts
            ]
    return []


def _account(deployment: Document) -> str:
    return "/".join(account(deployment))


def _target(
    rng: random.Random, found: list[Document], server: Document, template: Document, protocol: str
) -> str:
    """A Service before the workload, or one of its pods, by a port."""
    ns, labels = server["metadata"]["namespace"], template["metadata"]["labels"]
    transport = "UDP" if protocol == "udp" else "TCP"
    offered = [
        f"{ns}/{service['metadata']['name']}:{port['port']}"
        for service in of(found, "Service", ns)
        if service["spec"].get("selector", {}).items() <= labels.items()
        for port in service["spec"]["ports"]
        if port.get("protocol", "TCP") == transport
    ]
    if offered and rng.random() < 0.8:
        return rng.choice(offered)
    ports = [p["containerPort"] for c in template["spec"]["containers"] for p in c["ports"]]
    names = (f"pod/{pod_of(rng, server)}", f"sa/{_account(server)}")
    return f"{rng.choice(names)}:{rng.choice(ports)}"


def satisfying(
    rng: random.Random, request: Request, rule: Document, group: Document, *, miss: str = ""
) -> Request:
    """`request` made to satisfy one of the matches of `rule`, all but one part of it."""
    named = rule.get("matches")
    matches = [m for m in group["spec"]["matches"] if not named or m["name"] in named]
    if not matches:
        return request
    match = rng.choice(matches)
    (path,) = (p for p in samples.PATHS if p.regex == match.get("pathRegex"))
    headers = match.get("headers", ())
    maps = [headers] if isinstance(headers, dict) else headers
    written = tuple(pair for pairs in maps for pair in pairs.items())
    (header,) = (h for h in samples.HEADERS if h.regexes == written)
    paths = path.missing if miss == "path" else path.satisfying
    sendable = header.missing if miss == "headers" else header.satisfying
    methods = [m for m in match.get("methods", ()) if m != "*"]
    if miss == "method" and "*" not in match.get("methods", "*"):
        methods = [m for m in samples.SENT_METHODS if m not in methods]
    sent = rng.choice(sendable or ((),))
    return replace(
        request,
        path=rng.choice(paths or ("/",)),
        method=rng.choice(methods or samples.SENT_METHODS),
        authority="".join(value for name, value in sent if name == "host"),
        headers=tuple(pair for pair in sent if pair[0] != "host"),
    )


def _selected(rng: random.Random, found: list[Document], request: Request) -> Request:
    """`request`, or as often one that some split of its Service selects by its matches."""
    names = [
        reference["name"]
        for split in of(found, "TrafficSplit")
        for reference in split["spec"].get("matches", ())
        if request.target.startswith(
            f"{split['metadata']['namespace']}/{split['spec']['service']}:"
        )
    ]
    groups = [d for d in of(found, "HTTPRouteGroup") if d["metadata"]["name"] in names]
    if groups and rng.random() < 0.5:
        return satisfying(rng, request, {}, rng.choice(groups))
    return request


def _missed(rng: random.Random, found: list[Document], request: Request) -> Request:
    """`request` with one part changed."""
    deployment = rng.choice(of(found, "Deployment"))
    match rng.choice(("source", "target", "route", "route", "odd", "method", "protocol")):
        case "source":
            ns, name = rng.choice(NAMESPACES), rng.choice(ACCOUNTS)
            sources = (
                f"pod/{pod_of(rng, deployment)}",
                f"{ns}/{name}",
                f"spiffe://cluster.local/ns/{ns}/sa/{name}",
                f"spiffe://example.org/ns/{ns}/sa/{name}",
                "none",
            )
            return replace(request, source=rng.choice(sources))
        case "target":
            template = deployment["spec"]["template"]
            to = _target(rng, found, deployment, template, request.protocol)
            return replace(request, target=to)
        case "route":
            groups = of(found, "HTTPRouteGroup")
            miss = rng.choice(("path", "path", "headers", "method"))
            return satisfying(rng, request, {}, rng.choice(groups), miss=miss)
        case "odd":
            return replace(request, path=rng.choice(ODD_PATHS))
        case "method":
            return replace(request, method=rng.choice(samples.SENT_METHODS))
        case _:
            same = {Protocol.UDP: (Protocol.UDP,)}
            choice = same.get(request.protocol, (Protocol.HTTP, Protocol.H2, Protocol.TCP))
            return replace(request, protocol=rng.choice(choice))


def askable(
    mesh: Mesh, rng: random.Random, found: list[Document], count: int = 40
) -> list[Request]:
    """Requests from pods that are there to pods or Services that are there."""
    asked = questions(rng, found, count)
    pods = {str(name) for name in mesh.workloads}
    accounts = {str(workload.identity) for workload in mesh.workloads.values()}

    def is_there(name: str) -> bool:
        kind, _, rest = name.partition("/")
        known = {"pod": pods, "sa": accounts}.get(kind)
        return known is None or rest in known

    return [
        request
        for request in asked
        if is_there(request.source) and is_there(request.target.rpartition(":")[0])
    ]


def at_pods(mesh: Mesh, requests: list[Request]) -> Iterator[Request]:
    """Each request to each pod that may receive it.

    None with an ambiguous path: a new pathRegex has them refused, whoever allowed them before.
    """
    for request in requests:
        to, _, port = request.target.rpartition(":")
        service = mesh.services.get(NamespacedName(*to.split("/")[-2:]))
        behind = service.port(int(port)) if service and to.count("/") == 1 else None
        there = behind.endpoints if behind else ()
        targets = [f"pod/{e.pod}:{e.target_port}" for e in there if e.pod is not None]
        authority = request.authority or ".".join(reversed(to.split("/")[-2:]))
        for target in targets if to.count("/") == 1 else [request.target]:
            if not is_ambiguous(request.forwarded or ""):
                yield replace(request, target=target, authority=authority)
