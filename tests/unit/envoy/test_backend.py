import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from smi.backend import Traffic
from smi.errors import SmiError
from smi.model.identity import PodUid
from smi.model.mesh import Mesh
from smi_envoy.backend import EnvoyBackend
from smi_envoy.ca import authority
from smi_envoy.ca.roots import Roots
from tests import builders as a

NOON = 1_800_000_000.0


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


def backend(directory: Path, clock: Callable[[], float]) -> EnvoyBackend:
    """A backend with keys of its own."""
    roots = Roots((authority.new_root("cluster.local", NOON),), lambda _: None, clock)
    key = ec.generate_private_key(ec.SECP256R1())
    return EnvoyBackend(directory, roots, key, clock, "/bin/envoy")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def made(tmp_path: Path, clock: Clock) -> EnvoyBackend:
    return backend(Path("/s"), clock)


POD = a.workload("web-0", "web")


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
    assert set(said) == {"Listener", "RouteConfiguration"}
    assert "PRIVATE" not in str(said)


async def test_proxy_that_does_not_answer_has_no_flows(made: EnvoyBackend, tmp_path: Path) -> None:
    await made.publish(mesh())
    assert await made.traffic({POD.name: tmp_path, a.name("unknown"): tmp_path}) == Traffic()
    await made.drain(tmp_path)


def test_directory_too_long_for_a_socket_is_an_error(clock: Clock) -> None:
    with pytest.raises(SmiError, match="shorter"):
        backend(Path("/" + "d" * 100), clock)


def test_keys_outlive_the_backend(tmp_path: Path) -> None:
    def at() -> datetime:
        return datetime.fromtimestamp(NOON, UTC)

    state = tmp_path / "state"
    one = EnvoyBackend.on_this_machine(state, "cluster.local", at)
    other = EnvoyBackend.on_this_machine(state, "cluster.local", at)
    assert one._roots.bundle == other._roots.bundle
