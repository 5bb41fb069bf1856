"""`smi crds`: what makes an API server know the objects of SMI."""

from pathlib import Path
from typing import Annotated

import typer


def crds(
    *,
    webhook_service: Annotated[
        str | None,
        typer.Option(metavar="NS/NAME", help="The Service that converts between versions."),
    ] = None,
    webhook_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The address that does, in place of it.")
    ] = None,
    ca_bundle: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="PEM certificates by which it is known."),
    ] = None,
) -> None:
    """Print the CustomResourceDefinitions of all kinds as YAML.

    With somebody who converts, every version is served; else those that mean the same as the stored
    one, v1alpha4: the API server by itself drops what a version does not have. TrafficMetrics have
    none: they are never stored.

    Example: smi crds | kubectl apply -f -
    Example: smi crds --webhook-service smi-mesh/controller --ca-bundle ca.pem | kubectl apply -f -
    """
    # `smi --help` must not wait for all the schemas.
    from smi.cli.definitions import print_definitions  # noqa: PLC0415

    print_definitions(webhook_service, webhook_url, ca_bundle)
