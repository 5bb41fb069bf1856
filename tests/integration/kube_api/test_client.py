"""The client and a real API server: nothing is lost on the way, whatever version is asked for."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import pytest

from smi import access, scheme, split
from smi.client import calls
from smi.client.calls import api_kind
from smi.client.client import EVERYWHERE, Client
from smi.client.cluster import Cluster
from smi.client.connection import connected
from smi.client.objects import Listed
from smi.client.status import Condition
from smi.client.timeouts import Timeouts
from smi.client.watching import Change, Event
from smi.errors import (
    AlreadyExists,
    Conflict,
    FieldConflict,
    Forbidden,
    NotFound,
    Rejected,
    Unauthorized,
)
from smi.k8s import apps_v1, core_v1
from smi.k8s.resource import NamespacedName, OpenResource, Resource
from tests import versions
from tests.integration.kube_api.api_server import STRANGER, ApiServer
from tests.integration.kube_api.serving import serving

pytestmark = pytest.mark.kube_api

ROOT = Path(__file__).parents[3]
Document = dict[str, Any]
HUB = versions.HUB
# Everything that an object of the hub's version may have, but what only that version admits.
WRITTEN: dict[str, Document] = {
    "TrafficTarget": {
        "destination": {"kind": "ServiceAccount", "name": "api"},
        "rules": [{"kind": "HTTPRouteGroup", "name": "r", "matches": ["m"]}],
        "sources": [{"kind": "ServiceAccount", "name": "web", "namespace": "other"}],
    },
    "IdentityBinding": {"schemes": {"serviceAccount": "web", "spiffeIdentities": ["a/b"]}},
    "HTTPRouteGroup": {
        "matches": [{"name": "m", "pathRegex": "/x", "methods": ["GET"], "headers": [{"a": "b"}]}]
    },
    "TCPRoute": {"matches": {"ports": [80, 8080]}},
    "UDPRoute": {"matches": {"ports": [53]}},
    "TrafficSplit": {
        "service": "web",
        "backends": [{"service": "v1", "weight": 9}, {"service": "v2", "weight": 1}],
        "matches": [{"kind": "HTTPRouteGroup", "name": "r"}],
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    binaries = Path(os.environ["KUBEBUILDER_ASSETS"])
    with serving(binaries, tmp_path_factory.mktemp("client")) as started:
        yield started


@pytest.fixture
async def client(server: ApiServer) -> AsyncIterator[Client]:
    async with Client({"KUBECONFIG": str(server.kubeconfig())}) as opened:
        yield opened


def an(kind: str, name: str, version: str = HUB) -> OpenResource:
    """An object of a kind of SMI, without a namespace."""
    group = next(one.api_version for one in versions.STORED if one.kind == kind).partition("/")[0]
    document = {
        "apiVersion": f"{group}/{HUB}",
        "kind": kind,
        "metadata": {"name": name},
        "spec": WRITTEN[kind],
    }
    decoded = scheme.decode(scheme.convert_document(document, version))
    assert isinstance(decoded, OpenResource)
    return decoded


def labelled(resource: OpenResource, **labels: str) -> OpenResource:
    return resource.model_copy(
        update={"metadata": resource.metadata.model_copy(update={"labels": labels})}
    )


def meant(resource: Resource) -> Document:
    """What is written in an object, at the hub's version."""
    document = scheme.encode(scheme.to_hub(resource))
    return cast("Document", document["spec"])


