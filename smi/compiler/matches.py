"""HTTPRouteGroups as matches: one reading for access and for splits."""

import re
from collections.abc import Iterator, Sequence

import re2

from smi.compiler.findings import Findings, Judged
from smi.compiler.memo import Read
from smi.k8s.resource import NamespacedName
from smi.model.match import HeaderMatch, HttpMatch, anchored
from smi.specs import HTTPRouteGroup
from smi.specs.v1alpha4 import HTTPMatch

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+|:authority")  # RFC 9110, 5.6.2: token

MAX_PROGRAM_SIZE = 10_000
"""The RE2 program size that sidecars accept (`re2.max_program_size.error_level` of their runtime);
Envoy's own default of 100 refuses expressions as plain as `.{48}`."""


def http_matches(read: Read, name: NamespacedName) -> Judged[tuple[HttpMatch, ...]] | None:
    """The matches of one HTTPRouteGroup; one that RE2 refuses is left out, and so never holds."""
    group: HTTPRouteGroup | None = read(("HTTPRouteGroup", name))
    if group is None:
        return None
    findings = Findings("HTTPRouteGroup", name)
    return findings.judged(tuple(_matches(group, findings)))


def _matches(group: HTTPRouteGroup, findings: Findings) -> Iterator[HttpMatch]:
    seen: set[str] = set()
    for index, match in enumerate(group.spec.matches):
        field = f"spec.matches[{index}]"
        if match.name in seen:
            findings.warning(
                f"{field}.name",
                "DuplicateMatchName",
                f"another match is named {match.name!r} too; a rule that names it means both",
            )
        seen.add(match.name)
        if _is_sound(match, field, findings):
            yield _match(group.key, match)


def _match(group: NamespacedName, match: HTTPMatch) -> HttpMatch:
    # > `*` ... every method   (traffic-specs v1alpha4, HTTPRouteGroup)
    methods = frozenset() if "*" in match.methods else frozenset(match.methods)
    return HttpMatch(
        group=group,
        name=match.name,
        path_regex=match.path_regex or None,
        methods=methods,
        headers=tuple(HeaderMatch(_header(name), regex) for name, regex in match.headers),
    )


def _header(name: str) -> str:
    lower = name.lower()
    return ":authority" if lower == "host" else lower


def _is_sound(match: HTTPMatch, field: str, findings: Findings) -> bool:
    path = match.path_regex or ""
    errors = [
        (f"{field}.pathRegex", "InvalidRegex", regex_error(path, (path, anchored(path)))),
        *(
            (f"{field}.headers.{name}", "InvalidRegex", regex_error(regex, (regex,)))
            for name, regex in match.headers
        ),
        *(
            (f"{field}.headers.{name}", "InvalidHeaderName", f"{name!r} is not a header's name")
            for name, _ in match.headers
            if not _HEADER_NAME.fullmatch(name)
        ),
    ]
    found = [(where, reason, error) for where, reason, error in errors if error is not None]
    for where, reason, error in found:
        findings.error(where, reason, f"{error}; the match {match.name!r} never holds")
    return not found


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
