"""What `tests.naive` knows of one request, one match or one Kubernetes object alone."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import re2

Thing = Any  # objects at their hub versions, pods among them; questions as `decide` takes them

HTTP = {"http", "http2", "h2c", "grpc", "kubernetes.io/h2c", "kubernetes.io/ws"}
BYTES = {"tcp", "tls", "https", "mongo", "mysql", "redis"}

OPTIONS = re2.Options()
OPTIONS.encoding, OPTIONS.log_errors = re2.Options.Encoding.LATIN1, False


def selects(labels: Mapping[str, str], pod: Thing) -> bool:
    """No labels select nothing."""
    return bool(labels) and all(pod.metadata.labels.get(k) == v for k, v in labels.items())


def identifies(binding: Thing, prefix: str, spiffe: str, pod: Thing) -> bool:
    """A14: SPIFFE IDs count that begin with the `prefix` of its namespace and name an account."""
    schemes, labels = binding.spec.schemes, binding.spec.schemes.pod_label_selector
    ids = {f"spiffe://{i.removeprefix('spiffe://')}" for i in schemes.spiffe_identities}
    ids = {i for i in ids if re.fullmatch(f"{prefix}[^/]+", i)}
    if spiffe in ids | {prefix + (schemes.service_account or "")}:
        return True
    known = pod and pod.metadata.namespace == binding.metadata.namespace and pod.metadata.uid
    return bool(known and labels and selects(labels.match_labels, pod))


def is_meshed(pod: Thing | None) -> bool:
    """Whether it is a pod, and one with a sidecar."""
    return pod is not None and pod.metadata.annotations.get("smi-mesh.io/inject") != "disabled"


def account(pod: Thing | None) -> str:
    """Namespace and name of its ServiceAccount."""
    return f"{pod.metadata.namespace}/{pod.spec.service_account_name}" if pod else "None"


class Address(NamedTuple):
    """What one list says of one address and port."""

    address: str
    port: int
    ready: bool
    leaving: bool


LISTS = ("EndpointSlice", "Endpoints")


def addresses(one: Thing, service: Thing, port: Thing) -> set[Address]:
    """What a list says of the addresses behind one port of a Service; ports go by their names."""
    found: set[Address] = set()
    name = one.metadata.name
    if one.kind == "EndpointSlice":
        name = one.metadata.labels.get("kubernetes.io/service-name")
    if service.spec.selector or name != service.metadata.name:
        return found
    if one.kind == "Endpoints":
        for subset in one.subsets:
            told = {True: subset.addresses, False: subset.not_ready_addresses}
            for p in (p for p in subset.ports if is_port(p, port)):
                every = [(a.ip, ready) for ready, some in told.items() for a in some]
                found |= {Address(ip, p.port, ready, False) for ip, ready in every}
        return found
    for p in (p for p in one.ports if is_port(p, port) and one.address_type != "FQDN"):
        for e in one.endpoints:
            said = e.conditions
            ready = said.ready in {None, True}
            serving = ready if said.serving is None else said.serving
            leaving = said.terminating is True and serving
            found.add(Address(e.addresses[0], p.port, ready, leaving))
    return found


def is_port(written: Thing, port: Thing) -> bool:
    return (written.name, written.protocol) == (port.name, port.protocol)


def takes_traffic(service: Thing, pod: Thing) -> bool:
    """Whether it is behind a Service and ready, or published before it is."""
    published = service.spec.publish_not_ready_addresses and pod.status.pod_ip
    is_there = is_ready(pod) or (published and not has_ended(pod))
    return bool(is_there) and selects(service.spec.selector, pod)


def has_ended(pod: Thing) -> bool:
    return pod.status.phase in {"Succeeded", "Failed"}


def is_running(thing: Thing) -> bool:
    """Whether it is a pod that has an address of its own."""
    return thing.kind == "Pod" and not has_ended(thing)


def is_ready(pod: Thing) -> bool:
    said = {condition.type: condition.status for condition in pod.status.conditions}
    return said.get("Ready") == "True" and bool(pod.status.pod_ip) and not has_ended(pod)


def names(pod: Thing) -> dict[str, str]:
    """How questions name the pod."""
    return {"pod": pod.metadata.name, "sa": pod.spec.service_account_name}


def is_asked(port: Thing, number: int, asked: Thing) -> bool:
    transport = "UDP" if asked.protocol == "udp" else "TCP"
    return (port.port, port.protocol) == (number, transport)


def carried(asked: Thing, services: Iterable[Thing], number: int) -> Thing:
    """What servers get of it: a sidecar looks for HTTP at a port of HTTP, at one of bytes never."""
    if "/" in asked.target.partition("/")[2]:
        return asked  # it names pods
    for port in (p for s in services for p in s.spec.ports if is_asked(p, number, asked)):
        word = re.split("-", (port.app_protocol or port.name).lower())[0]
        if is_http(asked) and word not in HTTP and (port.app_protocol or word in BYTES):
            return replace(asked, protocol="tcp")
        if asked.protocol == "tcp" and word in HTTP:
            return replace(asked, protocol="http", method="")
    return asked


def target_port(port: Thing, pod: Thing) -> int | None:
    """The port of the pod that a Service's port leads to."""
    if not isinstance(port.target_port, str):
        return int(port.target_port or port.port)
    offered = [p for container in pod.spec.containers for p in container.ports]
    named = [p for p in offered if (p.name, p.protocol) == (port.target_port, port.protocol)]
    return int(named[0].container_port) if named else None


