"""What a host means to a client's HTTP proxy: a Service, one pod, a host outside, or nothing."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from re import escape
from typing import NamedTuple

from smi.k8s.resource import NamespacedName
from smi.model.identity import ServiceIdentity
from smi.model.outbound import ExternalService, NamedPod, Outbound, Route
from smi.model.service import DNS_DOMAIN, AppProtocol
from smi_envoy.pb.envoy.config.route.v3 import route_components_pb2, route_pb2
from smi_envoy.pb.envoy.type.matcher.v3 import regex_pb2, string_pb2
from smi_envoy.translate import forwarding, names, routes
from smi_envoy.translate.forwarding import NO_LOOPBACK, RENAMED, RESOLVED, SHOWN

HTTP_PORT = 80

_LABEL = r"[^.:\[\]]*"
_REST = r"\.?(?::.*)?"  # a dot of the root, and a port, may follow every name

# How many letters of names one regex holds: Envoy takes no program larger than
# `bootstrap.LARGEST_REGEX`, and one letter is one step of it at least.
_MOST_LETTERS = 2_000

Rule = route_components_pb2.Route
Host = route_components_pb2.VirtualHost


class _Meaning(NamedTuple):
    """A virtual host, but for its domains, of which some may have another meaning before it."""

    domains: list[str]
    host: route_components_pb2.VirtualHost


def of_client(
    identity: ServiceIdentity, outbound: Outbound | None, namespaces: Collection[str]
) -> route_pb2.RouteConfiguration:
    """The routes of the HTTP proxy of one identity: what it may call, 403 for the rest of the mesh.

    A host that could be no name of a mesh with these `namespaces` is outside, and passes through.
    """
    known = outbound or Outbound(identity, ())
    hosts: list[Host] = []
    taken: set[str] = set()
    for domains, host in _meanings(identity.namespace, known):
        host.domains.extend(domain for domain in domains if domain not in taken)
        taken.update(domains)
        if host.domains:
            hosts.append(host)
    rest = Host(name="rest", domains=routes.EVERYTHING, routes=_rest(identity, known, namespaces))
    return route_pb2.RouteConfiguration(
        name=names.outbound_client(identity), virtual_hosts=[*hosts, rest]
    )


def _meanings(namespace: str, known: Outbound) -> Iterator[_Meaning]:
    """What every known name means to a client in `namespace`; of two meanings the first holds.

    Pods come first: in a cluster `web-0.web` is looked up in the client's own namespace, as a pod,
    before it is as a Service of the namespace `web`.
    """
    for pod in known.pods:
        for port in pod.ports:
            hosts = [*_hosts_of_pod(pod, namespace), pod.address]
            yield _Meaning(_ported(hosts, port), _pod(pod, port))
    aliases: dict[NamespacedName, list[NamespacedName]] = {}
    for alias, target in known.aliases:
        aliases.setdefault(target, []).append(alias)
    for route in known.routes:
        own = [route.root, *aliases.get(route.root, ())]
        hosts = [host for name in own for host in _hosts(name, namespace)]
        yield _Meaning(_ported(hosts, route.port), _service(route))
    for service in known.external:
        for port in service.ports:
            yield _Meaning(
                _ported(_hosts(service.service, namespace), port), _external(service, port)
            )


def _hosts(service: NamespacedName, namespace: str) -> list[str]:
    """The names of a Service, to a client in `namespace`."""
    name = f"{service.name}.{service.namespace}"
    full = f"{name}.svc.{DNS_DOMAIN}"
    hosts = [name, f"{name}.svc", full, f"{full}."]
    return [*hosts, service.name] if service.namespace == namespace else hosts


def _hosts_of_pod(pod: NamedPod, namespace: str) -> list[str]:
    return [f"{pod.hostname}.{host}" for host in _hosts(pod.service, namespace) if pod.hostname]


def _ported(hosts: Iterable[str], port: int) -> list[str]:
    """`hosts` with `port`; without a port they mean port 80."""
    found = list(hosts)
    ported = [f"{host}:{port}" for host in found]
    return found + ported if port == HTTP_PORT else ported


def _service(route: Route) -> Host:
    """Requests as the Service's door takes them; a tunnel leads to that door."""
    return routes.virtual_host(
        route, (), tunnel=_tunnel(names.TUNNEL, names.door(route.root, route.port))
    )


