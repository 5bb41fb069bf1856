"""A real API server that serves every version of every kind of SMI."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from smi.crds import definitions
from tests.integration.kube_api.api_server import ApiServer, api_server, collection, until
from tests.integration.webhook.process import converter

Document = dict[str, Any]


@contextmanager
def serving(binaries: Path, state: Path) -> Iterator[ApiServer]:
    """The definitions and somebody who converts, until the block ends."""
    with converter(state) as webhook, api_server(binaries, state) as started:
        # First as they are without a converter, and then as they are with one.
        for made in (definitions(), definitions(webhook)):
            for definition in made:
                _apply(started, definition)
        for definition in definitions(webhook):
            _establish(started, definition)
        yield started


def _apply(server: ApiServer, definition: Document) -> None:
    answer = server.create(definition)
    if answer.status == 409:
        there = server.ask("GET", f"{collection(definition)}/{definition['metadata']['name']}").body
        metadata = definition["metadata"] | {
            "resourceVersion": there["metadata"]["resourceVersion"]
        }
        answer = server.replace(definition | {"metadata": metadata})
    assert answer.status in {200, 201}, answer.body.get("message", "")[-300:]


def _establish(server: ApiServer, definition: Document) -> None:
    path = f"{collection(definition)}/{definition['metadata']['name']}"

    def conditions() -> dict[str, str]:
        found = server.ask("GET", path).body.get("status", {}).get("conditions", ())
        return {condition["type"]: condition["status"] for condition in found}

    until(lambda: conditions().get("Established") == "True")
    assert conditions().get("NonStructuralSchema", "False") == "False"
    spec = definition["spec"]
    for version in spec["versions"]:
        served = f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}"
        until(lambda path=served: server.ask("GET", path).status == 200)