def is_incomplete(thing: Thing) -> bool:
    """Whether a part of it, which an older version could not say, was lost on the way back."""
    known = {f"conversion.smi-mesh.io/{name}" for name in ("destination-port", "weights")}
    ours = {
        name for name in thing.metadata.annotations if name.startswith("conversion.smi-mesh.io/")
    }
    return "smi-spec.io/" in thing.api_version and not ours <= known


def kind(reference: Thing) -> str:
    """The kind of an identity; of another group than the kind's own it is none that is known."""
    own = {"IdentityBinding": "access.smi-spec.io"}.get(reference.kind)
    return str(reference.kind) if (reference.group or own) == own else ""


def destination_port(target: Thing) -> int | None:
    """2.2(6): the port of v1alpha1 and v1alpha2; 0, which nobody has, where it is damaged."""
    text = target.metadata.annotations.get("conversion.smi-mesh.io/destination-port")
    if text is None:
        return None
    sound = re.fullmatch("[1-9][0-9]*", text, re.ASCII) and len(text) < 6
    return int(text) if sound and int(text) < 65536 else 0


def root_of(split: Thing) -> str | None:
    """A13: `name`, `name.ns` or `name.ns.svc...`, of the split's own namespace."""
    ns = re.escape(split.metadata.namespace)
    found = re.fullmatch(rf"([^.]+)(\.{ns}(\.svc(\..+)?)?)?\.?", split.spec.service.lower())
    return found[1] if found else None


def is_route_group(reference: Thing) -> bool:
    return (reference.kind, reference.api_group or "specs.smi-spec.io") == (
        "HTTPRouteGroup",
        "specs.smi-spec.io",
    )


def is_http(asked: Thing) -> bool:
    return asked.protocol in {"http", "h2"}


def absolute(target: str) -> tuple[str, str] | None:
    """Host (with its port) and path of an absolute URI; `None` where Envoy takes it for none."""
    uri = re.fullmatch(r"(?i)https?://(?:[^@/?]*@)?([^/?]*)(/.*)?", target)
    if uri is None:
        return None
    name, colon, port = re.fullmatch(r"(\[.*\]|[^:]*)(:?)(.*)", uri[1]).groups()  # type: ignore[union-attr]
    sound = re.fullmatch(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]", name)
    numbered = not colon or (port.isdecimal() and int(port) < 65536)
    return (uri[1], uri[2] or "/") if sound and numbered else None


def is_sendable(asked: Thing, http2: bool) -> bool:
    """Whether method and headers are an HTTP request's. Envoy takes 100 headers, in 60 KiB."""
    names = [name.lower() for name, _ in asked.headers]
    size = sum(map(len, [asked.path, *names, *(value for _, value in asked.headers)]))
    bound = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}
    bad = http2 and (bound & {*names} or {v for n, v in asked.headers if n == "te"} - {"trailers"})
    words = all(re.fullmatch(r"(?a:[\w!#$%&'*+.^`|~-]+)", word) for word in (asked.method, *names))
    tidy = not any(re.search(r"[^\t -~\x80-\uffff]", value) for _, value in asked.headers)
    few = len(names) + (4 if http2 else 1) <= 100 and size <= 60 * 1024
    return few and words and tidy and not bad and asked.method != "CONNECT"


