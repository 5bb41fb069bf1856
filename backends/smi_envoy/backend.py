"""The door: what the product asks of this data plane, and who answers."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

from cryptography.hazmat.primitives.asymmetric import ec

from smi.backend import Acknowledgement, Acknowledgements, Feature, Json, ProxyId, Sidecar, Traffic
from smi.errors import SmiError
from smi.model.identity import PodUid, ServiceIdentity
from smi.model.mesh import Mesh
from smi.model.workload import Workload
from smi_envoy import admin, queries, sidecar
from smi_envoy.ca import rotation, store
from smi_envoy.ca.authority import Issued
from smi_envoy.ca.rollover import Phase
from smi_envoy.ca.roots import Roots
from smi_envoy.ca.tokens import TokenIdentity
from smi_envoy.pod_tokens import PodTokens, is_account_of, named_by
from smi_envoy.translate import names, proxy
from smi_envoy.translate.translator import Translator
from smi_envoy.xds.cache import Cache
from smi_envoy.xds.secrets import SVID, Secrets
from smi_envoy.xds.server import AdsServer
from smi_envoy.xds.session import Session

_log = logging.getLogger(__name__)

# How long servers may take to accept a change before clients are told of it. One that hangs must
# not hold up a revocation; one that works answers within some milliseconds.
SERVERS_FIRST = 1.0

# How long a caller that the mesh does not know may wait for news of it: after a restart proxies
# come back before the first mesh does.
NEWS = 10.0

ROLL_EVERY = 0.5  # seconds between two looks whether a rollover can go on

LONGEST_SOCKET_PATH = 107  # sockaddr_un.sun_path, without its closing zero


class Lifetimes(NamedTuple):
    """For how long what a proxy proves itself with is good, in seconds.

    Each is renewed well before its end: tokens at half their time, SVIDs and roots at two thirds.
    A root has to outlive several SVIDs.
    """

    token: float = 3600.0  # as the kubelet's projected tokens
    svid: float = rotation.SVID_LIFETIME
    root: float = rotation.ROOT_LIFETIME


class Holder(NamedTuple):
    """Whom an SVID is for."""

    identity: ServiceIdentity
    pod: PodUid


class EnvoyBackend:
    """Owns what the proxies of one mesh are told, the keys it is told under, and its server.

    All of it ends with `run`, but for the roots and the key of tokens, which stay in `directory`.
    """

    features: ClassVar[frozenset[Feature]] = frozenset(Feature)
    writes_cluster: ClassVar[bool] = False

    def __init__(
        self,
        directory: Path,
        roots: Roots,
        token_key: ec.EllipticCurvePrivateKey,
        clock: Callable[[], float],
        envoy: str,
        lifetimes: Lifetimes = Lifetimes(),  # noqa: B008 - an immutable value
    ) -> None:
        self._socket = directory / "ads.sock"
        if len(str(self._socket)) > LONGEST_SOCKET_PATH:
            message = f"{self._socket}: too long for a Unix socket; choose a shorter directory"
            raise SmiError(message)
        self._roots = roots
        self._clock = clock
        self._envoy = envoy
        self._tokens = PodTokens(token_key, lifetimes.token, clock)
        self._authenticator = self._tokens.authenticator(self._alive)
        self._translator = Translator(roots.bundle)
        self._cache = Cache()
        self._secrets = Secrets(self._issue, _rotate_at, clock)
        self._mesh = Mesh("", {}, {}, {}, {}, {})
        self._publishing = False
        self._told: int | None = None  # the generation that the phase of a rollover began with
        self._news = asyncio.Event()  # set, and replaced, with every mesh

    @classmethod
    def on_this_machine(
        cls,
        directory: Path,
        trust_domain: str,
        clock: Callable[[], datetime],
        lifetimes: Lifetimes = Lifetimes(),  # noqa: B008 - an immutable value
    ) -> Self:
        """A backend that keeps its keys and sockets below `directory` (private to the user).

        A root of `trust_domain` takes the place of roots of others at once: nothing of such a mesh
        runs yet. One that does changes its trust domain by `publish`.
        Raises `MissingExtra` where there is no Envoy to run.
        """

        def now() -> float:
            return clock().timestamp()

        roots = Roots(
            store.load_roots(directory, trust_domain, now, lifetimes.root),
            partial(store.save_roots, directory),
            now,
            svid=lifetimes.svid,
            root=lifetimes.root,
        )
        if trust_domain not in roots.trust_domains:
            while roots.advance(trust_domain, proxies=0, late=0):
                pass
        token_key = store.load_token_key(directory)
        return cls(directory, roots, token_key, now, sidecar.executable(), lifetimes)

    def sidecar(self, workload: Workload) -> Sidecar:
        """The Envoy beside `workload`; its token changes when half its time has passed."""
        token = self._tokens.token(workload)
        return sidecar.sidecar(workload, self._envoy, str(self._socket), token)

    def render(self, mesh: Mesh, proxy_id: ProxyId) -> Json:
        """The configuration of one proxy, by kind and by name."""
        return proxy.render(mesh, proxy_id, self._roots.bundle)

    async def publish(self, mesh: Mesh) -> None:
        """Tell servers, and when they accepted it (or 1 s later) clients. One call at a time.

        A mesh of another trust domain begins a rollover to a root of that domain. No request fails
        of it if the domain before is an alias until the rollover is over (`phase`).
        """
        update = self._translator.update(mesh)
        self._tokens.forget(self._mesh, mesh)
        self._mesh = mesh
        self._news.set()
        self._news = asyncio.Event()
        self._cache.apply({}, dict.fromkeys(update.replaced))
        touched = self._cache.apply(*update.servers)
        self._publishing = True
        try:
            await self._cache.settled(touched, SERVERS_FIRST)
        finally:
            self._cache.apply(*update.clients)
            self._publishing = False
        if self._told is None:
            self._told = self._cache.generation
        self._roll()

    @property
    def phase(self) -> Phase:
        """How far the rollover from one root to the next has come; steady where there is none."""
        return self._roots.phase

    def acknowledgements(self) -> Acknowledgements:
        """What each pod's proxy accepted, refused or has still to answer."""
        return {
            names.namespaced(name): Acknowledgement(ack.connected, ack.pending, ack.refused)
            for name, ack in self._cache.acknowledgements().items()
        }

    async def settled(
        self,
        proxies: Iterable[ProxyId],
        timeout: float,  # noqa: ASYNC109 - what is late is an answer here, not an error
    ) -> frozenset[ProxyId]:
        """Wait until `proxies` are connected and accepted all; those that did not in `timeout`."""
        late = await self._cache.settled(map(str, proxies), timeout, absent=True)
        return frozenset(map(names.namespaced, late))

    async def traffic(self, directories: Mapping[ProxyId, Path]) -> Traffic:
        """Traffic so far; a proxy that does not answer has none."""
        async with asyncio.TaskGroup() as tasks:
            asked = {
                name: tasks.create_task(admin.ask(directory, queries.TRAFFIC))
                for name, directory in directories.items()
                if name in self._mesh.workloads
            }
        found = Traffic()
        for name, task in asked.items():
            seen = queries.traffic(self._mesh, name, task.result() or "")
            found = Traffic(
                found.flows + seen.flows,
                found.refusals + seen.refusals,
                found.silences + seen.silences,
            )
        return found

    async def drain(self, directory: Path) -> None:
        """Let the proxy finish what it has and take nothing new; waits for it, at most 5 s."""
        await admin.drain(directory)

    async def run(self) -> None:
        """Serve until cancelled."""
        server = AdsServer(
            self._cache,
            self._secrets,
            self._authenticate,
            self._clock,
            address=f"unix:{self._socket}",
        )
        async with asyncio.TaskGroup() as tasks:
            rolling = tasks.create_task(self._keep_rolling())
            await server.run()
            rolling.cancel()

    async def _keep_rolling(self) -> None:
        while True:
            self._roll()
            await asyncio.sleep(ROLL_EVERY)

    def _roll(self) -> None:
        """Take the steps of a rollover that are due, unless half a mesh has been told.

        In which order proxies are told of roots is of no matter: all have to have accepted one
        phase before the next begins.
        """
        while not self._publishing and self._told is not None and self._advance(self._told):
            update = self._translator.update(self._mesh, self._roots.bundle)
            self._cache.apply(*update.servers)
            self._cache.apply(*update.clients)
            if self._roots.phase is Phase.SWITCHED:
                self._secrets.renew()
                self._cache.renew(SVID)
            self._told = self._cache.generation
            _log.info("roots changed", extra={"phase": self._roots.phase.value})

    def _advance(self, told: int) -> bool:
        said = self._cache.acknowledgements() if self._roots.phase is not Phase.STEADY else {}
        late = sum(ack.generation < told for ack in said.values())
        try:
            return self._roots.advance(self._mesh.trust_domain, len(said), late)
        except OSError as error:  # nothing has changed; the next look tries again
            _log.warning("roots cannot be saved", extra={"reason": str(error)})
            return False

    async def _authenticate(self, token: str) -> Session[Holder]:
        verified = await self._authenticator(token)
        said = verified.identity
        identity = ServiceIdentity(said.namespace, said.service_account)
        holder = Holder(identity, PodUid(said.pod_uid))
        return Session(verified.proxy_id, holder, verified.expires_at)

    async def _alive(self, identity: TokenIdentity) -> bool:
        try:
            async with asyncio.timeout(NEWS):
                while (workload := named_by(identity, self._mesh)) is None:
                    await self._news.wait()
        except TimeoutError:
            return False
        return is_account_of(identity, workload)

    def _issue(self, holder: Holder) -> Issued:
        return self._roots.issue(*holder)


def _rotate_at(now: float, not_after: float) -> float:
    return rotation.rotate_at(now, not_after, random.random())  # noqa: S311 - spreads rotations
