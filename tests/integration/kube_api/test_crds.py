"""A real API server takes the CustomResourceDefinitions, and keeps what it is given."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from smi import scheme
from smi.errors import InvalidResource
from tests import versions
from tests.integration.kube_api.api_server import ApiServer
from tests.integration.kube_api.serving import serving

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*/*.yaml"))
CASES = sorted((ROOT / "tests" / "golden").glob("*/cluster.yaml"))

pytestmark = pytest.mark.kube_api

Document = dict[str, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server of its own, with the definitions and somebody who converts."""
    binaries = Path(os.environ["KUBEBUILDER_ASSETS"])
    with serving(binaries, tmp_path_factory.mktemp("kube-api")) as started:
        yield started


def written(file: Path) -> list[Document]:
    """The objects of SMI in a file that can be read."""
    documents = [d for d in yaml.safe_load_all(file.read_text()) if d]
    return [d for d in documents if "smi-spec.io/" in d["apiVersion"] and _is_read(d)]


def _is_read(document: Document) -> bool:
    try:
        return scheme.decode(document) is not None
    except InvalidResource:
        return False


def space(server: ApiServer, name: str) -> str:
    """A new namespace."""
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    assert server.create(made).status == 201
    return name


def content(document: Document) -> Document:
    """What somebody wrote."""
    return {name: value for name, value in document.items() if name != "metadata"}


@pytest.mark.parametrize("file", [*EXAMPLES, *CASES], ids=lambda file: file.parent.name)
def test_object_is_taken_given_back_and_taken_again_at_every_version(
    server: ApiServer, file: Path
) -> None:
    namespace = space(server, f"{file.parent.name}-{file.stem}")
    for document in written(file):
        made = document | {"metadata": document["metadata"] | {"namespace": namespace}}
        answer = server.create(made)
        if answer.status == 422 and "Unsupported value" in answer.body["message"]:
            continue  # a kind that there is not: the schema says so sooner than the compiler
        assert answer.status == 201, answer.body["message"]
        own = versions.version_of(scheme.Kind(made["apiVersion"], made["kind"]))
        stored = server.read(made, versions.HUB)
        assert content(stored) == content(scheme.convert_document(made, versions.HUB))
        for version in versions.versions(made["kind"]):
            read = server.read(made, version)
            assert content(scheme.convert_document(read, own)) == content(server.read(made, own))
            put = server.replace(read)
            assert put.status == 200, put.body["message"]
            assert content(server.read(made, versions.HUB)) == content(stored)


def test_weights_that_are_put_at_v1alpha2_keep_the_matches(server: ApiServer) -> None:
    namespace = space(server, "flagger")
    split = {
        "apiVersion": "split.smi-spec.io/v1alpha4",
        "kind": "TrafficSplit",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "service": "web",
            "backends": [{"service": "v1", "weight": 100}, {"service": "v2", "weight": 0}],
            "matches": [{"kind": "HTTPRouteGroup", "name": "beta"}],
        },
    }
    assert server.create(split).status == 201
    older = server.read(split, "v1alpha2")
    assert "matches" not in older["spec"]
    older["spec"]["backends"][1]["weight"] = 50
    assert server.replace(older).status == 200
    newer = server.read(split, "v1alpha4")
    assert newer["spec"]["matches"] == split["spec"]["matches"]  # type: ignore[index]
    assert [backend["weight"] for backend in newer["spec"]["backends"]] == [100, 50]
    assert server.read(split, "v1alpha1")["spec"]["backends"][0]["weight"] == 100


@pytest.mark.parametrize(
    ("api_version", "kind", "spec", "told"),
    [
        ("split.smi-spec.io/v1alpha2", "TrafficSplit", {"service": "a"}, "spec.backends: Required"),
        (
            "specs.smi-spec.io/v1alpha4",
            "TCPRoute",
            {"matches": {"ports": [0]}},
            "spec.matches.port",
        ),
        (
            "specs.smi-spec.io/v1alpha3",
            "TCPRoute",
            {"matches": {"ports": [80]}},
            '"spec" must not validate',
        ),
        ("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", {}, "is without matches; write spec"),
        (
            "access.smi-spec.io/v1alpha4",
            "IdentityBinding",
            {"schemes": {"podLabelSelector": {"matchLabels": {"a": "b"}}, "serviceAccount": "c"}},
            '"spec.schemes" must not validate',
        ),
    ],
)
def test_object_that_would_mean_something_else_is_refused(
    server: ApiServer, api_version: str, kind: str, spec: Document, told: str
) -> None:
    metadata = {"name": "x", "namespace": "default"}
    made = {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
    answer = server.create(made)
    assert answer.status == 422
    assert told in answer.body["message"]
