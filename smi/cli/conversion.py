"""What `smi convert` prints."""

from pathlib import Path

import typer

from smi.cli.manifests import text_of
from smi.errors import InvalidResource
from smi.scheme import kinds
from smi.sources.conversion import converted
from smi.sources.files import read_text


def print_converted(path: Path, version: str) -> None:
    """Print the manifests of `path` at `version`, and to standard error what has none such.

    Raises InvalidResource where an object of SMI cannot be read: nobody knows what it should say.
    """
    text = text_of(path)
    result = converted(text, version)
    _, problems = read_text(text, "<stdin>" if str(path) == "-" else str(path))
    ours = {kind.kind for kind in kinds() if "smi-spec.io/" in kind.api_version}
    wrong = [problem for problem in problems if problem.kind in {*ours, ""}]
    if wrong:
        raise InvalidResource(wrong)
    typer.echo(result.text, nl=False)
    for left in result.left:
        typer.echo(f"note: {left.kind} has no {version}: left at {left.api_version}", err=True)
