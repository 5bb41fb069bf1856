"""Where TrafficTargets have their fields: in the spec, and at v1alpha1 at the root."""

from typing import Final

from smi.k8s.elsewhere import refuse_at_root, refuse_in_spec

AT_ROOT: Final = {"destination": "destination", "rules": "specs", "sources": "sources"}
"""What v1alpha1 calls the fields of later versions' spec."""

refuse_fields_of_spec = refuse_in_spec(AT_ROOT)
refuse_fields_of_root = refuse_at_root({at: f"spec.{name}" for name, at in AT_ROOT.items()})
