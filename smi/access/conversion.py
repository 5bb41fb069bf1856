"""Older access objects as the hub version."""

from smi.access import v1alpha3, v1alpha4


def v1alpha3_to_hub(target: v1alpha3.TrafficTarget) -> v1alpha4.TrafficTarget:
    """The same target: every identity that v1alpha3 can name is a service account."""
    document = target.model_dump(exclude_unset=True)
    return v1alpha4.TrafficTarget.model_validate(
        document | {"apiVersion": "access.smi-spec.io/v1alpha4"}
    )
