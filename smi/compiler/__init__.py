"""ClusterState → Mesh + Diagnostics: what the objects mean, worked out once for every reader.

May import: smi.k8s, the API groups, smi.scheme, smi.model. Never: I/O, a data plane.
Each unit is a pure function of what it reads; `memo` runs again only those whose reads changed.
"""