def _pod(pod: NamedPod, port: int) -> Host:
    """Exactly this pod, whatever splits there are on its Service."""
    name = names.RouteName(pod.service, port)
    if pod.ready:
        upstream = names.pod_upstream(pod.pod, port, AppProtocol.TCP)
        tunnel = _tunnel(names.tunnel(name), upstream, SHOWN)
        request = routes.to_peers(str(name), names.pod_upstream(pod.pod, port, AppProtocol.HTTP))
        found = [tunnel, request]
    else:
        found = _answers(str(name), 503, f"smi-mesh: NotReady: pod {pod.pod} is not ready.\n")
    return Host(name=f"{pod.service}|{pod.pod}:{port}", routes=found)


def _external(service: ExternalService, port: int) -> Host:
    name = str(names.RouteName(service.service, port))
    found = list(_passed(name, RENAMED))
    for rule in found:
        rule.metadata.CopyFrom(forwarding.renamed(service.host, port))
    return Host(name=f"{service.service}:{port}", routes=found)


def _rest(identity: ServiceIdentity, known: Outbound, namespaces: Collection[str]) -> list[Rule]:
    """What is left: pods that are gone, names of the mesh that are not known, other hosts."""
    headless = sorted({pod.service for pod in known.pods})
    suffixes = [
        f"{_LABEL}\\.{escape(host)}"
        for service in headless
        for host in _hosts(service, identity.namespace)
        if not host.endswith(".")
    ]
    gone = "smi-mesh: NotReady: no pod that is there has this name.\n"
    denied = (
        f"smi-mesh: AccessDenied: ServiceAccount {identity} may not call this host, or there is no"
        " such Service, or no pod stands behind it. A TrafficTarget that names the ServiceAccount"
        " as a source would allow the call.\n"
    )
    ours = sorted({identity.namespace, *namespaces, *known.subdomains})
    named = [_LABEL, r".*\.svc", rf".*\.{escape(DNS_DOMAIN)}"]
    named += [rf".*\.{escape(name)}" for name in ours]
    return [
        *_matching(suffixes, _answers(names.GONE, 503, gone)),
        *_matching(named, _answers(names.ACCESS_DENIED, 403, denied)),
        *_passed(names.EXTERNAL),
    ]


def _matching(regexes: Sequence[str], rules: Sequence[Rule]) -> Iterator[Rule]:
    """`rules` for the hosts that one of `regexes` matches."""
    for some in _batches(regexes):
        regex = f"(?i)(?:{'|'.join(some)}){_REST}"
        matcher = string_pb2.StringMatcher(safe_regex=regex_pb2.RegexMatcher(regex=regex))
        for rule in rules:
            found = Rule()
            found.CopyFrom(rule)
            found.match.headers.add(name=":authority", string_match=matcher)
            yield found


def _batches(regexes: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for regex in regexes:
        if batch and sum(map(len, batch)) + len(regex) > _MOST_LETTERS:
            yield batch
            batch = []
        batch.append(regex)
    if batch:
        yield batch


def _passed(name: str, *filters: str) -> tuple[Rule, Rule]:
    """To a host outside, as a tunnel and as a request."""
    wakes = (*filters, RESOLVED, NO_LOOPBACK)
    request = routes.to(name, names.EXTERNAL)
    for key, value in forwarding.woken(*wakes).items():
        request.typed_per_filter_config[key].CopyFrom(value)
    return _tunnel(name, names.EXTERNAL, *wakes), request


def _tunnel(name: str, cluster: str, *filters: str) -> Rule:
    """What CONNECT gets: bytes both ways, once there is a connection to `cluster`."""
    found = routes.to(name, cluster)
    found.match.CopyFrom(_connect())
    found.route.upgrade_configs.add(
        upgrade_type=forwarding.CONNECT,
        connect_config=route_components_pb2.RouteAction.UpgradeConfig.ConnectConfig(),
    )
    for key, value in forwarding.woken(*filters).items():
        found.typed_per_filter_config[key].CopyFrom(value)
    return found


def _answers(name: str, status: int, body: str) -> list[Rule]:
    """The same to a tunnel and to a request."""
    tunnel, request = (routes.answer(name, status, body) for _ in range(2))
    tunnel.match.CopyFrom(_connect())
    return [tunnel, request]


def _connect() -> route_components_pb2.RouteMatch:
    return route_components_pb2.RouteMatch(
        connect_matcher=route_components_pb2.RouteMatch.ConnectMatcher()
    )
