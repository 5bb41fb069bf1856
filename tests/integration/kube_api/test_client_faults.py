"""Whatever an API server does wrong, the client says so, or goes on and loses nothing."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest
from aiohttp import web

from smi import access
from smi.client.client import EVERYWHERE, Client
from smi.client.objects import Undecodable
from smi.client.timeouts import Timeouts
from smi.client.watching import Event
from smi.errors import ClusterError, Expired, MissingExtra, Unauthorized, Unavailable
from tests.integration.kube_api.fake_server import (
    Answer,
    FakeServer,
    added,
    answer,
    binding,
    cut,
    event,
    objects,
    refused,
    running,
    silent,
    stream,
    write_kubeconfig,
)

PATIENT = Timeouts(connect=10.0, answer=10.0, idle=10.0)
Binding = access.IdentityBinding


class Sleeper:
    """Sleeps no longer than a turn of the loop, and remembers how long it was to be."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


class Asked(NamedTuple):
    """A client of a fake server, and how long it waited between its calls."""

    client: Client
    server: FakeServer
    slept: list[float]

    async def events(self, count: int) -> list[str]:
        """The next events of a watch."""
        told: list[str] = []
        async with asyncio.timeout(10), aclosing(self.client.watch(Binding)) as watch:
            async for one in watch:
                told.append(f"{one.change} {one.key.name}")
                if len(told) == count:
                    break
        return told


class Ask(Protocol):
    """Asks a server that gives these answers."""

    async def __call__(
        self, *answers: Answer, timeouts: Timeouts = PATIENT, **user: object
    ) -> Asked: ...


@pytest.fixture
async def ask(tmp_path: Path) -> AsyncIterator[Ask]:
    async with AsyncExitStack() as running_here:

        async def opened(*answers: Answer, timeouts: Timeouts = PATIENT, **user: object) -> Asked:
            server = await running_here.enter_async_context(running(FakeServer(list(answers))))
            file = write_kubeconfig(tmp_path / "config", server.address, **user)
            sleeper = Sleeper()
            client = Client(
                {"KUBECONFIG": str(file)}, timeouts=timeouts, chance=lambda: 1.0, sleep=sleeper
            )
            await running_here.enter_async_context(client)
            return Asked(client, server, sleeper.slept)

        yield opened


async def test_watch_on_a_half_open_connection_is_noticed(ask: Ask) -> None:
    asked = await ask(
        objects(1),
        *(stream(added("a", 2), silence=30), stream(added("b", 3), silence=30)),
        timeouts=replace(PATIENT, idle=0.3),
    )
    assert await asked.events(2) == ["ADDED a", "ADDED b"]
    assert [watch.query["resourceVersion"] for watch in asked.server.watches] == ["1", "2"]


async def test_call_on_a_half_open_connection_is_noticed(ask: Ask) -> None:
    asked = await ask(silent, timeouts=replace(PATIENT, answer=0.3))
    with pytest.raises(Unavailable, match=r"the API server at http://127.* does not answer: .*ime"):
        await asked.client.list(Binding)


async def test_server_that_closes_at_once_is_left_alone_longer_each_time(ask: Ask) -> None:
    closing = (cut(), stream(), cut(), stream(), cut())
    asked = await ask(objects(1), *closing, stream(added("a", 2), silence=5))
    assert await asked.events(1) == ["ADDED a"]
    assert asked.slept == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert len(asked.server.asked) == 7


@pytest.mark.parametrize(
    "gone",
    [
        refused(410, "too old resource version"),
        stream(event("ERROR", {"kind": "Status", "code": 410, "message": "too old"})),
        stream(event("ERROR", {"kind": "Status", "code": 500, "message": "PrevKv is nil"})),
    ],
)
async def test_watch_that_is_too_old_lists_anew_and_tells_the_difference(
    ask: Ask, gone: Answer
) -> None:
    before = objects(1, binding("same", 1), binding("gone", 1))
    after = objects(9, binding("same", 1), binding("new", 8))
    asked = await ask(before, gone, after, stream(added("last", 10), silence=5))
    assert await asked.events(5) == [
        *("ADDED same", "ADDED gone", "DELETED gone", "ADDED new", "ADDED last")
    ]
    assert [watch.query["resourceVersion"] for watch in asked.server.watches] == ["1", "9"]


async def test_server_that_is_full_is_asked_when_it_says(ask: Ask) -> None:
    full = refused(429, "too many requests", Retry_After="7")
    asked = await ask(full, full, objects(1), full, stream(added("a", 2), silence=5))
    assert await asked.events(1) == ["ADDED a"]
    assert asked.slept == [7.0, 7.0, 7.0]
    assert len(asked.server.asked) == 5


