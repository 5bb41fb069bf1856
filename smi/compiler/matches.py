"""HTTPRouteGroups as matches: one reading for access and for splits."""

from smi.compiler.findings import Judged
from smi.compiler.memo import Read
from smi.k8s.resource import NamespacedName
from smi.model.match import HeaderMatch, HttpMatch
from smi.specs import HTTPRouteGroup, validation
from smi.specs.v1alpha4 import HTTPMatch


def http_matches(read: Read, name: NamespacedName) -> Judged[tuple[HttpMatch, ...]] | None:
    """The matches of one HTTPRouteGroup; one that RE2 refuses is left out, and so never holds."""
    group: HTTPRouteGroup | None = read(("HTTPRouteGroup", name))
    if group is None:
        return None
    sound = (match for match in group.spec.matches if validation.is_sound(match))
    found = sorted(set(validation.http_route_group(group)))
    return Judged(tuple(_match(name, match) for match in sound), tuple(found))


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
