"""The Kubernetes vocabulary: the objects a mesh reads, as frozen values.

May import smi.errors and pydantic. Pure: no I/O, no clock. Knows nothing of SMI.
Fields that a mesh has no use for are not here; a core kind ignores what it does not know.
"""
