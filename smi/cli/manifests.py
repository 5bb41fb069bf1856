"""The manifests that a command is asked about."""

import sys
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


def text_of(path: Path) -> str:
    """The text of a file, or of standard input (`-`). Raises SmiError where it cannot be read."""
    try:
        if str(path) == "-":
            return sys.stdin.read()
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        message = f"{path}: cannot be read: it is not text in UTF-8"
    raise SmiError(message)
