"""What an API server asks us about objects: whether, and as what, it may keep or give them.

`conversion` is pure, Review → Review; `server` answers on the wire. May import smi.scheme and what
is below. Needs the extra `controller`. Nothing here decides what an object means.
"""
