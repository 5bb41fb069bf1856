"""One API server over HTTP: a call becomes an answer or an error, a watch a stream of events."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from kubernetes_asyncio.client import ApiClient

from smi import __version__
from smi.client.calls import Call
from smi.client.cluster import Cluster, Credentials
from smi.client.failures import failure, interrupted, refusal, unreachable
from smi.client.timeouts import Timeouts
from smi.k8s.document import Document, part

# TimeoutError and the errors of TLS are OSErrors; ValueError is JSON that is none; aiohttp says
# RuntimeError of a body whose connection is gone before it is read.
_BROKEN = (aiohttp.ClientError, OSError, ValueError, RuntimeError)


@dataclass(slots=True)
class Connection:
    """An HTTP session with one API server, from `connected` until its block ends."""

    cluster: Cluster
    timeouts: Timeouts
    api: Any  # kubernetes_asyncio's ApiClient
    namespace: str
    sessions: AsyncExitStack

    @property
    def address(self) -> str:
        """Where the API server is."""
        return str(self.api.configuration.host)

    async def ask(self, call: Call) -> Document:
        """The document that answers `call`; raises ClusterError."""
        async with self._answer(call, self.timeouts.answer) as answer:
            return _document(await answer.read())

    async def follow(self, call: Call) -> AsyncGenerator[Document, None]:
        """The events of a watch, until the API server ends it; raises ClusterError."""
        async with self._answer(call, self.timeouts.idle) as answer:
            async for line in _lines(answer.content):
                document = _document(line)
                if document.get("type") == "ERROR":
                    raise interrupted(call, part(document, "object"), self.address)
                yield document

    @asynccontextmanager
    async def _answer(self, call: Call, read: float) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to `call`, whose body is still to come; broken bodies raise ClusterError."""
        try:
            answer = await self._send(call, read)
            if answer.status == 401:
                answer.release()
                await self._renew()
                answer = await self._send(call, read)
            async with answer:
                if answer.status >= 400:
                    body = _document_or_text(await answer.read())
                    after = answer.headers.get("Retry-After")
                    raise failure(call, refusal(answer.status, body, after), self.address)
                try:
                    yield answer
                finally:
                    _hang_up(answer)
        except _BROKEN as error:
            raise unreachable(self.address, error) from error

    async def _send(self, call: Call, read: float) -> Any:  # noqa: ANN401 - its client has no types
        # None of these has a default: a half-open connection would hang for ever.
        limits = aiohttp.ClientTimeout(sock_connect=self.timeouts.connect, sock_read=read)
        return await self.api.call_api(
            call.path,
            call.method,
            query_params=list(call.query),
            header_params={"Accept": "application/json", "Content-Type": call.content_type},
            body=call.body,
            auth_settings=["BearerToken"],
            _preload_content=False,
            _request_timeout=limits,
        )

    async def _renew(self) -> None:
        """Read the credentials again: a token may have been replaced, or a certificate."""
        fresh = await self.cluster.credentials()
        if _tls(fresh) == _tls_of(self.api.configuration):
            self.api.configuration.api_key = fresh.configuration.api_key
        else:
            # What others hold of the session before ends with it, at the end of this one.
            self.api = await self.sessions.enter_async_context(_session(fresh))


@asynccontextmanager
async def connected(cluster: Cluster, timeouts: Timeouts) -> AsyncIterator[Connection]:
    """The API server of `cluster`, until the block ends."""
    async with AsyncExitStack() as sessions:
        found = await cluster.credentials()
        api = await sessions.enter_async_context(_session(found))
        yield Connection(cluster, timeouts, api, found.namespace, sessions)


def _hang_up(answer: aiohttp.ClientResponse) -> None:
    """Drop the connection of a watch that is left in the middle."""
    # Closed in order, it would wait for the other side's TLS, after everybody else is gone.
    if answer.connection is not None and answer.connection.transport is not None:
        answer.connection.transport.abort()


@asynccontextmanager
async def _session(credentials: Credentials) -> AsyncIterator[Any]:
    configuration = credentials.configuration
    # Each watch holds a connection; the default is 100 in all.
    configuration.connection_pool_maxsize = 0
    async with ApiClient(configuration) as api:
        api.user_agent = f"smi-mesh/{__version__}"
        # Its own session obeys HTTP_PROXY, which in a mesh names a sidecar, and .netrc.
        own = api.rest_client.pool_manager
        api.rest_client.pool_manager = aiohttp.ClientSession(
            connector=own.connector, trust_env=False
        )
        own.detach()
        yield api


def _tls(credentials: Credentials) -> tuple[object, ...]:
    return _tls_of(credentials.configuration)


def _tls_of(configuration: Any) -> tuple[object, ...]:  # noqa: ANN401 - it has no types
    names = ("host", "ssl_ca_cert", "cert_file", "key_file", "verify_ssl", "tls_server_name")
    return tuple(getattr(configuration, name) for name in names)


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """The lines of a body, of any length; the end of one that is cut off is dropped."""
    rest: list[bytes] = []
    async for chunk in content.iter_any():
        *whole, last = chunk.split(b"\n")
        for line in whole:
            yield b"".join([*rest, line])
            rest.clear()
        rest.append(last)


def _document(body: bytes) -> Document:
    """A JSON object; ValueError where a body is anything else."""
    document = json.loads(body)
    if not isinstance(document, dict):
        message = f"not an object: {body[:80]!r}"
        raise ValueError(message)  # noqa: TRY004 - as json says that it is no JSON
    return document


def _document_or_text(body: bytes) -> object:
    try:
        return _document(body)
    except ValueError:
        return body.decode(errors="replace")
