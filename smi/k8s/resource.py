"""What every Kubernetes object has: an API version, a kind, and a name in a namespace."""

from typing import NamedTuple

from smi.k8s.meta_v1 import ObjectMeta, OpenObjectMeta
from smi.k8s.shape import OpenShape, Shape


class NamespacedName(NamedTuple):
    """Where one object of a kind lives; the namespace is empty for one that lives in none."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Resource(Shape):
    """A Kubernetes object of any kind."""

    api_version: str
    kind: str
    metadata: ObjectMeta

    @property
    def key(self) -> NamespacedName:
        """Namespace and name: what tells it from the others of its kind."""
        return NamespacedName(self.metadata.namespace, self.metadata.name)


class OpenResource(Resource, OpenShape):
    """A Kubernetes object that keeps all that is written in it.

    `status` is what a controller says of it, and no part of what it means.
    """

    metadata: OpenObjectMeta
    status: object = None