@pytest.mark.parametrize(
    "kind", versions.STORED, ids=lambda kind: f"{kind.kind}-{kind.api_version}"
)
async def test_every_kind_lives_at_every_version(client: Client, kind: scheme.Kind) -> None:
    version = versions.version_of(kind)
    name = f"{version}-{kind.kind.lower()}"
    written = an(kind.kind, name, version)
    own = type(written)
    before = await client.list(own)

    created = await client.create(written)
    assert type(created) is own
    with pytest.raises(AlreadyExists):
        await client.create(written)
    for other in versions.versions(kind.kind):
        read = await client.get(type(an(kind.kind, name, other)), name)
        assert meant(read) == meant(created) == WRITTEN[kind.kind]
    assert [one.metadata.name for one in await client.list(own)] == [name]

    replaced = await client.replace(labelled(created, put="back"))
    with pytest.raises(Conflict, match="read it again"):
        await client.replace(labelled(created, put="too late"))
    applied = await client.apply(labelled(written, applied="yes"), manager="m", force=True)
    told = await client.patch_status(applied, [Condition("Accepted", holds=True, reason="Ok")])
    again = await client.patch_status(told, [Condition("Accepted", holds=True, reason="Fine")])
    assert meant(again) == meant(replaced) == meant(created)
    assert again.metadata.labels == {"put": "back", "applied": "yes"}
    assert condition(again)["reason"] == "Fine"
    assert condition(again)["lastTransitionTime"] == condition(told)["lastTransitionTime"]

    with pytest.raises(Conflict, match="the UID in the precondition"):
        await client.delete(own, name, uid="another")
    await client.delete(own, name, uid=created.metadata.uid)
    with pytest.raises(NotFound, match="there is none"):
        await client.get(own, name)
    events = await following(client, before, own, 5)
    assert [event.change for event in events][:2] == [Change.ADDED, Change.MODIFIED]
    assert events[-1].change is Change.DELETED
    assert {event.key for event in events} == {NamespacedName("default", name)}


def condition(resource: OpenResource) -> Document:
    """The one condition of an object."""
    [found] = cast("dict[str, list[Document]]", resource.status)["conditions"]
    return found


async def following(
    client: Client, since: Listed[Any], kind: type[Resource], most: int
) -> list[Event[Any]]:
    """The events since a list, until one is of a deletion."""
    events: list[Event[Any]] = []
    async with asyncio.timeout(20), aclosing(client.watch(kind, since=since)) as watch:
        async for event in watch:
            events.append(event)
            if event.change is Change.DELETED or len(events) > most:
                return events
    return events


async def test_field_of_another_manager_is_not_taken_by_chance(client: Client) -> None:
    written = cast("split.TrafficSplit", an("TrafficSplit", "shared"))
    await client.apply(written, manager="flagger")
    spec = written.spec.model_copy(update={"service": "other"})
    mine = written.model_copy(update={"spec": spec})
    with pytest.raises(Conflict, match=r"\.spec\.service is managed by flagger") as caught:
        await client.apply(mine)
    assert caught.value.fields == (FieldConflict(".spec.service", "flagger"),)
    taken = await client.apply(mine, force=True)
    assert taken.spec.service == "other"
    assert (await client.apply(taken, force=True)).spec == taken.spec
    await client.apply(written, manager="flagger", force=True)
    with pytest.raises(Conflict, match="the object has been modified"):
        await client.apply(taken, force=True)
    await client.delete(split.TrafficSplit, "shared")


async def test_conditions_of_other_managers_stay(client: Client) -> None:
    made = await client.create(an("IdentityBinding", "conditions"))
    await client.patch_status(made, [Condition("Accepted", holds=True, reason="Ok")], manager="a")
    both = await client.patch_status(
        made, [Condition("Programmed", holds=None, reason="Wait")], manager="b"
    )
    conditions = cast("dict[str, list[Document]]", both.status)["conditions"]
    assert {one["type"]: one["status"] for one in conditions} == {
        "Accepted": "True",
        "Programmed": "Unknown",
    }
    await client.delete(access.IdentityBinding, "conditions")


async def test_refusal_says_the_fields(client: Client) -> None:
    written = an("TrafficSplit", "Not_a_name")
    with pytest.raises(Rejected, match=r"metadata\.name: Invalid value"):
        await client.create(written)
    nowhere = written.model_copy(
        update={"metadata": written.metadata.model_copy(update={"namespace": "nowhere"})}
    )
    with pytest.raises(NotFound, match="there is no namespace nowhere; create it first"):
        await client.create(nowhere)


