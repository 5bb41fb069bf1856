"""The mesh as a value: what every proxy needs to know, in words that no specification owns.

May import: smi.k8s. Never: SMI kinds, I/O, any data plane.
"""
