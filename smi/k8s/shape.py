"""How the shapes of outside data behave, and the field types that all of them share."""

import re
from collections.abc import Sized
from typing import Annotated, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, PydanticKnownError

T = TypeVar("T", bound=Sized)

_PORT_TEXT = re.compile(r"[1-9][0-9]*")


class Shape(BaseModel):
    """A frozen object of outside data; fields that it does not know are ignored.

    A field given as null counts as absent, as it does for the Kubernetes API server.
    """

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        serialize_by_alias=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: object) -> object:
        if isinstance(data, dict) and None in data.values():
            return {key: value for key, value in data.items() if value is not None}
        return data


class OpenShape(Shape):
    """A shape that keeps the fields that it does not know, so that somebody can warn of them."""

    model_config = ConfigDict(extra="allow")


CONVERTED = {"converted": True}
"""The context in which a shape is made from an object that was sound at an older version."""


def _refuse_empty(value: T, info: ValidationInfo) -> T:
    # What is empty grants nothing. An older version may allow that, and must convert.
    if not value and info.context != CONVERTED:
        context = {"field_type": "Field", "min_length": 1, "actual_length": 0}
        raise PydanticKnownError("too_short", context)
    return value


def _refuse_booleans(value: object) -> object:
    # A YAML `yes` is the number 1 to Python.
    if isinstance(value, bool):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return value


def _refuse_odd_text(value: object) -> object:
    # "8_080" and "08080" are numbers to Python, and not to the definitions of the kinds.
    if isinstance(value, str) and not _PORT_TEXT.fullmatch(value):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return _refuse_booleans(value)


def _number_or_name(value: object) -> object:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 5:
        value = int(value)
    if isinstance(value, str) and value:
        return value
    if type(value) is not int or not 1 <= value <= 65535:
        raise PydanticCustomError("port_or_name", "should be a port number or the name of a port")
    return value


def _refuse_quantities(value: object) -> object:
    # A weight of split v1alpha1 is a quantity ("500m"); text is not guessed at.
    if isinstance(value, str):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return _refuse_booleans(value)


# Not min_length: pydantic counts only the valid items, and so calls a list of one bad item empty.
NotEmpty = AfterValidator(_refuse_empty)
Name = Annotated[str, StringConstraints(min_length=1)]
Whole = Annotated[int, BeforeValidator(_refuse_booleans)]
Count = Annotated[Whole, Field(ge=0)]
PortNumber = Annotated[int, BeforeValidator(_refuse_odd_text), Field(ge=1, le=65535)]
PortOrName = Annotated[int | str, BeforeValidator(_number_or_name)]
# The Go type of a weight is int: 64 bits.
Weight = Annotated[int, BeforeValidator(_refuse_quantities), Field(ge=0, le=2**63 - 1)]
