from typing import Any

import pytest

from smi import scheme
from smi.errors import InvalidResource

Workload = Any  # one of four classes: the tests read what all of them have
TEMPLATE = {
    "metadata": {"labels": {"app": "web"}, "name": "ignored"},
    "spec": {"containers": [{"name": "app"}]},
}


def workload(api_version: str, kind: str, **spec: object) -> Workload:
    metadata = {"name": "web", "namespace": "shop", "generation": 3}
    return scheme.decode(
        {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
    )


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("batch/v1", "Job"),
    ],
)
def test_every_workload_has_a_template(api_version: str, kind: str) -> None:
    decoded = workload(api_version, kind, template=TEMPLATE)
    assert type(decoded).__name__ == kind
    assert decoded.spec.template.metadata.labels == {"app": "web"}
    assert decoded.metadata.generation == 3


def test_a_template_without_metadata_gives_no_labels() -> None:
    decoded = workload("apps/v1", "Deployment", template={"spec": {}})
    assert decoded.spec.template.metadata.labels == {}


def test_replicas_are_none_where_they_are_not_written() -> None:
    assert workload("apps/v1", "Deployment", template=TEMPLATE).spec.replicas is None
    assert workload("apps/v1", "Deployment", template=TEMPLATE, replicas=0).spec.replicas == 0


def test_negative_replicas_are_refused() -> None:
    with pytest.raises(InvalidResource, match=r"spec\.replicas: should be 0 or more, not -1"):
        workload("apps/v1", "StatefulSet", template=TEMPLATE, replicas=-1)
