"""What `smi compile` prints: a mesh, or what one of its proxies is told."""

import json
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import typer
import yaml

from smi.backend import LocalBackend
from smi.cli import settings
from smi.cli.diagnostics import ordered
from smi.cli.manifests import loaded
from smi.compiler.compile import compile as compiled
from smi.compiler.state import MeshWide, collect
from smi.errors import InvalidRequest
from smi.model.diagnostic import Diagnostic
from smi.model.mesh import Mesh
from smi.model.plain import as_plain
from smi.sources.files import Loaded
from smi.standalone.acceptance import Accepted, accepted
from smi.standalone.addressing import Machine
from smi.standalone.report import Report

# A machine on which nothing runs yet, the same every time, so that outputs can be compared.
_MACHINE = Machine("127.81.0", UUID(int=0), lambda *_: True)
_ONE_LINE = 10_000  # YAML folds longer lines: beyond any regular expression or message


def print_mesh(manifests: Path, wide: MeshWide) -> None:
    """Print the mesh as YAML, sorted, and what was found wrong to standard error."""
    every = loaded(manifests).all()
    compilation = compiled(collect((m.resource for m in every), {}, *wide))
    _print_findings(ordered(compilation.diagnostics, every, None))
    plain = as_plain(compilation.mesh)
    typer.echo(
        yaml.dump(plain, Dumper=yaml.CSafeDumper, sort_keys=False, width=_ONE_LINE), nl=False
    )


def print_proxy(
    manifests: Path, proxy: str, data_plane: type[LocalBackend], wide: MeshWide
) -> None:
    """Print what `data_plane` tells the proxy of the pod `proxy` as JSON, keys left out."""
    mesh, findings = _running(loaded(manifests), wide)
    _print_findings(findings)
    names = {str(name): name for name, pod in mesh.workloads.items() if pod.meshed}
    if proxy not in names:
        known = ", ".join(sorted(names)) or "none"
        message = f"there is no pod {proxy} with a sidecar; the pods are: {known}"
        raise InvalidRequest(message)
    with TemporaryDirectory(prefix="smi-") as directory:
        local = data_plane.on_this_machine(Path(directory), wide.trust_domain, settings.now)
        rendered = local.render(mesh, names[proxy])
    typer.echo(json.dumps(rendered, indent=2, sort_keys=True))


def _running(found: Loaded, wide: MeshWide) -> tuple[Mesh, tuple[Diagnostic, ...]]:
    """The mesh once all that can run on this machine does, and what keeps the rest from it."""
    state = accepted(found.manifests, _MACHINE, Accepted(wide=wide))
    running = {name: (replica, True) for name, replica in state.plan.replicas.items()}
    return Report().update(state, running), state.findings


def _print_findings(findings: Iterable[Diagnostic]) -> None:
    for finding in findings:
        typer.echo(f"{finding.severity}: {finding}", err=True)
