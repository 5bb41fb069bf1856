"""The grpc.aio shell of the delta ADS."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import chain
from typing import Generic, assert_never

import grpc

from smi_envoy.xds import wire
from smi_envoy.xds.cache import Cache
from smi_envoy.xds.channel import Channel, Ending
from smi_envoy.xds.connection import Connection
from smi_envoy.xds.resources import ProxyId
from smi_envoy.xds.secrets import Secrets
from smi_envoy.xds.session import Identity, Refused, Session

Authenticate = Callable[[str], Awaitable[Session[Identity]]]

_Context = grpc.aio.ServicerContext[bytes, bytes]

# A stream that is never read keeps one response and cannot be ended; one that reconnects has two
# for a moment, more when it does so before the server has seen the last one go.
_STREAMS_LIMIT = 8  # of one proxy
_STOP_GRACE = 1.0  # seconds; streams are told to end first, so this is for a proxy that hangs
# gRPC refuses calls at random from 1000 that Python has not picked up, all from 3000: a
# reconnect storm of 2000 proxies loses some to their backoff. A call waits in a few hundred bytes.
_PENDING_CALLS = 100_000
_OPTIONS = (
    ("grpc.server.max_pending_requests", _PENDING_CALLS),
    ("grpc.server.max_pending_requests_hard_limit", _PENDING_CALLS),
    # Envoy pings an idle stream to find a dead peer; gRPC's default takes three pings in five
    # minutes without data for an attack and closes the connection.
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.so_reuseport", 0),  # a second server on one address fails loudly
)

_log = logging.getLogger(__name__)


class AdsServer(Generic[Identity]):
    """Owns the listening address and every open stream; both end with `run`.

    `authenticate` turns a bearer token into a session or raises `Refused`; nothing else says who a
    proxy is. `address` is in gRPC's notation (`unix:/path`, `host:port`). Without `credentials`
    tokens travel in the clear, so the address must not leave the machine.
    """

    def __init__(
        self,
        cache: Cache,
        secrets: Secrets[Identity],
        authenticate: Authenticate[Identity],
        clock: Callable[[], float],
        *,
        address: str,
        credentials: grpc.ServerCredentials | None = None,
    ) -> None:
        self._cache = cache
        self._secrets = secrets
        self._authenticate = authenticate
        self._clock = clock
        self._address = address
        self._credentials = credentials
        self._open: dict[ProxyId, set[Channel]] = {}

    async def run(self) -> None:
        """Serve until cancelled."""
        server = grpc.aio.server(options=_OPTIONS)
        method: grpc.RpcMethodHandler[bytes, bytes]
        method = grpc.stream_stream_rpc_method_handler(self._serve)
        handler = grpc.method_handlers_generic_handler(wire.SERVICE, {wire.METHOD: method})
        server.add_generic_rpc_handlers((handler,))
        if self._credentials is None:
            server.add_insecure_port(self._address)
        else:
            server.add_secure_port(self._address, self._credentials)
        try:
            await server.start()
            _log.info("serving", extra={"address": self._address})
            await server.wait_for_termination()
        finally:
            for channel in chain.from_iterable(self._open.values()):
                channel.end(Ending.STOPPING)
            await server.stop(_STOP_GRACE)

    async def _serve(self, requests: AsyncIterator[bytes], context: _Context) -> None:
        try:
            session = await self._authenticate(_token(context))
        except Refused as refused:
            _log.warning("stream refused", extra={"reason": refused.reason})
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, refused.reason)
        ending = await self._session(session, requests, context)
        if ending is Ending.REMOVED:
            self._secrets.forget(session.proxy_id)
        if ending is not Ending.CLOSED:
            await context.abort(_status(ending), ending.value)

    async def _session(
        self, session: Session[Identity], requests: AsyncIterator[bytes], context: _Context
    ) -> Ending:
        proxy_id = session.proxy_id
        mine = self._open.setdefault(proxy_id, set())
        if len(mine) >= _STREAMS_LIMIT:
            _log.warning("stream refused", extra={"proxy": proxy_id, "reason": "TooManyStreams"})
            return Ending.CROWDED
        channel = self._cache.attach(proxy_id)
        mine.add(channel)
        _log.info("stream opened", extra={"proxy": proxy_id})
        ending = Ending.CLOSED  # gRPC cancels this task when the proxy disconnects
        try:
            connection = Connection(session, self._cache, self._secrets, self._clock, channel)
            ending = await connection.serve(requests, context.write)
        finally:
            mine.remove(channel)
            if not mine:
                del self._open[proxy_id]
            self._cache.detach(proxy_id, channel)
            _log.info("stream closed", extra={"proxy": proxy_id, "reason": ending.value})
        return ending


def _token(context: _Context) -> str:
    """The bearer token of a call, with or without its scheme."""
    for key, value in context.invocation_metadata() or ():
        if key == "authorization":
            text = value.decode() if isinstance(value, bytes) else value
            scheme, _, rest = text.strip().partition(" ")
            return rest.strip() if scheme.lower() == "bearer" else text.strip()
    raise Refused("TokenAbsent")


def _status(ending: Ending) -> grpc.StatusCode:
    match ending:
        case Ending.EXPIRED:
            return grpc.StatusCode.UNAUTHENTICATED
        case Ending.FOREIGN_NODE | Ending.REMOVED:
            return grpc.StatusCode.PERMISSION_DENIED
        case Ending.MALFORMED:
            return grpc.StatusCode.INVALID_ARGUMENT
        case Ending.CROWDED | Ending.FLOODED:
            return grpc.StatusCode.RESOURCE_EXHAUSTED
        case Ending.REPLACED:
            return grpc.StatusCode.ABORTED
        case Ending.CLOSED | Ending.STOPPING:
            return grpc.StatusCode.UNAVAILABLE
        case _:
            assert_never(ending)
