import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from smi.backend import Traffic
from smi.errors import SmiError
from smi.model.identity import PodUid
from smi.model.mesh import Mesh
from smi.model.workload import Detour
from smi_envoy.backend import EnvoyBackend, Holder
from smi_envoy.ca import authority
from smi_envoy.ca.authority import Root
from smi_envoy.ca.rollover import HANDSHAKE, Phase
from smi_envoy.ca.roots import Roots
from smi_envoy.xds.session import Refused
from tests import builders as a

NOON = 1_800_000_000.0


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


def backend(directory: Path, clock: Callable[[], float], *found: Root) -> EnvoyBackend:
    """A backend with keys of its own, or with the roots that were `found`."""
    own = found or (authority.new_root("cluster.local", NOON),)
    roots = Roots(own, lambda _: None, clock)
    key = ec.generate_private_key(ec.SECP256R1())
    return EnvoyBackend(directory, roots, key, clock, "/bin/envoy")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def made(tmp_path: Path, clock: Clock) -> EnvoyBackend:
    return backend(Path("/s"), clock)


POD = a.workload("web-0", "web")
SERVED = a.workload("web-0", "web", detours={80: Detour(20080, 30080)})


def mesh() -> Mesh:
    """One pod."""
    return a.mesh([POD])


async def test_token_stays_until_half_its_time_has_passed(made: EnvoyBackend, clock: Clock) -> None:
    await made.publish(mesh())
    first = made.sidecar(POD)
    clock.now += 1700
    assert made.sidecar(POD) == first
    clock.now += 200
    renewed = made.sidecar(POD)
    assert renewed.command == first.command
    assert renewed.files["token"] != first.files["token"]


async def test_token_speaks_for_its_pod(made: EnvoyBackend) -> None:
    await made.publish(mesh())
    session = await made._authenticate(made.sidecar(POD).files["token"])
    assert session.proxy_id == "shop/web-0"
    assert session.identity == (a.identity("web"), "uid-web-0")
    assert session.expires_at == NOON + 3600


async def test_pod_may_connect_before_the_mesh_knows_it(made: EnvoyBackend) -> None:
    token = made.sidecar(POD).files["token"]
    async with asyncio.TaskGroup() as tasks:
        session = tasks.create_task(made._authenticate(token))
        await asyncio.sleep(0)
        await made.publish(a.mesh())
        await asyncio.sleep(0)
        assert not session.done()
        await made.publish(mesh())
    assert session.result().proxy_id == "shop/web-0"


async def test_token_of_a_pod_that_is_another_now_is_not_waited_for_long(
    made: EnvoyBackend,
) -> None:
    another = replace(POD, uid=PodUid("another"))
    await made.publish(a.mesh([another]))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await made._authenticate(made.sidecar(POD).files["token"])


async def test_token_is_bound_to_the_account_that_is_there_now(made: EnvoyBackend) -> None:
    first, second = (replace(POD, account_uid=uid) for uid in ("w1", "w2"))
    await made.publish(a.mesh([first]))
    old = made.sidecar(first).files["token"]
    assert (await made._authenticate(old)).proxy_id == "shop/web-0"
    assert made.sidecar(first).files["token"] == old
    await made.publish(a.mesh([second]))
    with pytest.raises(Refused, match="PodGone"):
        await made._authenticate(old)
    renewed = made.sidecar(second).files["token"]
    assert (await made._authenticate(renewed)).identity == Holder(a.identity("web"), POD.uid)
    await made.publish(a.mesh())
    assert made.sidecar(second).files["token"] != renewed


async def test_pods_are_pending_until_they_connect(made: EnvoyBackend) -> None:
    await made.publish(mesh())
    said = made.acknowledgements()[POD.name]
    assert (said.connected, said.pending, said.refused) == (False, True, None)
    assert await made.settled([POD.name], 0.03) == {POD.name}
    assert await made.settled([], 0.03) == frozenset()


async def test_pod_that_goes_is_known_no_more(made: EnvoyBackend) -> None:
    await made.publish(mesh())
    await made.publish(a.mesh())
    assert made.acknowledgements() == {}


async def test_publish_that_is_cancelled_is_whole_all_the_same(made: EnvoyBackend) -> None:
    async with asyncio.TaskGroup() as tasks:
        publishing = tasks.create_task(made.publish(mesh()))
        await asyncio.sleep(0)
        publishing.cancel()
    await made.publish(mesh())
    assert POD.name in made.acknowledgements()


def test_render_is_json_without_keys(made: EnvoyBackend) -> None:
    said = made.render(mesh(), POD.name)
    assert set(said) == {"Cluster", "Listener", "RouteConfiguration"}
    assert "PRIVATE" not in str(said)


async def test_proxy_that_does_not_answer_has_no_flows(made: EnvoyBackend, tmp_path: Path) -> None:
    await made.publish(mesh())
    assert await made.traffic({POD.name: tmp_path, a.name("unknown"): tmp_path}) == Traffic()
    await made.drain(tmp_path)


