"""The webhooks over TLS: `/convert` for an API server, `/healthz` for whoever restarts us."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from smi.webhook.certificate import Certificate
from smi.webhook.conversion import converted

LARGEST = 128 * 1024 * 1024
"""Bytes of a review. An API server asks for all objects of a list at once: 10 000 of 12 KB."""

READING = 30.0
"""Seconds in which a review has to arrive; an API server waits no longer for its answer."""

STOPPING = 10.0
"""Seconds that what is being answered has when the server stops; an API server waits 30 at most."""


@asynccontextmanager
async def serving(host: str, port: int, certificate: Certificate) -> AsyncIterator[int]:
    """Serve until the block ends, and end what is being answered; gives the port."""
    runner = web.AppRunner(application(), shutdown_timeout=STOPPING, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, ssl_context=certificate.server_context())
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def application() -> web.Application:
    """What is answered, by path."""
    made = web.Application(client_max_size=LARGEST)
    made.router.add_post("/convert", _convert)
    made.router.add_get("/healthz", _healthz)
    return made


async def _healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _convert(request: web.Request) -> web.Response:
    if (request.content_length or 0) > LARGEST:
        raise web.HTTPRequestEntityTooLarge(LARGEST, request.content_length or 0)
    try:
        async with asyncio.timeout(READING):
            body = await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    # A large list must not keep `/healthz` waiting.
    return web.Response(
        body=await asyncio.to_thread(_answered, body), content_type="application/json"
    )


def _answered(body: bytes) -> bytes:
    try:
        review = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise web.HTTPBadRequest(text=f"the review is not JSON: {error}") from None
    return json.dumps(converted(review)).encode()