async def test_server_that_stays_full_is_told(ask: Ask) -> None:
    asked = await ask(refused(429, "too many requests", Retry_After="3600"))
    with pytest.raises(Unavailable, match="too many requests"):
        await asked.client.list(Binding)
    assert asked.slept == [30.0] * 4


async def test_call_that_may_have_been_done_is_not_repeated(ask: Ask) -> None:
    asked = await ask(refused(500, "etcdserver: request timed out"))
    with pytest.raises(Unavailable, match="etcdserver: request timed out"):
        await asked.client.delete(Binding, "a")
    assert len(asked.server.asked) == 1


async def test_watch_lives_on_whatever_the_server_answers(ask: Ask) -> None:
    asked = await ask(
        objects(1),
        *(refused(500, "broken"), refused(403, "RBAC is not there yet"), refused(404)),
        *(objects(3, binding("a", 2)), cut(b"", b'{"type": "ADD'), stream(b"not JSON\n")),
        stream(added("b", 4), silence=5),
    )
    assert await asked.events(2) == ["ADDED a", "ADDED b"]


async def test_list_that_fails_first_is_told(ask: Ask) -> None:
    asked = await ask(refused(403, 'User "me" cannot list resource "x"'))
    with pytest.raises(ClusterError, match="as me: bind a Role with the rule"):
        await asked.events(1)


async def test_line_that_is_cut_off_is_read_again(ask: Ask) -> None:
    whole = added("b", 3)
    asked = await ask(
        objects(1),
        cut(added("a", 2), whole[:40]),
        stream(whole[:40], whole[40:], pause=0.05, silence=5),
    )
    assert await asked.events(2) == ["ADDED a", "ADDED b"]
    assert [watch.query["resourceVersion"] for watch in asked.server.watches] == ["1", "2"]


async def test_event_of_six_megabytes_is_read(ask: Ask) -> None:
    large = binding("large", 2)
    large["metadata"]["annotations"] = {"note": "x" * 6_000_000}
    asked = await ask(objects(1), stream(event("ADDED", large), added("b", 3), silence=5))
    assert await asked.events(2) == ["ADDED large", "ADDED b"]


async def test_list_that_comes_slowly_is_waited_for(ask: Ask) -> None:
    body = b'{"metadata": {"resourceVersion": "1"}, "items": []}'
    chunks = [body[start : start + 10] for start in range(0, len(body), 10)]
    asked = await ask(stream(*chunks, pause=0.15), timeouts=replace(PATIENT, answer=0.6))
    assert (await asked.client.list(Binding)).version == "1"


async def test_list_reads_all_pages(ask: Ask) -> None:
    asked = await ask(objects(9, binding("a", 1), more="next"), objects(9, binding("b", 2)))
    found = await asked.client.list(Binding, EVERYWHERE, labels="app in (a, b),tier!=x")
    assert [one.metadata.name for one in found] == ["a", "b"]
    first, second = asked.server.asked
    assert first.path == "/apis/access.smi-spec.io/v1alpha4/identitybindings"
    assert first.query["labelSelector"] == "app in (a, b),tier!=x"
    assert second.query["continue"] == "next"


async def test_list_whose_pages_expire_begins_again(ask: Ask) -> None:
    page, gone = objects(9, binding("a", 1), more="next"), refused(410, "continue is too old")
    asked = await ask(page, gone, page, objects(9, binding("b", 2)))
    assert [one.metadata.name for one in await asked.client.list(Binding)] == ["a", "b"]
    asked = await ask(gone)
    with pytest.raises(Expired):
        await asked.client.list(Binding)
    assert len(asked.server.asked) == 3


async def test_object_that_cannot_be_read_ends_no_watch(ask: Ask) -> None:
    asked = await ask(
        objects(1, binding("a", 1, account=7)),
        stream(event("MODIFIED", binding("a", 2, account=8)), added("b", 3), silence=5),
    )
    values: list[Event[Binding]] = []
    async with aclosing(asked.client.watch(Binding)) as watch:
        async for one in watch:
            values.append(one)
            if len(values) == 3:
                break
    assert [isinstance(one.value, Undecodable) for one in values] == [True, True, False]


