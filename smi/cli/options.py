"""Options that several commands have. Imports nothing that `smi --help` would have to wait for."""

from typing import Annotated

import typer

TrustDomain = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="The trust domain of all identities, as in spiffe://NAME/ns/..."
    ),
]
DefaultMode = Annotated[
    str,
    typer.Option(
        metavar="strict|permissive|audit",
        help="The mode of namespaces without the annotation smi-mesh.io/mode.",
    ),
]
