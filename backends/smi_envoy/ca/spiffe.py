"""What a SPIFFE ID may look like (SPIFFE-ID specification, section 2)."""

import re
from typing import NamedTuple

from smi.model.identity import is_trust_domain

_SCHEME = "spiffe://"
_MAX_ID = (
    2048  # > SPIFFE IDs [...] MUST support [...] up to 2048 bytes, MUST NOT generate longer (2.3)
)
_SEGMENT = re.compile(r"[a-zA-Z0-9._-]+")


class InvalidSpiffeId(ValueError):
    """The text is not a SPIFFE ID, or not a trust domain."""


class SpiffeIdParts(NamedTuple):
    """A SPIFFE ID taken apart; the ID of a trust domain itself has an empty path."""

    trust_domain: str
    path: tuple[str, ...]


def checked_trust_domain(text: str) -> str:
    """`text` if it can name a trust domain; raises `InvalidSpiffeId` otherwise."""
    if not is_trust_domain(text):
        message = f"not a trust domain (lower case letters, digits, '.', '-', '_'): {text!r}"
        raise InvalidSpiffeId(message)
    return text


def trust_domain_id(trust_domain: str) -> str:
    """The SPIFFE ID of a trust domain itself, which its root certificate carries."""
    return _SCHEME + checked_trust_domain(trust_domain)


def parse(text: str) -> SpiffeIdParts:
    """The parts of a SPIFFE ID; raises `InvalidSpiffeId` if `text` is none.

    > Path segments MUST NOT be empty, `.` or `..`; a trailing `/` MUST NOT be present. (2.2)
    """
    if not text.startswith(_SCHEME) or len(text.encode()) > _MAX_ID:
        message = f"not a SPIFFE ID: {text!r}"
        raise InvalidSpiffeId(message)
    trust_domain, *path = text.removeprefix(_SCHEME).split("/")
    checked_trust_domain(trust_domain)
    if any(part in {".", ".."} or not _SEGMENT.fullmatch(part) for part in path):
        message = f"not the path of a SPIFFE ID: {text!r}"
        raise InvalidSpiffeId(message)
    return SpiffeIdParts(trust_domain, tuple(path))