async def test_watch_since_a_list_tells_only_what_came_after(ask: Ask) -> None:
    asked = await ask(objects(5, binding("a", 1)), stream(added("b", 6), silence=5))
    listed = await asked.client.list(Binding)
    async with aclosing(asked.client.watch(Binding, since=listed)) as watch:
        assert (await anext(watch)).key.name == "b"
    assert len(asked.server.asked) == 2


async def test_many_watches_leave_room_for_a_call(ask: Ask) -> None:
    async def respond(request: web.Request) -> web.StreamResponse:
        return await (silent if "watch" in request.query else objects(1))(request)

    asked = await ask(respond)
    listed = await asked.client.list(Binding)

    async def watch() -> None:
        async for _ in asked.client.watch(Binding, since=listed):
            pass

    async with asyncio.TaskGroup() as tasks:
        watches = [tasks.create_task(watch()) for _ in range(120)]
        for _ in range(121):
            await asked.server.arrivals.get()
        await asked.client.list(Binding)
        for one in watches:
            one.cancel()


async def test_token_that_was_replaced_is_read_again(ask: Ask, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old\n")
    asked = await ask(objects(1), refused(401), objects(2), refused(401), tokenFile=str(token))
    assert (await asked.client.list(Binding)).version == "1"
    token.write_text("new\n")
    assert (await asked.client.list(Binding)).version == "2"
    said = [request.headers["Authorization"] for request in asked.server.asked]
    assert said == ["Bearer old", "Bearer old", "Bearer new"]
    with pytest.raises(Unauthorized, match="the credentials are wrong or have expired"):
        await asked.client.list(Binding)


async def test_cluster_whose_keys_or_address_were_replaced_is_found_again(
    ask: Ask, tmp_path: Path
) -> None:
    asked = await ask(refused(401), silent)
    async with running(FakeServer([objects(2)])) as moved:
        write_kubeconfig(tmp_path / "config", moved.address)
        assert (await asked.client.list(Binding)).version == "2"
        assert (await asked.client.list(Binding)).version == "2"
    assert len(asked.server.asked) == 1


PLUGIN = """
import json, pathlib, sys
count = pathlib.Path(sys.argv[1])
times = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(times))
if times == 3:
    sys.exit("no ticket")
status = {"token": f"t{times}", "expirationTimestamp": "2020-01-01T00:00:00Z"}
print(json.dumps({"apiVersion": "v1", "kind": "ExecCredential", "status": status}))
"""


async def test_credentials_plugin_runs_again_when_its_token_expires(
    ask: Ask, tmp_path: Path
) -> None:
    args = ["-c", PLUGIN, str(tmp_path / "count")]
    plugin = {"apiVersion": "v1", "command": sys.executable, "args": args}
    asked = await ask(objects(1), exec=plugin)
    await asked.client.list(Binding)
    assert asked.server.asked[0].headers["Authorization"] == "Bearer t2"
    with pytest.raises(Unauthorized, match=r"the credentials plugin .* failed: .*no ticket"):
        await asked.client.list(Binding)
    await asked.client.list(Binding)


async def test_nothing_of_the_environment_but_the_kubeconfig_counts(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login eve password eve\n")
    for name, value in (("HOME", str(tmp_path)), ("HTTP_PROXY", "http://127.0.0.1:1")):
        monkeypatch.setenv(name, value)
        monkeypatch.setenv(name.lower(), value)
    asked = await ask(objects(1))
    before = (tmp_path / "config").read_text()
    await asked.client.list(Binding)
    headers = asked.server.asked[0].headers
    assert headers["Authorization"] == "Bearer secret"
    assert headers["User-Agent"].startswith("smi-mesh/")
    assert (tmp_path / "config").read_text() == before


async def test_answer_that_is_no_object_is_told(ask: Ask) -> None:
    asked = await ask(answer(["odd"]))
    with pytest.raises(Unavailable, match="not an object"):
        await asked.client.get(Binding, "a")


async def test_server_that_is_not_there_is_told_with_its_address(tmp_path: Path) -> None:
    file = write_kubeconfig(tmp_path / "config", "http://127.0.0.1:1")
    async with Client({"KUBECONFIG": str(file)}) as client:
        with pytest.raises(Unavailable, match=r"the API server at http://127\.0\.0\.1:1 does not"):
            await client.list(Binding)


async def test_client_says_which_extra_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "smi.client.connection", raising=False)
    monkeypatch.setitem(sys.modules, "kubernetes_asyncio.client", None)
    with pytest.raises(MissingExtra, match=r"needs kubernetes_asyncio.*'smi-mesh\[client\]'"):
        await Client({}).__aenter__()