async def test_who_follows_the_advice_of_a_refusal_may(client: Client, server: ApiServer) -> None:
    async with Client({"KUBECONFIG": str(server.kubeconfig(STRANGER))}) as stranger:
        with pytest.raises(Forbidden) as caught:
            await stranger.list(access.TrafficTarget)
        rule = {
            "apiGroups": ["access.smi-spec.io"],
            "resources": ["traffictargets"],
            "verbs": ["list"],
        }
        assert str(caught.value).endswith(
            "as stranger: bind a Role with the rule"
            ' {apiGroups: ["access.smi-spec.io"], resources: [traffictargets], verbs: [list]} to it'
        )
        meta = {"name": "reader", "namespace": "default"}
        rbac, api = "rbac.authorization.k8s.io", "rbac.authorization.k8s.io/v1"
        role = {"apiVersion": api, "kind": "Role", "metadata": meta, "rules": [rule]}
        binding = {
            "apiVersion": api,
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "reader"},
            "subjects": [{"apiGroup": rbac, "kind": "User", "name": "stranger"}],
        }
        assert {server.create(one).status for one in (role, binding)} == {201}
        async with asyncio.timeout(10):
            # The API server has to hear of the role first.
            while not await may_list(stranger):
                pass
        with pytest.raises(Forbidden, match="bind a ClusterRole"):
            await stranger.list(access.TrafficTarget, EVERYWHERE)


async def may_list(client: Client) -> bool:
    try:
        await client.list(access.TrafficTarget)
    except Forbidden:
        return False
    return True


async def test_stranger_without_a_token_that_counts_is_not_known(server: ApiServer) -> None:
    async with Client({"KUBECONFIG": str(server.kubeconfig("nobody"))}) as nobody:
        with pytest.raises(Unauthorized, match="does not know who asks"):
            await nobody.list(access.TrafficTarget)


async def test_pod_asks_as_its_service_account(
    client: Client, server: ApiServer, tmp_path: Path
) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "mesh"}}
    await client.create(cast("core_v1.ServiceAccount", scheme.decode(account)))
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = "/api/v1/namespaces/default/serviceaccounts/mesh/token"
    token = server.ask("POST", path, request).body["status"]["token"]
    certificate = (server.state / "apiserver.crt").read_text()
    mounted = {"token": f"{token}\n", "ca.crt": certificate, "namespace": "default\n"}
    for name, text in mounted.items():
        (tmp_path / name).write_text(text)
    pod = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.port)}
    async with connected(Cluster(pod, account=tmp_path), Timeouts()) as connection:
        assert connection.namespace == "default"
        with pytest.raises(Forbidden, match="as system:serviceaccount:default:mesh: bind a Role"):
            await connection.ask(calls.get(api_kind(core_v1.Pod), "default", "web"))


async def test_other_kinds_are_asked_for_by_the_same_methods(client: Client) -> None:
    document = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }
    service = cast("core_v1.Service", scheme.decode(document))
    created = await client.apply(service)
    assert created.spec.cluster_ip.startswith("10.96.")
    assert [one.metadata.name for one in await client.list(core_v1.Service, labels="app=web")] == [
        "web"
    ]
    assert (await client.list(apps_v1.Deployment, EVERYWHERE)).found == ()
    names = [one.metadata.name for one in await client.list(core_v1.Namespace)]
    assert "kube-system" in names
    assert (await client.get(core_v1.Namespace, "default")).metadata.name == "default"
    await client.delete(core_v1.Service, "web")


async def test_namespace_of_the_context_counts_where_none_is_named(server: ApiServer) -> None:
    server.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    async with Client({"KUBECONFIG": str(server.kubeconfig(namespace="shop"))}) as client:
        created = await client.create(an("UDPRoute", "here"))
        assert created.metadata.namespace == "shop"
        kind = type(created)
        assert [one.key for one in await client.list(kind)] == [NamespacedName("shop", "here")]
        assert (await client.list(kind, "default")).items == ()
        assert len((await client.list(kind, EVERYWHERE)).items) == 1
        await client.delete(kind, "here")


class Gate:
    """Lets a client wait for as long as a test likes."""

    def __init__(self) -> None:
        self.waiting, self.open = asyncio.Event(), asyncio.Event()

    async def __call__(self, _: float) -> None:
        self.waiting.set()
        await self.open.wait()
        await asyncio.sleep(0.1)


