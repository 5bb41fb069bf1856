"""What `smi crds` prints."""

from base64 import b64encode
from pathlib import Path

import typer
import yaml

from smi.cli.manifests import text_of
from smi.crds import Webhook, definitions
from smi.errors import InvalidRequest
from smi.k8s.resource import NamespacedName


class _Dumper(yaml.SafeDumper):
    """Writes what occurs in several places out in each."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the name is PyYAML's
        return True


def print_definitions(service: str | None, url: str | None, ca_bundle: Path | None) -> None:
    """Print the definitions of all kinds, converted by a Service, at a URL, or by nobody."""
    made = definitions(_webhook(service, url, ca_bundle))
    typer.echo(yaml.dump_all(made, Dumper=_Dumper, sort_keys=False, width=10_000), nl=False)


def _webhook(service: str | None, url: str | None, ca_bundle: Path | None) -> Webhook | None:
    certificates = b64encode(text_of(ca_bundle).encode()).decode() if ca_bundle else ""
    if service and url:
        raise InvalidRequest("write --webhook-service or --webhook-url, not both")
    if url:
        if not url.startswith("https://"):
            message = f"the API server asks by https only, not {url}"
            raise InvalidRequest(message)
        return Webhook(url, ca_bundle=certificates)
    if service:
        namespace, slash, name = service.partition("/")
        if not slash or not namespace or not name:
            message = f"write --webhook-service as NAMESPACE/NAME, not {service}"
            raise InvalidRequest(message)
        return Webhook(NamespacedName(namespace, name), ca_bundle=certificates)
    if ca_bundle:
        raise InvalidRequest("--ca-bundle is of who converts: write --webhook-service too")
    return None
