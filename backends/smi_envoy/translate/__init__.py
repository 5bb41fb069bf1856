"""The mesh in Envoy's words: pure functions from values of `smi.model` to protobuf messages.

A resource is a function of the entries of the mesh that it names, so that proxies share it and a
change rebuilds no other (`parts`, `translator`). Keys and tokens never pass through here.
May import: smi.k8s, smi.model, smi_envoy.pb, smi_envoy.xds.{resources,snapshot}. Never: I/O.
"""
