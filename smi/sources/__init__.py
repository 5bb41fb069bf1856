"""Where a ClusterState comes from: manifests in files.

May import smi.compiler.state, smi.scheme, smi.model and the API groups. Does I/O; decides nothing.
Nothing that a user wrote raises here, except in `load`, which is for programs that want it so.
"""
