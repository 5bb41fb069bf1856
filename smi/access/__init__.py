"""access.smi-spec.io: TrafficTarget and IdentityBinding; the hub is v1alpha4.

May import smi.k8s, smi.errors and, to say what is wrong, smi.model. Pure. Exports the hub kinds.

Versions: `smi.access.v1alpha1`, `smi.access.v1alpha2`, `smi.access.v1alpha3`,
`smi.access.v1alpha4`.
"""

from smi.access.v1alpha4 import IdentityBinding, TrafficTarget

__all__ = ["IdentityBinding", "TrafficTarget"]
