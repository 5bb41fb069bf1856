"""split.smi-spec.io: TrafficSplit, its versions and what turns them into the hub, v1alpha4.

May import smi.k8s, smi.errors and, to say what is wrong, smi.model. Pure. Exports the hub kinds.

Versions: `smi.split.v1alpha1`, `smi.split.v1alpha2`, `smi.split.v1alpha3`, `smi.split.v1alpha4`.
"""

from smi.split.v1alpha4 import TrafficSplit

__all__ = ["TrafficSplit"]
