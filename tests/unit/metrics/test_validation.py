from typing import Any

import pytest

from smi import metrics, scheme
from smi.metrics.validation import traffic_metrics, traffic_metrics_list
from tests.unit.metrics.test_metrics import ITEM, LIST, METRICS, OLD

Document = dict[str, Any]


def found(**fields: Any) -> list[tuple[str, str, str]]:  # noqa: ANN401
    resource = {"kind": "TrafficSplit", "name": "web"}
    hub = scheme.decode(OLD | ITEM | {"resource": resource} | fields)
    assert hub is not None
    hub = scheme.to_hub(hub)
    assert isinstance(hub, metrics.TrafficMetrics)
    return [(str(d.severity), d.field, d.reason) for d in traffic_metrics(hub)]


def measured(index: int, **fields: Any) -> list[Document]:  # noqa: ANN401
    return [m | fields if i == index else m for i, m in enumerate(METRICS)]


def test_example_of_the_text_has_nothing_wrong() -> None:
    assert found() == []
    assert found(edge=None) == []


@pytest.mark.parametrize(
    ("fields", "finding"),
    [
        ({"edge": {"direction": ""}}, ("error", "edge.direction", "UnknownDirection")),
        (
            {"edge": {"direction": "to", "side": "top"}},
            ("error", "edge.side", "UnknownSide"),
        ),
        ({"resource": {"kind": "Pod"}}, ("warning", "backend", "UnexpectedBackend")),
        ({"timestamp": None}, ("warning", "timestamp", "MissingTimestamp")),
        ({"window": None}, ("warning", "window", "MissingWindow")),
        ({"window": "0s"}, ("error", "window", "InvalidWindow")),
        ({"window": "-1s"}, ("error", "window", "InvalidWindow")),
        ({"metrics": METRICS[:4]}, ("warning", "metrics", "MissingMetric")),
        (
            {"metrics": [*METRICS, METRICS[0]]},
            ("warning", "metrics[5].name", "DuplicateMetric"),
        ),
        (
            {"metrics": [*METRICS, {"name": "rps", "value": 1}]},
            ("error", "metrics[5].name", "UnknownMetric"),
        ),
        ({"metrics": measured(0, unit="s")}, ("error", "metrics[0].unit", "UnknownUnit")),
        ({"metrics": measured(0, unit=None)}, ("error", "metrics[0].unit", "UnknownUnit")),
        ({"metrics": measured(3, unit="ms")}, ("error", "metrics[3].unit", "UnknownUnit")),
        ({"metrics": measured(4, value=-1)}, ("error", "metrics[4].value", "NegativeValue")),
        ({"metrics": measured(2, value="11m")}, ("warning", "metrics", "LatenciesOutOfOrder")),
    ],
)
def test_what_is_wrong_is_found_alone(fields: Document, finding: tuple[str, str, str]) -> None:
    assert found(**fields) == [finding]


def test_latencies_of_two_units_are_compared_as_times() -> None:
    assert found(metrics=measured(2, unit="ms", value="9.9")) == []
    (finding,) = found(metrics=measured(2, unit="ms", value="10.1"))
    assert finding[2] == "LatenciesOutOfOrder"


def test_item_of_a_list_is_named_by_its_place() -> None:
    hub = scheme.decode(LIST | {"items": [ITEM, ITEM | {"window": "0s"}]})
    assert hub is not None
    hub = scheme.to_hub(hub)
    assert isinstance(hub, metrics.TrafficMetricsList)
    fields = [d.field for d in traffic_metrics_list(hub)]
    assert fields == ["items[0].backend", "items[1].backend", "items[1].window"]
