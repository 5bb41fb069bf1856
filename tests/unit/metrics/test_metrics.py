from fractions import Fraction
from typing import Any

import pytest

from smi import metrics, scheme
from smi.errors import InvalidResource
from smi.k8s.resource import NamespacedName
from smi.metrics import v1alpha1
from smi.metrics.readings import seconds

Document = dict[str, Any]

# The examples of the text of v1alpha1, which names the kind only.
POD = {"name": "foo-775b9cbd88-ntxsl", "namespace": "foobar", "kind": "Pod"}
METRICS: list[Document] = [
    {"name": "p99_response_latency", "unit": "seconds", "value": "10m"},
    {"name": "p90_response_latency", "unit": "seconds", "value": "10m"},
    {"name": "p50_response_latency", "unit": "seconds", "value": "10m"},
    {"name": "success_count", "value": 100},
    {"name": "failure_count", "value": 100},
]
ITEM: Document = {
    "resource": POD,
    "edge": {"direction": "from", "side": "client", "resource": {}},
    "backend": {"apex": "my-service", "name": "my-service-v1", "weight": 90},
    "timestamp": "2019-04-08T22:25:55Z",
    "window": "30s",
    "metrics": METRICS,
}
OLD = {"apiVersion": "metrics.smi-spec.io/v1alpha1", "kind": "TrafficMetrics"}
LIST = {"apiVersion": "metrics.smi-spec.io/v1alpha1", "kind": "TrafficMetricsList"}


def decoded(document: Document) -> Any:  # noqa: ANN401 - of any version
    read = scheme.decode(document)
    assert read is not None
    return read


def wrong(**fields: Any) -> str:  # noqa: ANN401
    with pytest.raises(InvalidResource) as caught:
        scheme.decode(OLD | ITEM | fields)
    return str(caught.value)


def test_example_of_the_text_is_read_and_written_as_it_is() -> None:
    document = OLD | ITEM
    read = decoded(document)
    assert isinstance(read, v1alpha1.TrafficMetrics)
    assert scheme.encode(read) == document
    assert scheme.unknown_fields(read) == ()
    assert read.key == NamespacedName("foobar", "foo-775b9cbd88-ntxsl")
    assert read.window is not None
    assert read.window.seconds == 30
    assert read.metrics[0].value.value == Fraction(1, 100)


def test_what_go_writes_of_nothing_is_absent() -> None:
    empty = {"edge": None, "timestamp": None, "metadata": {"creationTimestamp": None}}
    read = decoded(OLD | {"resource": POD, "metrics": []} | empty)
    assert (read.edge, read.timestamp, read.window, read.metadata.name) == (None, None, None, "")


def test_list_has_items_that_leave_out_what_they_are() -> None:
    named = ITEM | OLD | {"metadata": {"name": "x", "selfLink": "/y"}}
    document = LIST | {
        "metadata": {"selfLink": "/z"},
        "resource": {"kind": "Pod"},
        "selector": {"matchLabels": {"app": "foo"}, "matchExpressions": []},
        "items": [ITEM, named],
    }
    read = decoded(document)
    assert scheme.encode(read) == document
    assert scheme.unknown_fields(read) == ("selector.matchExpressions",)
    assert read.key == NamespacedName("", "")
    hub = scheme.to_hub(read)
    assert isinstance(hub, metrics.TrafficMetricsList)
    assert {item.api_version for item in hub.items} == {"metrics.smi-spec.io/v1alpha2"}
    assert scheme.convert(hub, "v1alpha1") == read


def test_list_of_nothing_that_can_be_listed_converts() -> None:
    for items in (None, 5, [5, None, {"apiVersion": "v1"}]):
        document = LIST | {"items": items}
        led = scheme.convert_document(document, "v1alpha2")
        assert led == document | {"apiVersion": "metrics.smi-spec.io/v1alpha2"}


def test_number_keeps_its_unit_at_every_version() -> None:
    hub = scheme.to_hub(decoded(OLD | ITEM))
    assert isinstance(hub, metrics.TrafficMetrics)
    assert [metric.unit for metric in hub.metrics] == ["seconds"] * 3 + [None] * 2
    assert {seconds("seconds", m.value) for m in hub.metrics[:3]} == {Fraction(1, 100)}
    slow = decoded(OLD | ITEM | {"metrics": [METRICS[0] | {"unit": "ms", "value": "296875m"}]})
    assert seconds("ms", slow.metrics[0].value) == Fraction(296875, 10**6)
    assert seconds(None, slow.metrics[0].value) is None


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"window": "30"}, "window: should be a duration as Go writes it: 30s or 1m30s"),
        ({"timestamp": "today"}, "timestamp: should be a time of RFC 3339: 2019-04-08T22:25:55Z"),
        ({"metrics": [{"name": "x", "value": "many"}]}, "value: should be a quantity: 100"),
        ({"metrics": {}}, "write metrics: [{name: success_count, value: 100}]"),
        ({"resource": None}, "is missing; write resource: {kind: Pod, namespace: shop"),
        ({"edge": {}}, "edge.direction: is missing; write direction: to"),
    ],
)
def test_what_cannot_be_read_is_told_what_to_write(fields: Document, told: str) -> None:
    assert told in wrong(**fields)


def test_wrong_metrics_are_named_by_the_resource_that_they_are_of() -> None:
    assert wrong(window=1).startswith("TrafficMetrics foobar/foo-775b9cbd88-ntxsl: window: ")
