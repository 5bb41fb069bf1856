"""What the command line says of the whole mesh, read and checked."""

from smi.compiler.state import MeshWide
from smi.errors import InvalidRequest
from smi.model.identity import is_trust_domain
from smi.model.inbound import Mode


def mesh_wide(trust_domain: str, default_mode: str) -> MeshWide:
    """What holds in a whole mesh and stands in no manifest. Raises InvalidRequest."""
    if not is_trust_domain(trust_domain):
        message = (
            f"{trust_domain!r} is no trust domain: write lower case letters, digits, '.', '-'"
            " and '_', as in cluster.local"
        )
        raise InvalidRequest(message)
    if default_mode not in set(Mode):
        message = f"there is no mode {default_mode!r}: write {', '.join(Mode)}"
        raise InvalidRequest(message)
    return MeshWide(trust_domain, Mode(default_mode))
