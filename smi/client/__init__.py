"""The Kubernetes API on the wire: typed objects read, listed, watched, written.

`calls`, `failures`, `objects`, `status` and `watching` are pure; `cluster`, `connection` and
`client` do I/O, and import aiohttp and kubernetes_asyncio only when a cluster is asked.
May import smi.scheme, smi.k8s and smi.errors. Knows nothing of a mesh and decides nothing.
"""
