"""A question of `smi explain`, from the words on the command line to the printed answer."""

import json
from collections.abc import Iterable
from pathlib import Path

import typer
from rich.console import Console

from smi.cli.answer import answered, as_json
from smi.cli.answer_text import as_text
from smi.cli.manifests import loaded
from smi.compiler.state import MeshWide
from smi.decision.judge import Verdict
from smi.decision.request import Protocol, Request
from smi.errors import InvalidRequest


def written_request(
    source: str,
    target: str,
    protocol: str,
    method: str,
    path: str,
    authority: str,
    headers: Iterable[str],
) -> Request:
    """The request that the words mean. Raises InvalidRequest."""
    if protocol not in set(Protocol):
        message = f"there is no protocol {protocol!r}: write {', '.join(Protocol)}"
        raise InvalidRequest(message)
    return Request(
        source=source,
        target=target,
        protocol=Protocol(protocol),
        method=method,
        path=path,
        authority=authority,
        headers=tuple(_header(header) for header in headers),
    )


def _header(written: str) -> tuple[str, str]:
    name, sign, value = written.partition("=")
    if not sign or not name.strip():
        message = f"cannot read the header {written!r}: write NAME=VALUE"
        raise InvalidRequest(message)
    if name.lower() == "host" or name.startswith(":"):
        message = f"{name!r} is not a header of its own: write --authority, --method or --path"
        raise InvalidRequest(message)
    return name, value


def ask(manifests: Path, request: Request, output: str, wide: MeshWide) -> bool:
    """Print what becomes of `request`; whether it reaches the application, wherever it goes."""
    if output not in {"text", "json"}:
        message = f"there is no output {output!r}: write text or json"
        raise InvalidRequest(message)
    answer = answered(loaded(manifests).all(), request, wide)
    if output == "json":
        typer.echo(json.dumps(as_json(answer), indent=2))
    else:
        Console().print(as_text(answer), soft_wrap=True, highlight=False)
    return answer.decision.verdict is Verdict.ALLOW
