"""decide(mesh, request) → Decision: the executable meaning of the mesh.

May import: smi.errors, smi.k8s, smi.model. Never: SMI kinds, I/O, a data plane.
"""
