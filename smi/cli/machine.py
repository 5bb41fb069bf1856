"""This machine as the place of one run: its state directory, its terminal, its time."""

import asyncio
import os
from hashlib import sha256
from pathlib import Path

import typer

from smi.cli import backends, settings
from smi.compiler.state import MeshWide
from smi.errors import SmiError
from smi.standalone import state_directory
from smi.standalone.addressing import Machine
from smi.standalone.pod import Surroundings
from smi.standalone.run import Places, Run
from smi.standalone.screen import Pipe, Screen

_WIDE = 200  # columns where there is no terminal to say how many it has


def run_here(
    manifests: Path,
    state_dir: Path | None,
    backend: str,
    wide: MeshWide,
    *,
    as_json: bool,
    quiet: bool,
    duration: float | None,
) -> None:
    """Run the mesh of `manifests` until it is stopped; no process of it is left then."""
    variables = settings.environment()
    state = (state_dir or settings.state_directory(variables)).absolute()
    data_plane = backends.local_backend(backend)
    state_directory.prepare(state)
    with state_directory.locked(state), _screen(as_json=as_json, quiet=quiet) as screen:
        killed = state_directory.sweep(state)
        if killed:
            screen.note(f"killed {len(killed)} processes that an earlier run left behind")
        mesh = Run(
            Places(manifests, state),
            data_plane.on_this_machine(state, wide.trust_domain, settings.now),
            Machine(_network(state), settings.salt(), settings.is_free),
            Surroundings(
                {**variables, state_directory.MARKER: str(state)}, settings.clock(), screen.log
            ),
            screen,
            wide,
        )
        try:
            asyncio.run(mesh.run(duration))
        except asyncio.CancelledError:
            raise typer.Exit(130) from None  # 128 + SIGINT, as shells count
        except ExceptionGroup as errors:
            raise _first(errors) from errors
        finally:
            state_directory.sweep(state)


def _first(errors: ExceptionGroup) -> Exception:
    """The error of this product that `errors` are about, or `errors` if there is none."""
    known: Exception | None = errors.subgroup(SmiError)
    while isinstance(known, ExceptionGroup):
        known = known.exceptions[0]
    return known or errors


def _screen(*, as_json: bool, quiet: bool) -> Screen:
    out, err = Pipe(), Pipe(stderr=True)
    if not out.is_terminal:
        out.width = _WIDE
    return Screen(out, err, as_json=as_json, quiet=quiet)


def _network(state: Path) -> str:
    """The /24 of the loopback that goes with a state directory; never the one of localhost."""
    digest = sha256(os.fsencode(state)).digest()
    return f"127.{1 + digest[0] % 255}.{digest[1]}"
