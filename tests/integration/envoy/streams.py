"""Streams of proxies that say who they are by hand."""

import contextlib
from pathlib import Path

import grpc

from smi_envoy.pb.envoy.config.core.v3 import base_pb2
from smi_envoy.pb.envoy.service.discovery.v3 import discovery_pb2
from smi_envoy.xds import wire
from smi_envoy.xds.resources import TypeUrl

EVERYTHING = discovery_pb2.DeltaDiscoveryRequest(type_url=TypeUrl.LISTENER)


async def opened(
    backend_socket: Path, token: str, node: str
) -> discovery_pb2.DeltaDiscoveryResponse | tuple[grpc.StatusCode, str]:
    """The first answer on a stream, or why there is none."""
    async with grpc.aio.insecure_channel(f"unix:{backend_socket}") as channel:
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
        method = channel.stream_stream(f"/{wire.SERVICE}/{wire.METHOD}")
        call = method(metadata=(("authorization", f"Bearer {token}"),))
        request = discovery_pb2.DeltaDiscoveryRequest()
        request.CopyFrom(EVERYTHING)
        request.node.CopyFrom(base_pb2.Node(id=node))
        # A stream that is refused at once takes no more: gRPC calls that an internal error.
        with contextlib.suppress(grpc.aio.AioRpcError):
            await call.write(request.SerializeToString())
        with contextlib.suppress(grpc.aio.AioRpcError):
            answer = await call.read()
            if isinstance(answer, bytes):
                return discovery_pb2.DeltaDiscoveryResponse.FromString(answer)
        return await call.code(), await call.details() or ""
