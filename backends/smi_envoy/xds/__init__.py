"""Incremental aggregated discovery (delta ADS): a protocol that has never heard of the mesh.

Pure: resources, snapshot, session, subscription, state, turn, stream, wire: values and steps.
Shells: cache owns the shared contents and wakes streams over a channel, secrets owns private
keys, connection runs one stream, server owns the socket.
Imports smi_envoy.pb and nothing else of this project. Private keys never enter the cache.
"""
