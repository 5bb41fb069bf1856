"""specs.smi-spec.io: HTTPRouteGroup, TCPRoute and UDPRoute; the hub is v1alpha4.

May import smi.k8s, smi.errors and, to say what is wrong, smi.model. Pure. Exports the hub kinds.

Versions: `smi.specs.v1alpha1`, `smi.specs.v1alpha2`, `smi.specs.v1alpha3`, `smi.specs.v1alpha4`.
"""

from smi.specs.v1alpha4 import HTTPRouteGroup, TCPRoute, UDPRoute

__all__ = ["HTTPRouteGroup", "TCPRoute", "UDPRoute"]
