"""The data planes that are installed, by name."""

from importlib.metadata import EntryPoints, entry_points

from smi.backend import LocalBackend
from smi.errors import InvalidRequest, MissingExtra

_GROUP = "smi.backends"


def local_backend(name: str, found: EntryPoints | None = None) -> type[LocalBackend]:
    """The data plane `name`, to run on this machine; `found` stands for what is installed.

    Raises InvalidRequest for a name that is not installed or cannot do that, and MissingExtra
    where what it needs is not installed.
    """
    found = entry_points(group=_GROUP) if found is None else found
    if name not in found.names:
        known = ", ".join(sorted(found.names)) or "none"
        message = f"there is no backend {name!r}; installed: {known}"
        raise InvalidRequest(message)
    try:
        backend = found[name].load()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == found[name].module.partition(".")[0]:
            raise
        message = f"the backend {name!r} needs {error.name}: pip install 'smi-mesh[{name}]'"
        raise MissingExtra(message) from error
    if not hasattr(backend, "on_this_machine"):
        message = f"the backend {name!r} does not run on one machine"
        raise InvalidRequest(message)
    local: type[LocalBackend] = backend
    return local
