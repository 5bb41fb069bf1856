"""What is wrong in a route group alone, whatever else there is."""

import re
from collections.abc import Iterator, Sequence

import re2

from smi.model.diagnostic import Diagnostic, Severity
from smi.model.match import anchored
from smi.specs.v1alpha4 import HTTPMatch, HTTPRouteGroup

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+|:authority")  # RFC 9110, 5.6.2: token

_NOT_AS_SENT = re.compile(
    r"x-envoy-.*|x-forwarded-(client-cert|proto)"
    r"|connection|proxy-connection|keep-alive|transfer-encoding|te",
    re.IGNORECASE,
)
"""What sidecars write or take away themselves: client and server would see another value."""

MAX_PROGRAM_SIZE = 10_000
"""The RE2 program size that sidecars accept (`re2.max_program_size.error_level` of their runtime);
Envoy's own default of 100 refuses expressions as plain as `.{48}`."""


def http_route_group(group: HTTPRouteGroup) -> tuple[Diagnostic, ...]:
    """An error for each match that never holds.

    A warning for each name that is there twice, and for each tunnel.
    """
    return tuple(_findings(group))


def is_sound(match: HTTPMatch) -> bool:
    """Whether a proxy can take `match`; one that it cannot take never holds."""
    return next(_faults(match, ""), None) is None


def _findings(group: HTTPRouteGroup) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for index, match in enumerate(group.spec.matches):
        field = f"spec.matches[{index}]"
        if match.name in seen:
            yield Diagnostic(
                Severity.WARNING,
                group.kind,
                group.key,
                f"{field}.name",
                "DuplicateMatchName",
                f"another match is named {match.name!r} too; a rule that names it means both",
            )
        seen.add(match.name)
        if "CONNECT" in match.methods:
            yield Diagnostic(
                Severity.WARNING,
                group.kind,
                group.key,
                f"{field}.methods",
                "TunnelNotGranted",
                "CONNECT asks for a tunnel of bytes, which no route can judge: it is refused where"
                " HTTP is spoken; to let it through, declare the Service's port tcp and grant it by"
                " a TCPRoute",
            )
        for where, reason, error in _faults(match, field):
            text = f"{error}; the match {match.name!r} never holds"
            yield Diagnostic(Severity.ERROR, group.kind, group.key, where, reason, text)


def _faults(match: HTTPMatch, field: str) -> Iterator[tuple[str, str, str]]:
    path = match.path_regex or ""
    if error := regex_error(path, (path, anchored(path))):
        yield f"{field}.pathRegex", "InvalidRegex", error
    for name, regex in match.headers:
        if error := regex_error(regex, (regex,)):
            yield f"{field}.headers.{name}", "InvalidRegex", error
        if not _HEADER_NAME.fullmatch(name):
            yield f"{field}.headers.{name}", "InvalidHeaderName", f"{name!r} is not a header's name"
        if _NOT_AS_SENT.fullmatch(name):
            text = f"sidecars write or remove the header {name!r} themselves"
            yield f"{field}.headers.{name}", "HeaderNotAsSent", text


def regex_error(regex: str, forms: Sequence[str]) -> str | None:
    r"""Why RE2 will not take `regex` in one of the `forms` that proxies are given, or `None`.

    `a)(b` is wrong alone and right once wrapped, `\Qabc` the other way round: both are judged.
    """
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    for form in forms:
        try:
            program = re2.compile(form.encode(), options)
        except re2.error as error:
            return f"{regex!r} is not an RE2 expression ({_text(error)})"
        if program.programsize > MAX_PROGRAM_SIZE:
            return (
                f"{regex[:60]!r} needs an RE2 program of {program.programsize} steps,"
                f" more than the {MAX_PROGRAM_SIZE} that proxies accept"
            )
    return None


def _text(error: Exception) -> str:
    reason = error.args[0] if error.args else error
    return reason.decode() if isinstance(reason, bytes) else str(reason)
