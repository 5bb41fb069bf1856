"""The roots of one mesh, through their rollovers."""

from collections.abc import Callable

from smi.model.identity import PodUid, ServiceIdentity, spiffe_id
from smi_envoy.ca import authority, rotation
from smi_envoy.ca.authority import Authority, Issued, Root
from smi_envoy.ca.rollover import Phase, Rollover, Seen, step


class Roots:
    """Owns the roots of one mesh, and what is issued under the first of them.

    `keep` stores them before anybody is told of a phase, so that a crash loses none. SVIDs are
    good for `svid` seconds, roots for `root`.
    """

    def __init__(
        self,
        found: tuple[Root, ...],
        keep: Callable[[tuple[Root, ...]], None],
        clock: Callable[[], float],
        *,
        svid: float = rotation.SVID_LIFETIME,
        root: float = rotation.ROOT_LIFETIME,
    ) -> None:
        self._keep = keep
        self._clock = clock
        self._svid = svid
        self._root = root
        self._state = Rollover(found, clock())
        self._authority = Authority(found[0], clock)

    @property
    def phase(self) -> Phase:
        """How far a rollover has come."""
        return self._state.phase

    @property
    def trust_domains(self) -> frozenset[str]:
        """The trust domains of all that are trusted."""
        return frozenset(root.trust_domain for root in self._state.roots)

    @property
    def bundle(self) -> str:
        """The certificates that are trusted (PEM), the oldest first."""
        oldest_first = sorted(self._state.roots, key=lambda root: root.validity.not_before)
        return b"".join(root.pem for root in oldest_first).decode()

    def issue(self, identity: ServiceIdentity, pod: PodUid) -> Issued:
        """An SVID of a pod, in the trust domain of the root that issues."""
        name = spiffe_id(self._authority.root.trust_domain, identity)
        return self._authority.issue(name, (pod,), self._svid)

    def advance(self, trust_domain: str, proxies: int, late: int) -> bool:
        """Take the next step of a rollover if it is due; whether there are other roots now.

        `late` of the `proxies` of a mesh of `trust_domain` have not accepted all of this phase.
        """
        before = self._state
        seen = Seen(self._clock(), trust_domain, proxies, late)
        after = step(before, seen, self._svid, self._make)
        if after.roots != before.roots:
            self._keep(after.roots)
            self._authority = Authority(after.roots[0], self._clock)
        self._state = after
        return after.roots != before.roots

    def _make(self, trust_domain: str, older: Root) -> Root:
        return authority.new_root(trust_domain, self._clock(), self._root, older)
