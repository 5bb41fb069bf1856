"""The CustomResourceDefinitions of all groups, and how the API server finds who converts."""

from dataclasses import dataclass

from smi.access import schema as access_schema
from smi.k8s.crd import definition
from smi.k8s.document import Document
from smi.k8s.resource import NamespacedName
from smi.specs import schema as specs_schema
from smi.split import schema as split_schema

KINDS = (*access_schema.KINDS, *specs_schema.KINDS, *split_schema.KINDS)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who converts: a Service of the cluster, or a URL. `ca_bundle` is base64 of PEM, or empty."""

    at: NamespacedName | str
    path: str = "/convert"
    port: int = 443
    ca_bundle: str = ""


def definitions(webhook: Webhook | None = None) -> tuple[Document, ...]:
    """A CustomResourceDefinition for each kind; with a `webhook` all versions are served."""
    conversion = None if webhook is None else _conversion(webhook)
    # A kind of one version has nothing to convert.
    return tuple(definition(kind, conversion if len(kind.versions) > 1 else None) for kind in KINDS)


def _conversion(webhook: Webhook) -> Document:
    client: Document = {"caBundle": webhook.ca_bundle} if webhook.ca_bundle else {}
    if isinstance(webhook.at, str):
        client["url"] = webhook.at
    else:
        client["service"] = {
            "namespace": webhook.at.namespace,
            "name": webhook.at.name,
            "path": webhook.path,
            "port": webhook.port,
        }
    return {
        "strategy": "Webhook",
        "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": client},
    }
