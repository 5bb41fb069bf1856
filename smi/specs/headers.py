"""The two ways to write a match's headers: a map, or a list of maps with one key each."""

from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer
from pydantic_core import PydanticCustomError


def header_pairs(value: object) -> object:
    """(name, regex) pairs in the order written; a list may name a header twice.

    The text of v0.6.0 and the sdk's CRD have a list, that of the main branch a map: both are read.
    """
    if isinstance(value, tuple):
        return value
    if isinstance(value, dict):
        return tuple(_pair(name, regex, f".{name}") for name, regex in value.items())
    if isinstance(value, list):
        return tuple(_only_pair(entry, f"[{index}]") for index, entry in enumerate(value))
    raise _wrong("", "should be a map of header names to regular expressions")


def _only_pair(entry: object, at: str) -> tuple[str, str]:
    if not isinstance(entry, dict) or len(entry) != 1:
        raise _wrong(at, "should be one header and its regular expression, as in user-agent: .*")
    ((name, regex),) = entry.items()
    return _pair(name, regex, f"{at}.{name}")


def _pair(name: object, regex: object, at: str) -> tuple[str, str]:
    if not isinstance(name, str) or not name:
        raise _wrong(at, "should have the name of a header before the colon")
    if not isinstance(regex, str):
        raise _wrong(at, "should be a regular expression; put it in quotes")
    return name, regex


def _wrong(at: str, message: str) -> PydanticCustomError:
    return PydanticCustomError("headers", "{message}", {"message": message, "at": at})


def _as_list(pairs: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    # The form that the sdk can read and that holds everything: order, and a name twice.
    return [{name: regex} for name, regex in pairs]


Headers = Annotated[
    tuple[tuple[str, str], ...], BeforeValidator(header_pairs), PlainSerializer(_as_list)
]
