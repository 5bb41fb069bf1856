"""The Service whose requests a TrafficSplit divides."""

from smi.split.v1alpha4 import TrafficSplit


def split_root(traffic_split: TrafficSplit) -> str | None:
    """The name of the root Service in the split's namespace, or `None` if it is not there.

    Accepts `name`, `name.namespace`, `name.namespace.svc` and `name.namespace.svc.<domain>`, in
    whatever case and with a last dot, as DNS does.
    """
    name, *rest = traffic_split.spec.service.lower().removesuffix(".").split(".")
    match rest:
        case [] | [_] | [_, "svc", *_] if not rest or rest[0] == traffic_split.key.namespace:
            return name
        case _:
            return None
