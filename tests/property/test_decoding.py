"""Whatever stands in a document, decoding it ends with an object or an InvalidResource."""

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from smi import scheme
from smi.errors import InvalidResource, Problem
from smi.sources.documents import Document, Fault, documents
from smi.sources.files import read_text

Json = Any
HUBS = {
    "access.smi-spec.io": "access.smi-spec.io/v1alpha4",
    "specs.smi-spec.io": "specs.smi-spec.io/v1alpha4",
    "split.smi-spec.io": "split.smi-spec.io/v1alpha4",
    "metrics.smi-spec.io": "metrics.smi-spec.io/v1alpha2",
}
FIELDS = st.sampled_from(
    [
        "apiVersion",
        "kind",
        "metadata",
        "name",
        "namespace",
        "labels",
        "spec",
        "matches",
        "headers",
        "ports",
        "methods",
        "pathRegex",
        "rules",
        "sources",
        "destination",
        "schemes",
        "backends",
        "service",
        "weight",
        "items",
        "template",
        "containers",
        "selector",
        "targetPort",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(FIELDS | st.text(max_size=3), inner)
    ),
    max_leaves=20,
)
NAMES = st.text(alphabet="abc-", min_size=1, max_size=4)
SUBJECTS = st.fixed_dictionaries(
    {"kind": st.just("ServiceAccount"), "name": NAMES}, optional={"namespace": NAMES}
)
RULES = st.fixed_dictionaries(
    {"kind": st.sampled_from(["HTTPRouteGroup", "TCPRoute"]), "name": NAMES},
    optional={"matches": st.lists(NAMES, max_size=2)},
)
HEADERS = st.dictionaries(NAMES, st.text(max_size=4), max_size=3)
PORTS = st.lists(st.integers(1, 65535) | st.integers(1, 65535).map(str), max_size=3)
MEASURED = st.fixed_dictionaries(
    {
        "resource": st.fixed_dictionaries({}, optional={"kind": NAMES, "name": NAMES}),
        "metrics": st.just([{"name": "success_count", "value": "10m"}]),
    },
    optional={"window": st.just("30s"), "edge": st.just({"direction": "to"})},
)
SPECS = {
    "TrafficTarget": st.fixed_dictionaries(
        {
            "destination": SUBJECTS,
            "rules": st.lists(RULES, min_size=1, max_size=2),
            "sources": st.lists(SUBJECTS, min_size=1, max_size=2),
        }
    ),
    "IdentityBinding": st.fixed_dictionaries(
        {"schemes": st.fixed_dictionaries({"serviceAccount": NAMES})}
    ),
    "HTTPRouteGroup": st.fixed_dictionaries(
        {"matches": st.lists(st.fixed_dictionaries({"name": NAMES, "headers": HEADERS}))}
    ),
    "TCPRoute": st.fixed_dictionaries({"matches": st.fixed_dictionaries({"ports": PORTS})}),
    "UDPRoute": st.fixed_dictionaries({"matches": st.fixed_dictionaries({"ports": PORTS})}),
    "TrafficSplit": st.fixed_dictionaries(
        {
            "service": NAMES,
            "backends": st.lists(
                st.fixed_dictionaries({"service": NAMES, "weight": st.integers(0, 1000)})
            ),
        }
    ),
    "TrafficMetrics": MEASURED,
    "TrafficMetricsList": st.fixed_dictionaries({"items": st.lists(MEASURED, max_size=2)}),
    "Pod": st.just({"containers": [{"name": "a", "ports": [{"containerPort": 80}]}]}),
    "Service": st.just({"ports": [{"port": 80, "targetPort": "http"}], "selector": {"a": "b"}}),
    "ServiceAccount": st.just({}),
    "Namespace": st.just({}),
    "EndpointSlice": st.just(
        {"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{"port": 80}]}
    ),
    "Endpoints": st.just(
        {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]}
    ),
}
TEMPLATED = st.just({"template": {"spec": {"containers": [{"name": "a"}]}}})


@st.composite
def valid_documents(draw: st.DrawFn) -> dict[str, Json]:
    kind = draw(st.sampled_from(scheme.kinds()))
    spec: Json = draw(SPECS.get(kind.kind, TEMPLATED))
    metadata = st.fixed_dictionaries({"name": NAMES}, optional={"namespace": NAMES})
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": draw(metadata),
        **_written(kind, spec),
    }


