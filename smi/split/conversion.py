"""Older TrafficSplits as the hub version. Every field means the same in all of them."""

from smi.split import v1alpha2, v1alpha3, v1alpha4

HUB = {"apiVersion": "split.smi-spec.io/v1alpha4"}


def v1alpha2_to_hub(split: v1alpha2.TrafficSplit) -> v1alpha4.TrafficSplit:
    """The same split; it has no matches, so it is of all requests."""
    return v1alpha4.TrafficSplit.model_validate(split.model_dump(exclude_unset=True) | HUB)


def v1alpha3_to_hub(split: v1alpha3.TrafficSplit) -> v1alpha4.TrafficSplit:
    """The same split under another name: v1alpha4 relabels v1alpha3."""
    return v1alpha4.TrafficSplit.model_validate(split.model_dump(exclude_unset=True) | HUB)