def test_directory_too_long_for_a_socket_is_an_error(clock: Clock) -> None:
    with pytest.raises(SmiError, match="shorter"):
        backend(Path("/" + "d" * 100), clock)


class Told:
    """A proxy's stream that accepts what it is told, when it is asked to."""

    def __init__(self, backend: EnvoyBackend, name: str) -> None:
        self.cache, self.name = backend._cache, name
        self.cache.attach(name)

    def accepts(self) -> None:
        view = self.cache.view(self.name)
        assert view is not None
        self.cache.report(self.name, view.generation, settled=True, refused=None)


def phase(made: EnvoyBackend) -> Phase:
    """How far a rollover has come."""
    return made.phase


def issued(made: EnvoyBackend) -> str:
    """The SPIFFE ID of an SVID of the pod."""
    chain = made._issue(Holder(a.identity("web"), POD.uid)).cert_chain_pem
    names = x509.load_pem_x509_certificate(chain).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    return names.value.get_values_for_type(x509.UniformResourceIdentifier)[0]


async def test_trust_domain_changes_when_every_proxy_is_ready_for_it(
    made: EnvoyBackend, clock: Clock
) -> None:
    await made.publish(a.mesh([SERVED]))
    web = Told(made, "shop/web-0")
    web.accepts()
    aliases = ("cluster.local",)
    await made.publish(replace(a.mesh([SERVED]), trust_domain="new", trust_domain_aliases=aliases))
    old, new = a.spiffe("web"), "spiffe://new/ns/shop/sa/web"
    clock.now += HANDSHAKE
    made._roll()
    for expected, name in ((Phase.INTRODUCED, old), (Phase.SWITCHED, new)):
        made._roll()
        assert (made.phase, issued(made)) == (expected, name)
        web.accepts()
        made._roll()
        clock.now += HANDSHAKE
        made._roll()
    assert (made.phase, issued(made)) == (Phase.STEADY, new)


async def test_restarted_in_a_rollover_it_waits_for_proxies_that_come_back(
    clock: Clock,
) -> None:
    old = authority.new_root("cluster.local", NOON)
    found = (old, authority.new_root("cluster.local", NOON, older=old))
    made = backend(Path("/s"), clock, *found)
    made._roll()
    clock.now += HANDSHAKE
    made._roll()
    assert phase(made) is Phase.INTRODUCED  # it knows of no mesh yet
    await made.publish(mesh())
    web = Told(made, "shop/web-0")
    clock.now += HANDSHAKE
    made._roll()
    assert phase(made) is Phase.INTRODUCED
    web.accepts()
    made._roll()
    clock.now += HANDSHAKE
    made._roll()
    assert phase(made) is Phase.SWITCHED


async def test_rollover_goes_on_when_the_mesh_under_way_is_told(
    made: EnvoyBackend, clock: Clock
) -> None:
    await made.publish(a.mesh([SERVED]))
    Told(made, "shop/web-0")
    rules = a.inbound(SERVED.group, a.rule("t", "front"))
    other = replace(a.mesh([SERVED], inbounds=[rules]), trust_domain="new")
    async with asyncio.TaskGroup() as tasks:
        publishing = tasks.create_task(made.publish(other))
        await asyncio.sleep(0)
        made._roll()
        assert phase(made) is Phase.STEADY
        publishing.cancel()
    made._roll()
    assert phase(made) is Phase.INTRODUCED


async def test_roots_that_cannot_be_saved_are_not_used_and_tried_again(clock: Clock) -> None:
    full = [True]

    def keep(_: object) -> None:
        if full:
            raise OSError(28, "No space left on device")

    roots = Roots((authority.new_root("cluster.local", NOON),), keep, clock)
    key = ec.generate_private_key(ec.SECP256R1())
    made = EnvoyBackend(Path("/s"), roots, key, clock, "/bin/envoy")
    before = roots.bundle
    await made.publish(replace(mesh(), trust_domain="new"))
    assert (phase(made), roots.bundle) == (Phase.STEADY, before)
    full.clear()
    made._roll()
    assert phase(made) is Phase.INTRODUCED


def test_root_of_another_trust_domain_is_replaced_where_nothing_runs(tmp_path: Path) -> None:
    def at() -> datetime:
        return datetime.fromtimestamp(NOON, UTC)

    first = EnvoyBackend.on_this_machine(tmp_path / "state", "cluster.local", at)
    assert issued(first) == a.spiffe("web")
    other = EnvoyBackend.on_this_machine(tmp_path / "state", "example.org", at)
    assert (issued(other), other.phase) == ("spiffe://example.org/ns/shop/sa/web", Phase.STEADY)
    again = EnvoyBackend.on_this_machine(tmp_path / "state", "example.org", at)
    assert again._roots.bundle == other._roots.bundle


def test_keys_outlive_the_backend(tmp_path: Path) -> None:
    def at() -> datetime:
        return datetime.fromtimestamp(NOON, UTC)

    state = tmp_path / "state"
    one = EnvoyBackend.on_this_machine(state, "cluster.local", at)
    other = EnvoyBackend.on_this_machine(state, "cluster.local", at)
    assert one._roots.bundle == other._roots.bundle
