"""meta/v1: the metadata of every object, and how one object selects others by label."""

from collections.abc import Mapping

from pydantic import Field, field_validator

from smi.k8s.shape import Name, OpenShape, Shape, Whole


class OwnerReference(OpenShape):
    """What created an object and takes it along when it goes."""

    kind: str
    name: Name


class ObjectMeta(Shape):
    """Who an object is.

    An absent or empty namespace is `default`. Timestamps are RFC 3339 text: when it was created,
    None where it did not come from an API server (such an object has no `uid` and `generation` 0),
    and when it is to be gone, None where it is to stay.
    """

    name: Name
    namespace: str = "default"
    uid: str = ""
    labels: Mapping[str, str] = Field(default_factory=dict)
    annotations: Mapping[str, str] = Field(default_factory=dict)
    owner_references: tuple[OwnerReference, ...] = ()
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    generation: Whole = 0

    @field_validator("namespace", mode="before")
    @classmethod
    def _fill_namespace(cls, value: object) -> object:
        return "default" if value == "" else value


class OpenObjectMeta(ObjectMeta, OpenShape):
    """The metadata of an object that is written again: managers, finalizers and all are kept."""


class ServedMeta(OpenObjectMeta):
    """The metadata of what is made when it is asked for, and of lists: it may have no name."""

    name: str = ""


class LabelSelector(Shape):
    """Objects that carry all of `match_labels`."""

    match_labels: Mapping[str, str] = Field(default_factory=dict)
