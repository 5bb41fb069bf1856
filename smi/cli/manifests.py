"""The manifests that a command is asked about."""

from pathlib import Path

from smi.errors import InvalidResource, SmiError
from smi.sources.files import Loaded, emptiness, read


def loaded(path: Path) -> Loaded:
    """What a file, a directory or standard input (`-`) holds.

    Raises InvalidResource with every problem, and SmiError where there is nothing at all.
    """
    found = read(path)
    if found.problems:
        raise InvalidResource(found.problems)
    if not found.all():
        raise SmiError(emptiness(path, found))
    return found