@lru_cache(maxsize=256)
def normal(asked: Thing) -> str | None:
    """The request target as sidecars forward it; `None` where they refuse it."""
    target, http2 = asked.path, asked.protocol == "h2"
    if not is_sendable(asked, http2):
        return None
    if not all(char > " " and char not in "#\x7f" and (http2 or char < "\x80") for char in target):
        return None
    uri = None if http2 else absolute(target)
    path, mark, query = (uri[1] if uri else target).partition("?")
    if not path.startswith("/") or "%00" in path:
        return None
    path = "/".join(re.sub("^([.][.]?);.*", r"\1", segment) for segment in path.split("/"))
    path = "".join(char if char < "\x80" else quote(char) for char in path)
    units = [_plain(unit) for unit in re.findall("%[0-9A-Fa-f]{2}|.", path)]
    # A lone `%` before what only decoding made a number would begin an escape.
    path = "".join(
        "%25" if re.fullmatch("%,[0-9A-Fa-f],[0-9A-Fa-f]", ",".join(units[i : i + 3])) else unit
        for i, unit in enumerate(units)
    )
    path = re.sub('["<>^`{|}]', lambda char: f"%{ord(char[0]):02X}", path).replace("\\", "/")
    kept: list[str] = []
    for segment in re.findall("/[^/]*", path):
        if segment == "/..":
            del kept[-1:]
        elif segment != "/.":
            kept.append(segment)
    end = "/" if path.endswith(("/.", "/..")) or not kept else ""
    return re.sub("/+", "/", "".join(kept) + end) + mark + query


def is_refused(asked: Thing, matches: Iterable[Thing]) -> bool:
    """Whether it is answered by 400: no path, or an escaped slash where a path has a say."""
    path = normal(asked) if is_http(asked) else ""
    escaped = path and re.search("(?i)%2f|%5c|/[.]{1,2};", path.partition("?")[0])
    return path is None or bool(escaped and any(match.path_regex for match in matches))


def _plain(escape: str) -> str:
    char = unquote(escape, encoding="latin-1")
    return char if re.fullmatch("[A-Za-z0-9._~-]", char) else escape


def is_sound(match: Thing) -> bool:
    """Whether RE2 takes all that is written."""
    try:
        for regex in (match.path_regex or "", *(regex for _, regex in match.headers)):
            re2.compile(regex.encode(), OPTIONS)
    except re2.error:
        return False
    names = [name.lower() for name, _ in match.headers]
    hop = {"connection", "proxy-connection", "keep-alive", "transfer-encoding", "te"}
    ours = {n for n in names if re.fullmatch("x-envoy-.*|x-forwarded-(client-cert|proto)", n)}
    words = all(re.fullmatch(r"[\w!#$%&'*+.^`|~-]+|:authority", name) for name in names)
    return words and not ours and not hop & {*names}


def holds(match: Thing, asked: Thing, host: str) -> bool:
    """A3: the path (no query) from its start. A4: whole header values. A24: `*` is any method."""
    path = normal(asked) if is_http(asked) else None
    if path is None or not is_sound(match):
        return False
    if match.methods and not {"*", asked.method} & set(match.methods):
        return False
    start = re2.compile((match.path_regex or "").encode(), OPTIONS)
    if not start.match(path.partition("?")[0].encode()):
        return False
    return all(_is_whole(regex, _value(name, asked, host)) for name, regex in match.headers)


def any_holds(matches: Iterable[Thing], asked: Thing, host: str) -> bool:
    return any(holds(match, asked, host) for match in matches)


def _value(name: str, asked: Thing, host: str) -> str | None:
    lower = name.lower()
    if lower in {"host", ":authority"}:
        lines = [v.strip(" \t") for n, v in asked.headers if n.lower() == "host"]
        if asked.protocol == "h2":
            return asked.authority or host
        uri = absolute(asked.path)
        return uri[0] if uri else ",".join([asked.authority or host, *lines])
    values = [value.strip(" \t") for written, value in asked.headers if written.lower() == lower]
    crumbs = lower == "cookie" and asked.protocol == "h2"  # RFC 9113, 8.2.3
    return ("; " if crumbs else ",").join(values) if values else None


def _is_whole(regex: str, value: str | None) -> bool:
    compiled = re2.compile(regex.encode(), OPTIONS)
    return value is not None and compiled.fullmatch(value.encode()) is not None


def mode(things: list[Thing], ns: str, default: str) -> str:
    """What the Namespace asks for; it is the destination's that counts. Unknown words: strict."""
    here = [t for t in things if (t.kind, t.metadata.name) == ("Namespace", ns)]
    asked = [t.metadata.annotations.get("smi-mesh.io/mode", default) for t in here]
    wanted: str = asked[0] if asked else default
    return wanted if wanted in {"permissive", "audit"} else "strict"