def _written(kind: scheme.Kind, spec: dict[str, Json]) -> dict[str, Json]:
    """What the hub has in its spec, as it is written at an older version."""
    match kind.api_version.rpartition("/")[2], kind.kind:
        case "v1alpha1", "TrafficTarget":
            return {"specs" if name == "rules" else name: spec[name] for name in spec}
        case "v1alpha1", "HTTPRouteGroup":
            return {"matches": [{"name": match["name"]} for match in spec["matches"]]}
        case (_, "TrafficMetrics" | "TrafficMetricsList") | ("v1alpha2", "HTTPRouteGroup"):
            return spec
        case "v1alpha1" | "v1alpha2" | "v1alpha3", "TCPRoute":
            return {}
        case _, "EndpointSlice" | "Endpoints":
            return spec
        case _:
            return {"spec": spec}


@st.composite
def mutated_documents(draw: st.DrawFn) -> dict[str, Json]:
    document = copy.deepcopy(draw(valid_documents()))
    for _ in range(draw(st.integers(1, 3))):
        _mutate(draw, document)
    return document


def _mutate(draw: st.DrawFn, value: Json) -> None:
    while True:
        key: Json = draw(st.sampled_from(sorted(value) if isinstance(value, dict) else [0]))
        child = value[key]
        if not isinstance(child, dict | list) or not child or draw(st.booleans()):
            break
        value = child
    if isinstance(value, dict) and draw(st.booleans()):
        value[draw(FIELDS)] = draw(VALUES)
    else:
        value[key] = draw(VALUES)


def survives(document: Json) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        resource = scheme.decode(document)
        if resource is not None:
            scheme.unknown_fields(scheme.to_hub(resource))
    except InvalidResource as error:
        problems = error.problems
    assert all(problem.message for problem in problems)


@given(VALUES)
def test_any_value_decodes_or_is_invalid(value: Json) -> None:
    survives(value)


@given(st.sampled_from(scheme.kinds()), st.dictionaries(FIELDS, VALUES))
def test_any_value_of_a_known_kind_decodes_or_is_invalid(
    kind: scheme.Kind, fields: dict[str, Json]
) -> None:
    survives(fields | {"apiVersion": kind.api_version, "kind": kind.kind})


@given(mutated_documents())
def test_a_mutated_document_decodes_or_is_invalid(document: dict[str, Json]) -> None:
    survives(document)


@given(valid_documents())
def test_a_valid_document_reaches_its_hub(document: dict[str, Json]) -> None:
    resource = scheme.decode(document)
    assert resource is not None
    hub = scheme.to_hub(resource)
    group = document["apiVersion"].partition("/")[0]
    assert hub.api_version == HUBS.get(group, document["apiVersion"])
    assert (hub.kind, hub.key, hub.metadata) == (resource.kind, resource.key, resource.metadata)
    assert scheme.to_hub(hub) is hub


@given(valid_documents())
def test_encoding_and_decoding_are_inverse(document: dict[str, Json]) -> None:
    resource = scheme.decode(document)
    assert resource is not None
    assert type(resource).model_validate(resource.model_dump(exclude_unset=True)) == resource


@given(HEADERS)
def test_headers_as_a_map_and_as_a_list_are_the_same(headers: dict[str, str]) -> None:
    def group(written: Json) -> Json:
        match = {"name": "a", "headers": written}
        return scheme.decode(
            {
                "apiVersion": "specs.smi-spec.io/v1alpha4",
                "kind": "HTTPRouteGroup",
                "metadata": {"name": "g"},
                "spec": {"matches": [match]},
            }
        )

    listed = [{name: regex} for name, regex in headers.items()]
    assert group(headers) == group(listed)
    assert group(listed).spec.matches[0].headers == tuple(headers.items())


@given(st.text(alphabet="ab:-[]{}&*!?|>'\"#%@, \n\t.<01", max_size=60))
def test_any_text_is_documents_and_faults(text: str) -> None:
    for document in documents(text):
        match document:
            case Document():
                assert all(1 <= line <= text.count("\n") + 1 for line in document.lines.values())
            case Fault():
                assert 1 <= document.line <= text.count("\n") + 2
    read_text(text, "shop.yaml")


@given(st.lists(valid_documents(), max_size=3))
def test_json_in_a_file_is_what_it_is_in_memory(written: list[dict[str, Json]]) -> None:
    text = "\n---\n".join(json.dumps(document, indent=1) for document in written)
    read = [document.value for document in documents(text) if isinstance(document, Document)]
    assert read == written
