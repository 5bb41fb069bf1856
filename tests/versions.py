"""Documents of every kind of SMI at every version, as hypothesis finds them.

They are written as the wire writes them: no nulls, and no field whose absence says the same to
every reader of its version (an empty list of rules where rules are optional).
"""

from typing import Any

from hypothesis import strategies as st

from smi import scheme

Document = dict[str, Any]
Documents = st.SearchStrategy[Document]

SMI = tuple(kind for kind in scheme.kinds() if "smi-spec.io/" in kind.api_version)
STORED = tuple(kind for kind in SMI if not kind.api_version.startswith("metrics."))
HUB = "v1alpha4"  # of all that is stored

NAMES = st.sampled_from(("a", "b", "c", "api"))
PORTS = st.integers(1, 65535)
EXTRAS = st.dictionaries(
    st.sampled_from(("x-odd", "newField")), st.sampled_from((1, "y", [], {"z": [1]})), max_size=1
)
METHODS = st.lists(st.sampled_from(("*", "GET", "POST")), max_size=2)
PATHS = st.sampled_from(("", ".*", "/a", "/b"))
HEADER_NAMES = st.sampled_from(("x-user", "cookie"))
HEADERS = st.dictionaries(HEADER_NAMES, PATHS, max_size=2) | st.lists(
    st.dictionaries(HEADER_NAMES, PATHS, min_size=1, max_size=1), max_size=2
)
QUANTITIES = st.sampled_from(
    (0, 1, 90, "1", "0", "500m", "10m", "1500m", "0.5", "1k", "1Ki", "3e2", "7u", "1n", "+5", ".5")
)
WEIGHTS = st.integers(0, 2**63 - 1) | st.integers(0, 100)
METADATA = st.fixed_dictionaries(
    {"name": NAMES},
    optional={
        "namespace": NAMES,
        "labels": st.just({"a": "b"}),
        "annotations": st.just({"example.org/note": "kept"}),
        "finalizers": st.just(["example.org/wait"]),
        "managedFields": st.just([{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}]),
        "ownerReferences": st.just([{"kind": "X", "name": "y", "uid": "1", "controller": True}]),
        "resourceVersion": st.just("7"),
        "generation": st.just(3),
    },
)


def _shape(required: dict[str, Any], **optional: Any) -> Documents:  # noqa: ANN401
    known = st.fixed_dictionaries(required, optional=optional)
    return st.builds(lambda fields, extras: {**extras, **fields}, known, EXTRAS)


def _match(version: str) -> Documents:
    headers = {} if version == "v1alpha1" else {"headers": HEADERS}
    return _shape({"name": NAMES}, pathRegex=PATHS, methods=METHODS, **headers)


def _identity(version: str, **more: Any) -> Documents:  # noqa: ANN401
    hub = version == HUB
    kinds = st.sampled_from(("ServiceAccount", "IdentityBinding") if hub else ("ServiceAccount",))
    if hub:
        more["group"] = st.just("access.smi-spec.io")
    return _shape({"kind": kinds, "name": NAMES}, namespace=NAMES, **more)


def _rule(version: str) -> Documents:
    newer = ("UDPRoute",) if version in {"v1alpha3", HUB} else ()
    kinds = st.sampled_from(("HTTPRouteGroup", "TCPRoute", *newer))
    return _shape({"kind": kinds, "name": NAMES}, matches=st.lists(NAMES, max_size=2))


def _target(version: str) -> Documents:
    old = version in {"v1alpha1", "v1alpha2"}
    destination = _identity(version, **({"port": PORTS} if old else {}))
    rules = st.lists(_rule(version), min_size=1, max_size=4)
    sources = st.lists(_identity(version), min_size=1, max_size=3)
    if not old:
        return _shape({"destination": destination, "rules": rules, "sources": sources})
    if version == "v1alpha2":
        return _shape({"destination": destination}, rules=rules, sources=sources)
    return _shape({"destination": destination}, specs=rules, sources=sources)


def _split(version: str) -> Documents:
    weight = QUANTITIES if version == "v1alpha1" else WEIGHTS
    backends = st.lists(_shape({"service": NAMES, "weight": weight}), max_size=4)
    match = _shape({"kind": st.just("HTTPRouteGroup"), "name": NAMES}, apiGroup=st.just("specs"))
    newer = {"matches": st.lists(match, max_size=2)} if version in {"v1alpha3", HUB} else {}
    return _shape({"service": NAMES, "backends": backends}, **newer)


