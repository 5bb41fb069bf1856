from smi import scheme
from smi.split import TrafficSplit
from smi.split.validation import traffic_split


def found(service: str, *backends: tuple[str, int], match: str = "") -> list[tuple[str, str, str]]:
    written = scheme.decode(
        {
            "apiVersion": "split.smi-spec.io/v1alpha4",
            "kind": "TrafficSplit",
            "metadata": {"name": "s", "namespace": "shop"},
            "spec": {
                "service": service,
                "backends": [{"service": name, "weight": weight} for name, weight in backends],
                "matches": [{"kind": match, "name": "x"}] if match else [],
            },
        }
    )
    assert isinstance(written, TrafficSplit)
    return [(str(d.severity), d.field, d.reason) for d in traffic_split(written)]


def test_split_that_says_what_it_means_has_nothing_wrong() -> None:
    assert found("web", ("v1", 0), ("v2", 1), match="HTTPRouteGroup") == []


def test_what_is_odd_is_told_whatever_services_there_are() -> None:
    assert found("web.shop.svc", ("a", 1), ("web", 1), ("a", 1), match="TCPRoute") == [
        ("warning", "spec.backends[1].service", "SelfReference"),
        ("warning", "spec.backends[2].service", "DuplicateBackend"),
        ("error", "spec.matches[0].kind", "UnknownMatchKind"),
    ]
    assert found("web.pay", ("web", 0)) == [("warning", "spec.backends", "NoWeight")]
    assert found("web") == [("warning", "spec.backends", "NoWeight")]
