"""Small meshes as documents, and requests to them: from a seed, by chance and on purpose.

`random.Random` decides, so that hypothesis (by seeds) and the differential test share them.
"""

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

from tests import outsiders, samples

Document = dict[str, Any]

NAMESPACES = ("shop", "pay", "ops")
ACCOUNTS = ("front", "web", "api", "default")
POD_PORTS: tuple[Document, ...] = (
    {"name": "http", "containerPort": 8080},
    {"name": "admin", "containerPort": 8081},
    {"name": "metrics", "containerPort": 9090},
    {"containerPort": 5432},
    {"name": "low", "containerPort": 80},
    {"name": "dns", "containerPort": 5353, "protocol": "UDP"},
)
SPOKEN: tuple[Document, ...] = (
    {},
    {"name": "http-web"},
    {"name": "tcp-db"},
    {"appProtocol": "http"},
    {"name": "x"},
)
ALSO_SPOKEN: tuple[Document, ...] = (
    {"name": "grpc-web-"},
    {"name": "https-"},
    {"name": "http-", "appProtocol": "tcp"},
    {"name": "tcp-", "appProtocol": "HTTP2"},
    {"appProtocol": "kubernetes.io/ws"},
    {"appProtocol": "grpc-web"},
    {"appProtocol": "example.org/own"},
)
WEIGHTS = (0, 1, 1, 2, 10, 90, 1000, 7_000_000_000)
TIMES = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", None)
DANGLING = 0.07
INVALID = 0.04  # of TrafficTargets: without rules, sources or destination
HEADLESS = 0.4  # of Services
NAME_ONLY = 0.08  # of matches: without path, methods and headers

seeds = st.integers(min_value=0, max_value=2**32 - 1)


def randoms() -> st.SearchStrategy[random.Random]:
    """A source of meshes and requests."""
    return seeds.map(random.Random)


def documents(rng: random.Random, workloads: int = 6) -> list[Document]:
    """A small mesh; at most `workloads` of them, each of one to three pods."""
    namespaces = NAMESPACES[: rng.randint(1, 3)]
    found = [
        w for number in range(rng.randint(2, workloads)) for w in _workload(rng, namespaces, number)
    ]
    for ns in namespaces:
        found += [_tier_service(rng, ns)]
        found += [group(rng, ns, f"routes-{n}") for n in range(rng.randint(1, 3))]
        found += [ports_route(rng, ns, "TCPRoute", f"tcp-{n}") for n in range(rng.randint(1, 2))]
        found += [ports_route(rng, ns, "UDPRoute", "udp-0")]
        found += [binding(rng, ns, f"ids-{n}") for n in range(rng.randint(0, 2))]
    for number in range(rng.randint(1, 8)):
        found.append(target(rng, found, f"target-{number}"))
        if rng.random() < 0.4:
            found.append(_twin(rng, found, found[-1]))
    if rng.random() < 0.3:
        found += canary(rng, found)
    for number in range(rng.randint(0, 5)):
        found.append(split(rng, found, f"split-{number}"))
    found += [namespace(rng, ns) for ns in namespaces if rng.random() < 0.5]
    return outsiders.added(found)


def of(found: list[Document], kind: str, namespace: str | None = None) -> list[Document]:
    """The documents of one kind."""
    named = (d for d in found if d["kind"] == kind)
    return [d for d in named if namespace in {None, d["metadata"]["namespace"]}]


def _document(kind: str, namespace: str, name: str, spec: Document, **metadata: str) -> Document:
    versions = {
        "Service": "v1",
        "Deployment": "apps/v1",
        "TrafficSplit": "split.smi-spec.io/v1alpha4",
    }
    access = {"TrafficTarget", "IdentityBinding"}
    smi = f"{'access' if kind in access else 'specs'}.smi-spec.io/v1alpha4"
    meta = {"name": name, "namespace": namespace, **metadata}
    return {"apiVersion": versions.get(kind, smi), "kind": kind, "metadata": meta, "spec": spec}


