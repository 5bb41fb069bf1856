"""An API server that fails as it is told to, over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

Document = dict[str, Any]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def binding(name: str, version: int, account: object = "web") -> Document:
    """An IdentityBinding as the API server writes it."""
    return {
        "apiVersion": "access.smi-spec.io/v1alpha4",
        "kind": "IdentityBinding",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"u-{name}",
            "resourceVersion": str(version),
        },
        "spec": {"schemes": {"serviceAccount": account}},
    }


def event(change: str, document: Document) -> bytes:
    """A line of a watch."""
    return json.dumps({"type": change, "object": document}).encode() + b"\n"


def added(name: str, version: int) -> bytes:
    """The line of a new IdentityBinding."""
    return event("ADDED", binding(name, version))


def objects(version: int, *items: Document, more: str = "") -> Answer:
    """A list, or a page of it with `more` to come."""
    metadata = {"resourceVersion": str(version), **({"continue": more} if more else {})}
    return answer({"kind": "List", "metadata": metadata, "items": list(items)})


def answer(body: object, status: int = 200, **headers: str) -> Answer:
    """One JSON document."""

    async def respond(_: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response(body, status=status, headers=named)

    return respond


def refused(status: int, message: str = "", **headers: str) -> Answer:
    """A Status object."""
    return answer({"kind": "Status", "code": status, "message": message}, status, **headers)


def stream(*chunks: bytes, pause: float = 0.0, silence: float = 0.0) -> Answer:
    """Chunks with pauses between them, and at last silence before the end."""

    async def respond(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
            await asyncio.sleep(pause)
        await asyncio.sleep(silence)
        return response

    return respond


def cut(*chunks: bytes) -> Answer:
    """Chunks, and the connection is gone."""

    async def respond(request: web.Request) -> web.StreamResponse:
        response = await stream(*chunks)(request)
        assert request.transport is not None
        request.transport.abort()
        return response

    return respond


async def silent(_: web.Request) -> web.StreamResponse:
    """A connection that is open on the other side only."""
    await asyncio.sleep(60)
    return web.Response()


@dataclass
class FakeServer:
    """Gives its answers in their order, the last one again and again."""

    answers: list[Answer] = field(default_factory=list)
    asked: list[web.Request] = field(default_factory=list)
    arrivals: asyncio.Queue[None] = field(default_factory=asyncio.Queue)
    address: str = ""

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """The next answer."""
        self.asked.append(request)
        self.arrivals.put_nowait(None)
        now = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await now(request)

    @property
    def watches(self) -> list[web.Request]:
        """The watches among the requests."""
        return [request for request in self.asked if "watch" in request.query]


@asynccontextmanager
async def running(server: FakeServer) -> AsyncIterator[FakeServer]:
    """`server` on a port of the loopback, until the block ends."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.respond)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        server.address = f"http://{host}:{port}"
        yield server
    finally:
        await runner.cleanup()


def write_kubeconfig(path: Path, address: str, **user: object) -> Path:
    """A kubeconfig that names a server, whose context is in the namespace `shop`."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": address}}],
        "users": [{"name": "u", "user": user or {"token": "secret"}}],
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "shop"}},
            {"name": "bare", "context": {"cluster": "c", "user": "u"}},
        ],
    }
    path.write_text(yaml.safe_dump(config))
    return path
