"""The built-in certificate authority and the tokens of the one-machine mode.

spiffe, rotation and rollover are pure; authority issues SVIDs under a root; roots leads from one
root to the next; store keeps keys in files that only their owner reads; tokens issues and verifies
what a proxy proves itself with.
May import smi.model, smi.errors and smi_envoy.xds.session. Never logs, and no repr shows a key.
"""