def namespace(rng: random.Random, name: str) -> Document:
    """A Namespace that asks for a mode, sometimes for one that there is not."""
    modes = ("strict", "permissive", "permissive", "audit", "audit", "open")
    annotations = {"smi-mesh.io/mode": rng.choice(modes)} if rng.random() < 0.95 else {}
    metadata = {"name": name, "namespace": "", "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _workload(rng: random.Random, namespaces: tuple[str, ...], number: int) -> Iterator[Document]:
    ns, name = rng.choice(namespaces), f"app-{number}"
    labels = {"app": name, "tier": rng.choice(("blue", "green"))}
    ports = rng.sample(POD_PORTS, rng.randint(1, 3))
    cut = rng.randint(0, len(ports))
    containers = [
        {"name": f"c{n}", "command": ["serve"], "ports": part}
        for n, part in enumerate((ports[:cut], ports[cut:]))
        if part
    ]
    spec = {"containers": containers, "serviceAccountName": rng.choice(ACCOUNTS)}
    spec |= {"hostname": f"{name}-0", "subdomain": f"{name}-v0"}
    template = {"metadata": {"labels": labels}, "spec": spec}
    yield _document("Deployment", ns, name, {"replicas": rng.randint(1, 3), "template": template})
    for version in range(rng.randint(1, 2)):
        selector = {"app": name} | ({"tier": labels["tier"]} if rng.random() < 0.3 else {})
        yield _service(rng, ns, f"{name}-v{version}", selector, ports)


def _tier_service(rng: random.Random, ns: str) -> Document:
    return _service(rng, ns, "tier", {"tier": rng.choice(("blue", "green", "grey"))}, POD_PORTS)


def _service(
    rng: random.Random, ns: str, name: str, selector: Document, offered: Sequence[Document]
) -> Document:
    numbers = rng.sample((80, 80, 8080, 8081, 5432, 5353), rng.randint(1, 2))
    ports = []
    for index, number in enumerate(dict.fromkeys(numbers)):
        wanted = rng.choice(offered)
        own = wanted["containerPort"]
        lead = rng.choices((wanted.get("name"), own, None, "gone"), (40, 40, 15, 5))[0]
        spoken = dict(rng.choice(SPOKEN))
        # Of chance of its own: what else a seed makes stays what it is.
        chance = random.Random(f"{ns}/{name}:{number} {wanted}")
        spoken = dict(chance.choice(ALSO_SPOKEN)) if chance.random() < 0.3 else spoken
        if "name" in spoken:
            spoken["name"] += str(index)
        protocol = wanted.get("protocol", "TCP")
        port = {"port": number, "protocol": protocol, **spoken}
        ports.append(port | ({} if lead is None else {"targetPort": lead}))
    spec = {"selector": selector, "ports": ports}
    headless = {"clusterIP": "None"} if random.Random(f"{ns}/{name}").random() < HEADLESS else {}
    return _document("Service", ns, name, spec | headless)


def group(rng: random.Random, ns: str, name: str) -> Document:
    matches = [_match(rng, n) for n in range(rng.randint(1, 3))]
    return _document("HTTPRouteGroup", ns, name, {"matches": matches})


def _match(rng: random.Random, number: int) -> Document:
    match: Document = {"name": f"m{number if rng.random() < 0.9 else 0}"}
    if rng.random() < NAME_ONLY:
        return match
    path = rng.choice(samples.PATHS)
    if path.regex is not None:
        match["pathRegex"] = path.regex
    methods = rng.choice(samples.METHODS)
    if methods or rng.random() < 0.5:
        match["methods"] = list(methods)
    headers = rng.choice(samples.HEADERS) if rng.random() < 0.4 else samples.HEADERS[0]
    if headers.regexes:
        as_map = dict(headers.regexes)
        as_list = [{name: regex} for name, regex in headers.regexes]
        is_map = len(as_map) == len(as_list) and rng.random() < 0.5
        match["headers"] = as_map if is_map else as_list
    return match


def ports_route(rng: random.Random, ns: str, kind: str, name: str) -> Document:
    numbers = (80, 8080, 8081, 5432, 5353, 9090)
    ports = rng.sample(numbers, rng.randint(1, 3)) if rng.random() < 0.7 else []
    return _document(kind, ns, name, {"matches": {"ports": ports}})


def binding(rng: random.Random, ns: str, name: str) -> Document:
    schemes: Document = {}
    if rng.random() < 0.5:
        labels = rng.choice(
            (
                {"tier": "blue"},
                {"tier": "green"},
                {"app": "app-0"},
                {"app": "app-1", "tier": "blue"},
            )
        )
        schemes["podLabelSelector"] = {"matchLabels": labels}
    elif rng.random() < 0.5:
        schemes["serviceAccount"] = rng.choice(ACCOUNTS)
    if not schemes or rng.random() < 0.3:
        account, other = rng.choice(ACCOUNTS), rng.choice(NAMESPACES)
        written = (
            f"spiffe://cluster.local/ns/{ns}/sa/{account}",
            f"cluster.local/ns/{ns}/sa/{account}",
            f"spiffe://cluster.local/ns/{other}/sa/{account}",
            f"spiffe://example.org/ns/{ns}/sa/{account}",
            f"spiffe://cluster.local/ns/{ns}/sa/{account}/more",
        )
        schemes["spiffeIdentities"] = rng.sample(written, rng.randint(1, 2))
    return _document("IdentityBinding", ns, name, {"schemes": schemes})


def target(rng: random.Random, found: list[Document], name: str) -> Document:
    """A TrafficTarget over what there is, sometimes over what there is not."""
    deployment = rng.choice(of(found, "Deployment"))
    ns = deployment["metadata"]["namespace"]
    destination = _identity(rng, found, ns)
    if rng.random() < 0.1:
        destination["namespace"] = rng.choice(NAMESPACES)
    sources = []
    for _ in range(rng.randint(1, 3)):
        caller = rng.choice(of(found, "Deployment"))["metadata"]["namespace"]
        source = _identity(rng, found, caller)
        sources.append(
            source | ({} if caller == ns and rng.random() < 0.5 else {"namespace": caller})
        )
    rules = [_rule(rng, found, ns) for _ in range(rng.choice((1, 1, 2, 3)))]
    spec = {"destination": destination, "sources": sources, "rules": rules}
    if rng.random() < INVALID:
        spec |= rng.choice(({"rules": []}, {"sources": []}, {"destination": {}}))
    made = _document("TrafficTarget", ns, name, spec)
    # Of chance of its own: what else a seed makes stays what it is.
    chance = random.Random(f"{ns}/{name} {sources} {rules}")
    if chance.random() < 0.1:
        port = str(chance.choice((80, 80, 8080, 8081, 9090, 5432, "0", "x")))
        made["metadata"]["annotations"] = {"conversion.smi-mesh.io/destination-port": port}
    if chance.random() < 0.1:
        end = chance.choice([destination, *sources])
        end["group"] = chance.choice(("", "access.smi-spec.io", "example.org"))
    return made


def _twin(rng: random.Random, found: list[Document], one: Document) -> Document:
    """A TrafficTarget that lets the same callers reach the same pods by other rules."""
    meta, spec = one["metadata"], one["spec"]
    rules = [_rule(rng, found, meta["namespace"])]
    name = f"{rng.choice('az')}-twin-of-{meta['name']}"
    return _document("TrafficTarget", meta["namespace"], name, {**spec, "rules": rules})


def _identity(rng: random.Random, found: list[Document], ns: str) -> Document:
    bindings = of(found, "IdentityBinding", ns)
    if rng.random() < 0.3 and bindings:
        return {"kind": "IdentityBinding", "name": rng.choice(bindings)["metadata"]["name"]}
    if rng.random() < DANGLING:
        kind = rng.choice(("IdentityBinding", "ServiceAccount", "Group"))
        return {"kind": kind, "name": "nobody"}
    running = [
        d["spec"]["template"]["spec"]["serviceAccountName"] for d in of(found, "Deployment", ns)
    ]
    return {"kind": "ServiceAccount", "name": rng.choice(running or ["front"])}


def _rule(rng: random.Random, found: list[Document], ns: str) -> Document:
    kind = rng.choices(("HTTPRouteGroup", "TCPRoute", "UDPRoute", "GRPCRoute"), (60, 30, 8, 2))[0]
    written = of(found, kind, ns)
    if not written or rng.random() < DANGLING:
        return {"kind": kind, "name": "gone"}
    route = rng.choice(written)
    rule: Document = {"kind": kind, "name": route["metadata"]["name"]}
    if kind == "HTTPRouteGroup" and rng.random() < 0.4:
        names = [match["name"] for match in route["spec"]["matches"]]
        chosen = rng.choice(([rng.choice(names)], names, []))  # an empty list selects all
        rule["matches"] = chosen if rng.random() > DANGLING else ["gone"]
    return rule


def split(rng: random.Random, found: list[Document], name: str) -> Document:
    """A TrafficSplit over what there is, sometimes over what there is not."""
    ns = rng.choice(of(found, "Service"))["metadata"]["namespace"]
    names = [service["metadata"]["name"] for service in of(found, "Service", ns)]
    root = rng.choice(names)
    written = rng.choice(
        (root, root, f"{root}.{ns}", f"{root}.{ns}.svc.cluster.local", f"{root}.x")
    )
    backends = [
        {"service": rng.choice([*names, "gone"]), "weight": rng.choice(WEIGHTS)}
        for _ in range(rng.randint(1, 4))
    ]
    spec: Document = {"service": written, "backends": backends}
    groups = of(found, "HTTPRouteGroup", ns)
    if rng.random() < 0.5 and groups:
        spec["matches"] = [
            {"kind": "HTTPRouteGroup", "name": group["metadata"]["name"]}
            for group in rng.sample(groups, rng.randint(1, len(groups)))
        ]
        if rng.random() < DANGLING:
            spec["matches"].append(
                {"kind": rng.choice(("TCPRoute", "HTTPRouteGroup")), "name": "gone"}
            )
    time = rng.choice(TIMES)
    # Of chance of its own: what else a seed makes stays what it is.
    spec |= _oddity(random.Random(f"{ns}/{name} {spec}"), ns, root, backends)
    return _document(
        "TrafficSplit", ns, name, spec, **({"creationTimestamp": time} if time else {})
    )


def _oddity(chance: random.Random, ns: str, root: str, backends: list[Document]) -> Document:
    """What else a split of `root` may say, as often as not nothing."""
    other = next(name for name in NAMESPACES if name != ns)
    choices: tuple[Document, ...] = (
        {"service": f"{root.capitalize()}.{ns.upper()}"},
        {"service": f"{root}.{ns}.svc.Example.org."},
        {"service": f"{root}.{other}.svc.cluster.local"},
        {"backends": [*backends, {"service": root, "weight": 1}]},
        {"backends": [*backends, *backends]},
        {"backends": [*backends, {"service": backends[0]["service"], "weight": 2**42}]},
        {"backends": [{**backend, "weight": 0} for backend in backends]},
        {"matches": [{"kind": "HTTPRouteGroup", "name": "gone"}]},
        {"matches": [{"kind": "HTTPRouteGroup", "name": "routes-0", "apiGroup": "example.org"}]},
        {
            "matches": [
                {"kind": "HTTPRouteGroup", "name": "routes-0", "apiGroup": "specs.smi-spec.io"}
            ]
        },
    )
    return chance.choice(choices) if chance.random() < 0.5 else {}


def canary(rng: random.Random, found: list[Document]) -> list[Document]:
    """A Service `canary` with two or three others behind it, most of them open to one caller."""
    deployments = of(found, "Deployment")
    ns = rng.choice(deployments)["metadata"]["namespace"]
    here = [d for d in deployments if d["metadata"]["namespace"] == ns]
    spoken = rng.choice(({"name": "http"}, {"name": "tcp"}, {}, {}))
    names = ["canary", *(f"canary-{version}" for version in range(rng.randint(2, 3)))]
    made = []
    # Neighbours stand before different workloads where there are two.
    for deployment, name in zip(itertools.cycle(rng.sample(here, len(here))), names, strict=False):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        lead = rng.choice([p for p in _ports_of(deployment) if p.get("protocol") != "UDP"] or [{}])
        port = {"port": 80, "targetPort": lead.get("containerPort", 8080), **spoken}
        selector = {"app": labels["app"]}
        made.append(_document("Service", ns, name, {"selector": selector, "ports": [port]}))
    weights = (1, rng.choice((3, 10, 1000)), rng.choice(WEIGHTS))
    pairs = zip(names[1:], weights, strict=False)
    backends = [{"service": name, "weight": weight} for name, weight in pairs]
    made.append(
        _document("TrafficSplit", ns, "canary", {"service": "canary", "backends": backends})
    )
    # An earlier split of some requests, by name the first of those without a time.
    made.append(
        _document(
            "HTTPRouteGroup", ns, "beta", {"matches": [{"name": "m", "pathRegex": "/anything"}]}
        )
    )
    beta = {
        "service": "canary",
        "backends": [{"service": names[1], "weight": 1}],  # the least of the other split
        "matches": [{"kind": "HTTPRouteGroup", "name": "beta"}],
    }
    made.append(_document("TrafficSplit", ns, "beta", beta))
    made.append(_document("TCPRoute", ns, "everything", {"matches": {"ports": []}}))
    namespace, client = account(rng.choice(deployments))
    sources = [{"kind": "ServiceAccount", "name": client, "namespace": namespace}]
    rules = [{"kind": "TCPRoute", "name": "everything"}]
    for number, (_, name) in enumerate(dict.fromkeys(map(account, here))):
        spec = {"destination": {"kind": "ServiceAccount", "name": name}, "sources": sources}
        if rng.random() < 0.6:
            target_ = _document("TrafficTarget", ns, f"z-canary-{number}", {**spec, "rules": rules})
            made.append(target_)
    return made


def _ports_of(deployment: Document) -> list[Document]:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return [port for container in containers for port in container["ports"]]


def account(deployment: Document) -> tuple[str, str]:
    """Namespace and name of the ServiceAccount that a workload runs as."""
    name = deployment["spec"]["template"]["spec"]["serviceAccountName"]
    return deployment["metadata"]["namespace"], name


def edited(rng: random.Random, found: list[Document], number: int) -> list[Document]:
    """The same mesh with one document more, less or another; the others are the same objects."""
    after = list(found)
    what = rng.choice(
        ("target", "split", "group", "binding", "drop", "drop", "scale", "relabel", "mode", "mesh")
    )
    ns = rng.choice(of(found, "Deployment"))["metadata"]["namespace"]
    match what:
        case "target":
            after.append(target(rng, found, f"added-{number}"))
        case "split":
            after.append(split(rng, found, f"added-{number}"))
        case "group":
            return _replaced(after, group(rng, ns, "routes-0"))
        case "binding":
            return _replaced(after, binding(rng, ns, "ids-0"))
        case "mode":
            return _replaced(after, namespace(rng, ns))
        case "drop":
            gone = rng.choice([d for d in found if d["kind"] != "Deployment"])
            return [d for d in after if d is not gone]
        case _:
            return _replaced(after, _changed(rng, rng.choice(of(found, "Deployment")), what))
    return after


def _changed(rng: random.Random, deployment: Document, what: str) -> Document:
    spec = dict(deployment["spec"])
    if what == "scale":
        spec["replicas"] = rng.randint(0, 3)
    elif what == "mesh":
        annotations = {outsiders.ANNOTATION: rng.choice(("disabled", "enabled"))}
        metadata = {**spec["template"]["metadata"], "annotations": annotations}
        spec["template"] = {**spec["template"], "metadata": metadata}
    else:
        template = spec["template"]
        labels = template["metadata"]["labels"] | {"tier": rng.choice(("blue", "green"))}
        spec["template"] = {**template, "metadata": {**template["metadata"], "labels": labels}}
    return {**deployment, "spec": spec}


def _replaced(found: list[Document], by: Document) -> list[Document]:
    def key(document: Document) -> tuple[str, str, str]:
        meta = document["metadata"]
        return document["kind"], meta["namespace"], meta["name"]

    return [d for d in found if key(d) != key(by)] + [by]
