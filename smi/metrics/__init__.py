"""metrics.smi-spec.io: TrafficMetrics and lists of them; the hub is v1alpha2.

May import smi.k8s, smi.errors and, to say what is wrong, smi.model. Pure. Exports the hub kinds.
They are served by an aggregated API and never stored: no CustomResourceDefinition is theirs.
"""

from smi.metrics.v1alpha2 import TrafficMetrics, TrafficMetricsList

__all__ = ["TrafficMetrics", "TrafficMetricsList"]