def _binding(version: str) -> Documents:
    ids = st.lists(NAMES, min_size=1, max_size=2)
    # A selector may have nothing that is not known.
    labels = st.fixed_dictionaries({"matchLabels": st.just({"app": "web"})})
    return _shape(
        {
            "schemes": _shape({"serviceAccount": NAMES}, spiffeIdentities=ids)
            | _shape({"podLabelSelector": labels}, spiffeIdentities=ids)
            | _shape({"spiffeIdentities": ids})
        }
    )


def _route(version: str) -> Documents:
    if version == HUB:
        return _shape({"matches": _shape({}, ports=st.lists(PORTS, max_size=3), name=NAMES)})
    return _shape({})


def _group(version: str) -> Documents:
    return _shape({"matches": st.lists(_match(version), max_size=4)})


REFERENCES = _shape({}, kind=st.sampled_from(("Pod", "TrafficSplit")), namespace=NAMES, name=NAMES)
TIMES = st.sampled_from(
    ("2019-04-08T22:25:55Z", "2026-01-01T00:00:00.123456789+02:00", "2024-02-29T12:00:00-11:30")
)
WINDOWS = st.sampled_from(("30s", "1m30s", "1.5h", "-1ms", "0", "+7us3ns"))
MEASURED = st.sampled_from(("p99_response_latency", "p50_response_latency", "success_count", "x"))


def _metrics(version: str) -> Documents:
    direction = st.sampled_from(("to", "from", ""))
    side = st.sampled_from(("client", "server", ""))
    backend = _shape({"apex": NAMES, "name": NAMES, "weight": WEIGHTS})
    metric = _shape(
        {"name": MEASURED, "value": QUANTITIES}, unit=st.sampled_from(("seconds", "ms"))
    )
    return _shape(
        {"resource": REFERENCES, "metrics": st.lists(metric, max_size=3)},
        edge=_shape({"direction": direction}, side=side, resource=REFERENCES),
        backend=backend,
        timestamp=TIMES,
        window=WINDOWS,
    )


def _metrics_list(version: str) -> Documents:
    said = {"apiVersion": f"metrics.smi-spec.io/{version}", "kind": "TrafficMetrics"}
    item = st.builds(lambda i, s: i | s, _metrics(version), st.sampled_from(({}, said)))
    selector = _shape({}, matchLabels=st.just({"app": "web"}))
    listed = {"items": st.lists(item, max_size=3)}
    return _shape(listed, resource=REFERENCES, selector=selector)


_SPECS = {
    "TrafficMetrics": _metrics,
    "TrafficMetricsList": _metrics_list,
    "TrafficTarget": _target,
    "IdentityBinding": _binding,
    "HTTPRouteGroup": _group,
    "TCPRoute": _route,
    "UDPRoute": _route,
    "TrafficSplit": _split,
}
_MEASUREMENTS = ("TrafficMetrics", "TrafficMetricsList")
_AT_ROOT = {
    *((version, kind) for version in ("v1alpha1", "v1alpha2") for kind in _MEASUREMENTS),
    ("v1alpha1", "TrafficTarget"),
    ("v1alpha1", "HTTPRouteGroup"),
    ("v1alpha2", "HTTPRouteGroup"),
    ("v1alpha1", "TCPRoute"),
    ("v1alpha2", "TCPRoute"),
}


def version_of(kind: scheme.Kind) -> str:
    """The version of a kind, without its group."""
    return kind.api_version.rpartition("/")[2]


@st.composite
def documents(draw: st.DrawFn, kind: scheme.Kind | None = None) -> Document:
    """A document of `kind`, or of any kind and version."""
    of = draw(st.sampled_from(SMI)) if kind is None else kind
    spec: Document = draw(_SPECS[of.kind](version_of(of)))
    root = spec if (version_of(of), of.kind) in _AT_ROOT else {"spec": spec}
    status: Document = draw(st.sampled_from(({}, {"status": {"conditions": []}})))
    said = {"apiVersion": of.api_version, "kind": of.kind, "metadata": draw(METADATA)}
    return {**root, **status, **said}


def versions(kind: str) -> list[str]:
    """The versions of a kind of SMI, oldest first."""
    return [version_of(known) for known in SMI if known.kind == kind]