class Follower:
    """What somebody knows who applies the events of a watch, and nothing else."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.knows: dict[str, str] = {}
        self.changed = asyncio.Event()

    async def follow(self) -> None:
        async for event in self.client.watch(split.TrafficSplit):
            if event.change is Change.DELETED:
                del self.knows[event.key.name]
            else:
                assert isinstance(event.value, split.TrafficSplit)
                self.knows[event.key.name] = event.value.spec.service
            self.changed.set()

    async def until(self, wanted: dict[str, str]) -> None:
        async with asyncio.timeout(30):
            while self.knows != wanted:
                self.changed.clear()
                await self.changed.wait()


async def put(client: Client, name: str, service: str) -> None:
    """A split of that name, of that service."""
    written = cast("split.TrafficSplit", an("TrafficSplit", name))
    spec = written.spec.model_copy(update={"service": service})
    await client.apply(written.model_copy(update={"spec": spec}), force=True)


async def restart(server: ApiServer) -> None:
    server.program.kill()
    await asyncio.to_thread(server.start)


async def test_watch_loses_nothing_when_the_server_is_killed(
    client: Client, server: ApiServer
) -> None:
    gate = Gate()
    async with (
        Client({"KUBECONFIG": str(server.kubeconfig())}, sleep=gate) as watching,
        asyncio.TaskGroup() as tasks,
    ):
        follower = Follower(watching)
        following_ = tasks.create_task(follower.follow())
        await put(client, "changed", "before")
        await put(client, "gone", "before")
        await follower.until({"changed": "before", "gone": "before"})
        await restart(server)
        await gate.waiting.wait()
        await put(client, "changed", "after")
        await put(client, "new", "after")
        await client.delete(split.TrafficSplit, "gone")
        gate.open.set()
        await follower.until({"changed": "after", "new": "after"})
        await put(client, "last", "live")
        await follower.until({"changed": "after", "new": "after", "last": "live"})
        following_.cancel()
    for name in ("changed", "new", "last"):
        await client.delete(split.TrafficSplit, name)


async def test_watch_whose_version_was_compacted_tells_the_difference(
    client: Client, server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "smi.client.client")
    gate = Gate()
    async with (
        Client({"KUBECONFIG": str(server.kubeconfig())}, sleep=gate) as watching,
        asyncio.TaskGroup() as tasks,
    ):
        follower = Follower(watching)
        following_ = tasks.create_task(follower.follow())
        for name in ("same", "changed", "gone"):
            await put(client, name, "before")
        await follower.until(dict.fromkeys(("same", "changed", "gone"), "before"))
        await restart(server)
        await gate.waiting.wait()
        await put(client, "changed", "after")
        await put(client, "new", "after")
        await client.delete(split.TrafficSplit, "gone")
        server.compact()
        # The cache of the API server remembers what the store does not; it dies with it.
        await restart(server)
        gate.open.set()
        wanted = {"same": "before", "changed": "after", "new": "after"}
        await follower.until(wanted)
        await put(client, "last", "live")
        await follower.until(wanted | {"last": "live"})
        following_.cancel()
    assert "too old resource version" in caplog.text


CLIENT_PAGE = (ROOT / "docs" / "client.md").read_text()


async def started(server: ApiServer, code: str) -> asyncio.subprocess.Process:
    """A program that finds the server in its environment."""
    environment = {**os.environ, "KUBECONFIG": str(server.kubeconfig()), "PYTHONUNBUFFERED": "1"}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", code),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )


async def test_example_of_a_watch_prints_what_happens(client: Client, server: ApiServer) -> None:
    code = (ROOT / "examples" / "client" / "watch_grants.py").read_text()
    assert f"```python cluster endless\n{code}```" in CLIENT_PAGE
    await client.apply(an("TrafficTarget", "web-api"))
    program = await started(server, code)
    assert program.stdout is not None
    try:
        async with asyncio.timeout(30):
            assert await program.stdout.readline() == b"ADDED default/web-api: web -> api\n"
            await client.delete(access.TrafficTarget, "web-api")
            assert await program.stdout.readline() == b"DELETED default/web-api: web -> api\n"
    finally:
        program.kill()
        await program.wait()


async def test_programs_of_the_page_run(server: ApiServer) -> None:
    programs = re.findall(r"```python cluster\n(.*?)```", CLIENT_PAGE, flags=re.DOTALL)
    shown = []
    for code in programs:
        program = await started(server, code)
        async with asyncio.timeout(30):
            shown.append((await program.communicate())[0].decode())
        assert program.returncode == 0
    assert shown == [".spec.service rollout\ndefault/web [90, 10]\n"]
