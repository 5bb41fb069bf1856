"""The Service Mesh Interface: its objects, what they mean, and a mesh that does it.

The library's three words are `smi.load`, `smi.compile` and `smi.decide`; each is imported when it
is first asked for, so that `import smi` costs nothing. Everything else is imported from its room.
"""

import importlib

__version__ = "0.1.0"

_WORDS = {
    "load": "smi.sources.files",
    "compile": "smi.compiler.compile",
    "decide": "smi.decision.decide",
}


def __getattr__(name: str) -> object:
    if name not in _WORDS:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(_WORDS[name]), name)
